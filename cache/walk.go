package cache

import "math/bits"

// walk visits the IDs of a shard, a few in each lock hold. An entry that exists
// throughout is visited exactly once, even if the index grows or shrinks
// meanwhile.
//
// The order is that of the tags with their bits reversed. In that order the
// entries of one bucket are neighbours, and after a split they are two ranges
// of neighbours (like the cursor of Redis's SCAN command).
type walk struct {
	shard   *shard
	next    uint32 // the reversed tag to continue from
	done    bool
	ids     []string
	visited int // entries that nextBatch has visited
}

// One lock hold copies so many IDs, or so many bytes of them, plus the rest of
// a bucket.
const (
	walkIDs   = 64
	walkBytes = 64 << 10
)

// nextIDs replaces w.ids by the next IDs and reports whether there are any.
func (c *Cache) nextIDs(w *walk) bool {
	s := w.shard
	c.lockUnchanged(s)
	defer c.unlock(s)
	s.timeHold(holdScan)
	w.ids = w.ids[:0]
	for bytes := 0; len(w.ids) < walkIDs && bytes < walkBytes && !w.done && !s.closed; {
		s.visitBucket(w, func(v slot) {
			id := string(s.arena.appendID(nil, v.ref()))
			w.ids, bytes = append(w.ids, id), bytes+len(id)
		})
	}
	return len(w.ids) > 0
}

// nextBatch replaces batch by the slots of the next buckets of w: at least
// walkBatch, if as many are left. It begins to load their records, so that
// these loads overlap.
func (s *shard) nextBatch(w *walk, batch []slot) []slot {
	batch = batch[:0]
	for len(batch) < walkBatch && !w.done {
		s.visitBucket(w, func(v slot) {
			prefetchHeader(s.arena.record(v.ref()))
			batch = append(batch, v)
		})
	}
	w.visited += len(batch)
	return batch
}

const (
	walkBatch    = 32
	walkBatchCap = 2 * walkBatch // room for the rest of a bucket
)

const tagBits = 31

func reverse(t tag) uint32 { return bits.Reverse32(uint32(t)) >> (32 - tagBits) }

// bucketsAhead is how far a walk prefetches.
const bucketsAhead = 4

// visitBucket calls visit for each entry in the next bucket of w.
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

// share returns how much of the shard w has visited, from 0 to 1.
func (w *walk) share() float64 {
	return float64(w.next) / (1 << tagBits)
}

// bucket returns the number of the next bucket.
func (w *walk) bucket() uint32 {
	return w.shard.index.numberOf(tag(reverse(tag(w.next))))
}

// pass advances w behind the bucket of that number.
func (w *walk) pass(number uint32) {
	width := uint32(1) << (tagBits - w.shard.index.bitsOf(number))
	w.next = reverse(tag(number)) + width
	w.done = w.next == 1<<tagBits
	w.shard.prefetch(tag(reverse(tag(w.next + width*bucketsAhead))))
}

// bitsOf returns the number of low bits that all tags of a bucket share.
func (x *index) bitsOf(number uint32) int {
	n := bits.Len32(x.topBit) - 1
	if number >= x.topBit || number < x.buckets-x.topBit {
		n++
	}
	return n
}
