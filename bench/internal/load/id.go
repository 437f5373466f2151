// Package load makes the work that the caches are given: session IDs, values,
// and the order in which they are asked for. All of it follows from a seed, so
// every peer gets the same work and a second run repeats the first.
package load

import (
	"encoding/base64"
	"encoding/binary"
)

// IDLen is the length of a session ID: 32 random bytes in unpadded base64, what
// most session middlewares put into a cookie.
const IDLen = 43

// AppendID appends the ID of session number n to dst. The same number always
// has the same ID, so no table of IDs has to be kept beside the cache, where it
// would compete for the processor's caches.
func AppendID(dst []byte, n uint64) []byte {
	var raw [32]byte
	for i := range 4 {
		binary.LittleEndian.PutUint64(raw[8*i:], mix(4*n+uint64(i)))
	}
	return base64.RawURLEncoding.AppendEncode(dst, raw[:])
}

// ID returns the ID of session number n.
func ID(n uint64) string { return string(AppendID(make([]byte, 0, IDLen), n)) }

// mix is the output function of SplitMix64: a bijection whose result looks
// random even for consecutive numbers.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
