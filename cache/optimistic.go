package cache

import (
	"math/bits"
	"sync/atomic"
	"unsafe"
)

// Get, Append and Peek read without the shard's lock where they can: an
// optimistic read looks an entry up and copies its value while others may
// write. A sequence number tells whether anybody did. If so, the read discards
// the copy and tries once more, and then takes the lock. This is the sequence
// lock of the Linux kernel; Boehm (Can Seqlocks Get Along with Programming
// Language Memory Models?, 2012) describes the barriers that it needs.
//
// These make it sound:
//
//   - The region stays mapped while a reader may look at it: see readers.go.
//   - A reader bounds each ref and length that it has read, by its view, before
//     it uses them. So a word that is being written leads it to other bytes of
//     the region, and no further. Every loop is bounded too.
//   - The sequence number is odd during a change, and grows with it. A reader
//     that finds the same even number before and after its reads has seen no
//     change. fence keeps its reads between the two, and the writes of a
//     change too: the compiler moves no access to memory across a call of
//     assembly, and an arm64 none across the barrier in it. An amd64 keeps reads
//     in order, and ordinary writes; for others see fenceStores.
//   - Before that, a reader returns nothing and decides nothing. A plain read
//     of a word that others write yields one of the values written to it: the
//     Go memory model promises that for words of the machine's size. It
//     promises nothing about several words, so all beyond that rests on the
//     fences.
//   - A reader without the lock writes only its stripe, which is on Go's heap. It
//     never writes to the region. If its use has to move the entry in the order
//     of eviction, it takes the lock for that.
//   - Touch and such moves do not change the sequence number. A reader may see
//     deadlines, marks and last uses in any state, each of them one word.
//
// Reads take the lock on other processors than amd64 and arm64, in shards below
// 32 KiB, and in a build for the race detector, which cannot see that this is
// sound.

// A read that meets a change tries again, so many times in all.
const optimisticTries = 2

// sequence is a sequence number. Only a holder of the lock changes it. A plain
// write does, beside fence: an atomic one waits until all earlier writes have
// reached the processor's cache.
type sequence uint64

func (n *sequence) next() { *n++ }

func (n *sequence) load() uint64 { return atomic.LoadUint64((*uint64)(n)) }

// view is a shard's memory as an optimistic read sees it. It is immutable.
type view struct {
	base     unsafe.Pointer
	size     uint64 // of the region, in bytes
	shift    uint8  // index.shift
	longest  uint32 // Options.MaxValue
	segments []ref  // up to the capacity of index.segments
	ghosts   *ghosts
	plain    bool // evictionOrder.plain
}

// publish lets optimistic reads use the shard's memory and tables as they are
// now.
func (s *shard) publish() {
	if !s.optimistic {
		return
	}
	memory, x := s.arena.Memory(), &s.index
	s.view.Store(&view{
		base:     unsafe.Pointer(unsafe.SliceData(memory)),
		size:     uint64(len(memory)),
		shift:    x.shift,
		longest:  uint32(s.owner.options.MaxValue),
		segments: x.segments[:cap(x.segments)],
		ghosts:   s.ghosts,
		plain:    s.order.plain,
	})
}

// The casts below rely on these invariants, beside the bounds that are checked:
// a ref counts granules, so that each type is aligned; and no type has a Go
// pointer.

// tryRead appends the value under id to dst, without the shard's lock. It
// reports done if it could; otherwise the caller has to take the lock. A use
// counts in the order of eviction and in Stats.
func (c *Cache) tryRead(dst []byte, id string, isUse bool) (value []byte, found, done bool) {
	hash := c.hash(id)
	s, t := c.shardOf(hash), tagOf(hash)
	for range optimisticTries {
		if s.view.Load() == nil {
			break
		}
		reader := c.readers.enter()
		if reader == nil {
			break
		}
		before, v := s.seq.load(), s.view.Load()
		if v == nil || before&1 != 0 {
			reader.leave(noResult)
			break
		}
		b, ok := s.bucketIn(v, t)
		var e seen
		ok = ok && v.find(&e, b, id, t, &c.clock)
		moves := false // the use has to change the order
		if e.slot != 0 && e.deadline > e.now {
			if moves = isUse && !((v.plain || e.header.Is(protected)) && s.order.isRecent(e.slot.ref(), lastUse(e.useLen), tickOf(e.now))); !moves {
				value = append(dst, e.value...)
			}
		}
		fence()
		isValid := s.seq.load() == before
		switch {
		case !isValid:
			reader.leave(noResult)
			if value != nil {
				clear(value[len(dst):]) // it may be any memory's
				value = nil
			}
			continue
		case !ok, e.slot != 0 && e.deadline <= e.now, e.slot == 0 && isUse && v.ghosts.has(t):
			reader.leave(noResult)
			return dst, false, false
		case e.slot == 0:
			reader.leave(counted(hasMissed, isUse))
			c.sampleLookup(id, s, t, false, isUse)
			return dst, false, true
		case moves:
			reader.leave(noResult)
			value, found, done = s.useUnchanged(dst, e.slot.ref(), len(id), before, e.now)
			c.sampleLookup(id, s, t, true, done)
			return value, found, done
		}
		reader.leave(counted(hasHit, isUse))
		c.sampleLookup(id, s, t, true, isUse)
		return value, true, true
	}
	return dst, false, false
}

// useUnchanged moves the entry at r in the order of eviction, and appends its
// value to dst. It does nothing and reports false if the shard has changed
// since its sequence number was before. Other optimistic reads go on meanwhile:
// they may see the order, marks and last uses in any state.
func (s *shard) useUnchanged(dst []byte, r ref, idLen int, before uint64, now int64) (value []byte, found, done bool) {
	s.mu.Lock()
	if s.seq.load() != before {
		s.mu.Unlock()
		return dst, false, false
	}
	s.now = max(s.now, now)
	s.hits++
	s.use(r)
	dst = s.arena.appendValue(dst, r, uint32(idLen))
	s.mu.Unlock()
	return dst, true, true
}

// bucketIn returns the bucket of t. It reports false if the index is changing.
func (s *shard) bucketIn(v *view, t tag) (*bucket, bool) {
	n := s.index.buckets
	number := bucketNumber(t, n, 1<<bits.Len32(n)>>1)
	segment := int(number >> v.shift)
	if segment >= len(v.segments) {
		return nil, false
	}
	return v.bucketAt(v.segments[segment], number&(1<<v.shift-1))
}

// An optimistic read looks at so many buckets of a chain. Longer chains come
// only from hashes that collide.
const longestChain = 8

// seen is an entry that an optimistic read has seen. All of it may be wrong
// until the sequence number has been compared.
type seen struct {
	slot     slot  // 0 if there is no entry
	now      int64 // the clock's reading, if any entry was looked at
	header   header
	useLen   uint64
	deadline int64
	value    []byte // in the region
}

// find looks for the entry under id in the chain of b, and sets e. It reports
// false if only a holder of the lock can tell: if the entry has several blocks,
// or is changing.
func (v *view) find(e *seen, b *bucket, id string, t tag, k *clock) (ok bool) {
	for range longestChain {
		next := slot(0)
		for i := range b {
			w := b[i]
			if w.tag() != t && !w.link() || w == 0 {
				continue
			}
			if w.link() {
				next = w
				break
			}
			if ok := v.read(e, w, id, k); e.slot != 0 || !ok {
				return ok
			}
		}
		if next == 0 {
			return true
		}
		if b, ok = v.bucketAt(next.ref(), 0); !ok {
			return false
		}
	}
	return false
}

// read reads the entry of slot w, and sets e if it is the one under id. It
// reports false like find.
func (v *view) read(e *seen, w slot, id string, k *clock) (ok bool) {
	start := uint64(w.ref()) * granule
	if start+chainHeaderBytes > v.size {
		return false
	}
	r := (*record)(unsafe.Add(v.base, start))
	prefetchRecord(r)
	if e.now == 0 {
		e.now = k.now() // now, so that both overlap
	}
	h, use := r.header, r.useLen
	if idLen(use) != uint32(len(id)) {
		return true
	}
	// The end may be less than 0. A value of some ID may look like a record: it
	// must not make a lookup copy more than MaxValue.
	idEnd, end, most := recordHeaderBytes+uint32(len(id)), h.End(), h.Granules()*granule
	if h.Kind() != isRecord || end < idEnd || end > most || start+uint64(most) > v.size || end-idEnd > v.longest {
		return false
	}
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(r)), end)
	if string(bytes[recordHeaderBytes:idEnd]) == id {
		*e = seen{w, e.now, h, use, r.deadline, bytes[idEnd:]}
	}
	return true
}

// bucketAt returns the i-th bucket after the label of the index memory at r. It
// reports false if that is not within the region.
func (v *view) bucketAt(r ref, i uint32) (*bucket, bool) {
	at := uint64(r)*granule + labelBytes + uint64(i)*lineBytes
	if at+lineBytes > v.size {
		return nil, false
	}
	return (*bucket)(unsafe.Add(v.base, at)), true
}
