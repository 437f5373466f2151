package main

import (
	"encoding/base64"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"unsafe"
)

// All work follows from a seed: every peer gets the same, and so does a second
// run.

// idLen is the length of a session ID: 32 random bytes in unpadded base64, as
// most session middlewares put into a cookie.
const idLen = 43

// appendID appends the ID of session n to dst. The ID is computed from n: a
// table of IDs would compete with the cache for the processor's caches.
func appendID(dst []byte, n uint64) []byte {
	var raw [32]byte
	for i := range 4 {
		binary.LittleEndian.PutUint64(raw[8*i:], mix(4*n+uint64(i)))
	}
	return base64.RawURLEncoding.AppendEncode(dst, raw[:])
}

func sessionID(n int) string { return string(appendID(make([]byte, 0, idLen), uint64(n))) }

// mix is the output function of SplitMix64 (Steele, Lea and Flood 2014): a
// bijection whose results look random even for consecutive numbers.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// newValue returns n bytes that do not compress, so that no memory page of one
// value equals a page of another.
func newValue(n int, seed uint64) []byte {
	rng := rand.New(rand.NewPCG(seed, seed))
	v := make([]byte, 0, n+8)
	for len(v) < n {
		v = binary.LittleEndian.AppendUint64(v, rng.Uint64())
	}
	return v[:n]
}

// The distributions of accesses over the sessions. Hot accesses are to a few
// sessions, which all processors share.
const zipf, uniform, hot = "zipf", "uniform", "hot"

// hotSessions is the number of sessions of hot accesses.
const hotSessions = 16

// zipfExponent is the skew of Zipf accesses. Near 1, as measured on web
// traffic, a few per cent of the sessions get half of the requests.
const zipfExponent = 1.01

// picker draws session numbers below n.
type picker struct {
	n      uint64 // all sessions
	picked uint64 // the number of popular ones, if all are alike
	rng    *rand.Rand
	zipf   *rand.Zipf // nil: the popular ones are alike
}

func newPicker(distribution string, n int, seed uint64) *picker {
	p := &picker{n: uint64(n), picked: uint64(n), rng: rand.New(rand.NewPCG(seed, mix(seed)))}
	switch distribution {
	case zipf:
		p.zipf = rand.NewZipf(p.rng, zipfExponent, 1, p.n-1)
	case hot:
		p.picked = min(p.n, hotSessions)
	}
	return p
}

// pick returns the number of the next session. Popular sessions lie anywhere
// among the numbers: sessions are stored in the order of their numbers, and
// popularity must not follow the layout of memory.
func (p *picker) pick() uint64 {
	if p.zipf == nil {
		return scatter(p.rng.Uint64N(p.picked), p.n)
	}
	return scatter(p.zipf.Uint64(), p.n)
}

// scatter maps the numbers below n one to one onto themselves, so that
// neighbours land far apart.
func scatter(i, n uint64) uint64 {
	// The prime divides no n of this program, and its product with an n below
	// 2^33 does not overflow.
	const prime = 2147483647
	return i * prime % n
}

// sequence is the IDs of a series of accesses, adjacent in memory that holds no
// pointers. A walk along it costs next to nothing: the processor prefetches the
// next ID, and the garbage collector does not scan it.
type sequence struct{ ids []byte }

// draw replaces the sequence by count accesses from p, each number increased by
// offset. Numbers from the number of stored sessions on are absent IDs. The
// memory is reused.
func (s *sequence) draw(p *picker, count int, offset uint64) {
	s.ids = slices.Grow(s.ids[:0], count*idLen)
	for range count {
		s.ids = appendID(s.ids, offset+p.pick())
	}
}

func (s *sequence) len() int { return len(s.ids) / idLen }

// at returns the ID of access i. It shares the sequence's memory: a cache that
// keeps it must keep a copy.
func (s *sequence) at(i int) string {
	id := s.ids[i*idLen : (i+1)*idLen]
	return unsafe.String(unsafe.SliceData(id), idLen)
}
