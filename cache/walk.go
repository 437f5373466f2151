package cache

import "math/bits"

// walk visits the IDs of a shard, a few in each hold of the lock. An entry that
// is there throughout is visited once, however the index grows or shrinks
// meanwhile.
//
// The entries are visited in the order of their tags with the bits reversed. In
// that order those of one bucket are neighbours, and when it is split they are
// two rows of neighbours (after the cursor of Redis's SCAN command).
type walk struct {
	shard *shard
	next  uint32 // the reversed tag to go on from
	done  bool
	ids   []string
}

// In one hold of the lock so many IDs are copied, or so many bytes of them, but
// for the rest of a bucket.
const (
	walkIDs   = 64
	walkBytes = 64 << 10
)

// nextIDs replaces w.ids by the IDs to visit next, and reports whether there
// were any left.
func (c *Cache) nextIDs(w *walk) bool {
	s := w.shard
	c.lock(s)
	defer c.unlock(s)
	w.ids = w.ids[:0]
	for bytes := 0; len(w.ids) < walkIDs && bytes < walkBytes && !w.done && !s.closed; {
		s.visitBucket(w, func(v slot) {
			id := string(s.arena.appendID(nil, v.ref()))
			w.ids, bytes = append(w.ids, id), bytes+len(id)
		})
	}
	return len(w.ids) > 0
}

const tagBits = 31

func reverse(t tag) uint32 { return bits.Reverse32(uint32(t)) >> (32 - tagBits) }

// bucketsAhead is how many buckets are on their way while one is visited.
const bucketsAhead = 4

// visitBucket visits the entries of the next bucket of w, by their slots.
func (s *shard) visitBucket(w *walk, visit func(slot)) {
	number := w.bucket()
	for b := s.bucketAt(number); b != nil; b = s.following(b) {
		for _, v := range b {
			if v != 0 && !v.link() && reverse(v.tag()) >= w.next {
				visit(v)
			}
		}
	}
	w.pass(number)
}

// bucket returns the number of the bucket that is next.
func (w *walk) bucket() uint32 {
	return w.shard.index.numberOf(tag(reverse(tag(w.next))))
}

// pass goes on from the bucket of that number to the one after it.
func (w *walk) pass(number uint32) {
	width := uint32(1) << (tagBits - w.shard.index.bitsOf(number))
	w.next = reverse(tag(number)) + width
	w.done = w.next == 1<<tagBits
	w.shard.prefetch(tag(reverse(tag(w.next + width*bucketsAhead))))
}

// bitsOf returns how many low bits the tags in a bucket have in common.
func (x *index) bitsOf(number uint32) int {
	n := bits.Len32(x.topBit) - 1
	if number >= x.topBit || number < x.buckets-x.topBit {
		n++
	}
	return n
}
