package cache

// index maps the hash of an ID to its record. It is a linear hash table
// (Litwin, 1980), which grows and shrinks by one bucket at a time, so no
// operation copies the whole table. A bucket is one cache line of slots. A
// bucket that is full chains overflow buckets.
//
//	hash ─► tag ─► bucket number ─► segment ─► bucket             record
//	                               │ 64 buckets│ tag·ref tag·ref … tag·link │─► overflow bucket
//
// Buckets lie in segments, which are blocks of the arena, so the index uses the
// part of the cap that it needs at the moment. Only the table of segments lies
// outside the arena.
type index struct {
	segments []ref  // by segment number
	buckets  uint32 // the number of buckets, from topBit to 2*topBit-1
	topBit   uint32
	shift    uint8 // a segment has 1<<shift buckets

	overflows uint32 // overflow buckets, in use or spare
}

const slotsPerBucket = 8

// bucket is a row of slots; the used slots come first. If the last slot is a
// link to an overflow bucket, all slots are used.
type bucket [slotsPerBucket]slot

// slot is a tag with a ref to the record, or a link. The tag selects the bucket
// and nearly always identifies the entry. 0 is an unused slot.
//
//	bit  63      33    32    31      0
//	    ┌─────────┬────────┬──────────┐
//	    │   tag   │ link?  │   ref    │
//	    └─────────┴────────┴──────────┘
type slot uint64

const (
	isLink   slot = 1 << 32
	tagShift      = 33
)

func (v slot) tag() tag   { return tag(v >> tagShift) }
func (v slot) ref() ref   { return ref(v) }
func (v slot) link() bool { return v&isLink != 0 }

func makeSlot(t tag, r ref) slot { return slot(t)<<tagShift | slot(r) }

// tag is 31 bits of an ID's hash. Its low bits are the bucket number. Other
// bits of the hash select the shard.
type tag uint32

func tagOf(hash uint64) tag { return tag(uint32(hash) >> 1) }

// label is the header of a block that belongs to the index. A compaction reads
// it to move the block.
type label struct {
	header header
	number uint32 // segment number
}

const (
	labelBytes       = 8
	overflowGranules = (labelBytes + lineBytes) / granule

	// The index grows above 60 % of its slots in use and shrinks below 30 %. In
	// linear hashing the buckets not split yet are twice as full as the others.
	fullPercent  = 60
	emptyPercent = 30
)

func (x *index) numberOf(t tag) uint32 { return bucketNumber(t, x.buckets, x.topBit) }

// bucketNumber returns the number of the bucket of t.
func bucketNumber(t tag, buckets, topBit uint32) uint32 {
	b := uint32(t) & (2*topBit - 1)
	if b >= buckets {
		b &^= topBit
	}
	return b
}

func (x *index) segmentOf(t tag) uint32 { return x.numberOf(t) >> x.shift }

func (s *shard) bucketAt(number uint32) *bucket {
	x := &s.index
	return s.arena.bucket(x.segments[number>>x.shift], number&(1<<x.shift-1))
}

// following returns the overflow bucket of b, or nil.
func (s *shard) following(b *bucket) *bucket {
	if v := b[slotsPerBucket-1]; v.link() {
		return s.arena.bucket(v.ref(), 0)
	}
	return nil
}

// prefetch starts to load the bucket of t.
func (s *shard) prefetch(t tag) {
	if !s.closed {
		prefetchBucket(s.bucketAt(s.index.numberOf(t)))
	}
}

// find returns the record of id, or 0. t is the tag of id.
func (s *shard) find(id string, t tag) ref {
	for b := s.bucketAt(s.index.numberOf(t)); b != nil; b = s.following(b) {
		for _, v := range b {
			if v.tag() != t || v.link() || v == 0 {
				continue
			}
			prefetchRecord(s.arena.record(v.ref()))
			if s.arena.isFor(v.ref(), id) {
				return v.ref()
			}
		}
	}
	return 0
}

// slotOf returns the place of v in the chain of t's bucket, or nil.
func (s *shard) slotOf(t tag, v slot) *slot {
	for b := s.bucketAt(s.index.numberOf(t)); b != nil; b = s.following(b) {
		for i := range b {
			if b[i] == v {
				return &b[i]
			}
		}
	}
	return nil
}

// insert adds the record at r to the index. It may evict other entries for an
// overflow bucket, but not the record at r, which is reserved and in no list.
func (s *shard) insert(t tag, r ref) {
	for !s.addSlot(s.bucketAt(s.index.numberOf(t)), makeSlot(t, r), &s.spare) {
		if s.spare = s.allocOverflow(); s.spare == 0 && !s.compactForOverflow() {
			s.evictVictim()
		}
	}
	s.freeSpare()
}

// remove removes the record at r from the index.
func (s *shard) remove(t tag, r ref) {
	s.removeSlot(s.bucketAt(s.index.numberOf(t)), makeSlot(t, r))
}

// addSlot adds v to the chain that begins with b. If the chain is full, it
// appends *spare, an empty overflow bucket, and clears *spare. It reports false
// if the chain is full and *spare is 0.
func (s *shard) addSlot(b *bucket, v slot, spare *ref) bool {
	for next := s.following(b); next != nil; next = s.following(b) {
		b = next
	}
	i := b.used()
	if i == slotsPerBucket {
		if *spare == 0 {
			return false
		}
		overflow := s.arena.bucket(*spare, 0)
		overflow[0], overflow[1] = b[slotsPerBucket-1], v
		b[slotsPerBucket-1] = isLink | slot(*spare)
		*spare = 0
		return true
	}
	b[i] = v
	return true
}

// removeSlot removes v from the chain that begins with b. The last slot of the
// chain fills the gap. An overflow bucket with one slot left is freed, and the
// slot replaces the link to it.
func (s *shard) removeSlot(b *bucket, v slot) {
	var before *bucket
	var gap *slot
	for {
		for i := range b {
			if b[i] == v {
				gap = &b[i]
			}
		}
		next := s.following(b)
		if next == nil {
			break
		}
		before, b = b, next
	}
	i := b.used() - 1
	*gap, b[i] = b[i], 0
	if before != nil && i == 1 {
		link := &before[slotsPerBucket-1]
		overflow := link.ref()
		*link = b[0]
		s.freeOverflow(overflow)
	}
}

// used returns the number of used slots in b, the last bucket of its chain.
func (b *bucket) used() int {
	for i := range b {
		if b[i] == 0 {
			return i
		}
	}
	return slotsPerBucket
}

// allocOverflow returns an empty overflow bucket, or 0 if no free block is long
// enough.
func (s *shard) allocOverflow() ref {
	r := s.arena.Alloc(overflowGranules, isOverflow)
	if r != 0 {
		*s.arena.bucket(r, 0) = bucket{}
		s.index.overflows++
	}
	return r
}

func (s *shard) freeOverflow(r ref) {
	s.arena.Free(r)
	s.index.overflows--
}

// compactForOverflow makes a free block for an overflow bucket by a compaction.
// It reports whether it succeeded.
func (s *shard) compactForOverflow() bool {
	r := s.compact(overflowGranules)
	if r != 0 {
		s.arena.Free(r)
	}
	return r != 0
}

func (s *shard) freeSpare() {
	if s.spare != 0 {
		s.freeOverflow(s.spare)
		s.spare = 0
	}
}

// growIndex adds up to steps buckets while the load is above fullPercent. It
// may evict to make room for a segment.
func (s *shard) growIndex(steps int) {
	for ; steps > 0 && s.loadAbove(fullPercent) && s.split(); steps-- {
	}
}

// shrinkIndex removes up to steps buckets while the load is not above
// emptyPercent. It reports whether another call may remove more. It evicts
// nothing.
func (s *shard) shrinkIndex(steps int) (more bool) {
	for ; !s.loadAbove(emptyPercent) && s.index.buckets > 1<<s.index.shift; steps-- {
		if steps == 0 {
			return true
		}
		if !s.merge() {
			return false
		}
	}
	return false
}

// loadAbove reports whether the entries would fill more than percent of the
// slots outside overflow buckets.
func (s *shard) loadAbove(percent int64) bool {
	return int64(s.entries())*100 > int64(s.index.buckets)*slotsPerBucket*percent
}

// split adds a bucket and moves the entries that now belong there from the
// bucket that held them. It reports false if there is no room.
func (s *shard) split() bool {
	x := &s.index
	if x.buckets&(1<<x.shift-1) == 0 {
		s.timeHold(holdStore)
		if !s.addSegment() {
			return false
		}
	}
	from, to := s.bucketAt(x.buckets-x.topBit), s.bucketAt(x.buckets)
	if !s.moveSlots(from, to, uint32(x.topBit)) {
		s.freeUnusedSegment()
		return false
	}
	s.inheritEarliest(x.buckets, x.buckets-x.topBit)
	if x.buckets++; x.buckets == 2*x.topBit {
		x.topBit = x.buckets
	}
	return true
}

// merge undoes the latest split. It reports false if there is no room.
func (s *shard) merge() bool {
	x := &s.index
	topBit := x.topBit
	if x.buckets == topBit {
		topBit /= 2
	}
	last := x.buckets - 1
	if !s.moveSlots(s.bucketAt(last), s.bucketAt(last-topBit), 0) {
		return false
	}
	s.inheritEarliest(last-topBit, last)
	x.buckets, x.topBit = last, topBit
	s.freeUnusedSegment()
	return true
}

// inheritEarliest lowers the deadline bound of the segment of bucket to, which
// received entries of bucket from.
func (s *shard) inheritEarliest(to, from uint32) {
	to, from = to>>s.index.shift, from>>s.index.shift
	s.segmentEarliest[to] = min(s.segmentEarliest[to], s.segmentEarliest[from])
}

// moveSlots moves the entries of one chain whose tags have bit, or all if bit
// is 0, to another chain. It first allocates all overflow buckets that the move
// may need; if that fails, it moves nothing and reports false. It evicts
// nothing.
func (s *shard) moveSlots(from, to *bucket, bit uint32) bool {
	const most = 4 // a move that needs more overflow buckets is refused
	var spares [most]ref
	moving, there := s.countSlots(from, bit), s.countSlots(to, 0)
	need := 0
	if moving > 0 && moving+there > slotsPerBucket {
		need = (moving + slotsPerBucket - 2) / (slotsPerBucket - 1)
	}
	ok := need <= most
	for i := 0; ok && i < need; i++ {
		spares[i] = s.allocOverflow()
		ok = spares[i] != 0
	}
	for ok {
		v := s.firstSlot(from, bit)
		if v == 0 {
			break
		}
		s.removeSlot(from, v)
		for i := range spares {
			if spares[i] != 0 || i == most-1 {
				s.addSlot(to, v, &spares[i])
				break
			}
		}
	}
	for _, spare := range spares {
		if spare != 0 {
			s.freeOverflow(spare)
		}
	}
	return ok
}

// countSlots returns the number of entries in a chain whose tags have bit, or
// of all if bit is 0.
func (s *shard) countSlots(b *bucket, bit uint32) int {
	n := 0
	for ; b != nil; b = s.following(b) {
		for _, v := range b {
			if v.hasBit(bit) {
				n++
			}
		}
	}
	return n
}

// firstSlot returns the first slot that countSlots counts, or 0.
func (s *shard) firstSlot(b *bucket, bit uint32) slot {
	for ; b != nil; b = s.following(b) {
		for _, v := range b {
			if v.hasBit(bit) {
				return v
			}
		}
	}
	return 0
}

func (v slot) hasBit(bit uint32) bool {
	return v != 0 && !v.link() && uint32(v.tag())&bit == bit
}

func (s *shard) segmentGranules() uint32 { return labelBytes/granule + lineGranules<<s.index.shift }

// addSegment adds a segment of empty buckets. It reports false if the table is
// full or no block is available.
func (s *shard) addSegment() bool {
	x := &s.index
	if len(x.segments) == cap(x.segments) {
		return false
	}
	r := s.allocAligned(s.segmentGranules())
	if r == 0 {
		return false
	}
	s.arena.Header(r).SetKind(isSegment)
	s.arena.Header(r).SetSlack(0)
	s.arena.label(r).number = uint32(len(x.segments))
	clear(s.arena.Bytes(r, labelBytes, s.segmentGranules()*granule))
	x.segments, s.segmentEarliest = append(x.segments, r), append(s.segmentEarliest, noDeadline)
	return true
}

// freeUnusedSegment frees the last segment if none of its buckets is in use.
func (s *shard) freeUnusedSegment() {
	x := &s.index
	last := len(x.segments) - 1
	if uint32(last)<<x.shift >= x.buckets {
		s.arena.Free(x.segments[last])
		x.segments, s.segmentEarliest = x.segments[:last], s.segmentEarliest[:last]
	}
}

func (x *index) init(memory int64) {
	x.shift = segmentShift(memory)
	x.segments = make([]ref, 0, mostSegments(memory, x.shift))
	x.buckets = 1 << x.shift
	x.topBit = x.buckets
}
