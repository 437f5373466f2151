package cache

// index finds an entry's record by the hash of its ID: a linear hash table
// (Litwin, 1980), which grows and shrinks by one bucket at a time. A bucket is
// one cache line of slots; what it cannot hold is in spills, chained to it.
//
//	hash ─► tag ─► bucket number ─► segment ─► bucket            record
//	                               │ 64 buckets│ tag·ref tag·ref … tag·link │─► overflow
//
// Buckets lie in segments, which are runs of the arena, so the index takes of
// the cap what it needs at the moment. The table of segments is outside.
type index struct {
	segments []ref  // where they are
	buckets  uint32 // how many there are: from topBit to 2*topBit-1
	topBit   uint32
	shift    uint8 // a segment is 1<<shift buckets
}

const slotsPerBucket = 8

// bucket is a row of slots, those in use first. If the last is a link, it
// leads to a spill, and all slots are in use.
type bucket [slotsPerBucket]slot

// slot is a tag, which tells the bucket and nearly always the entry, and a ref
// to the record; or a link. 0 is a slot not in use.
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

// tag is 31 bits of an ID's hash; their low bits are the number of its bucket.
// The bits that choose the shard are others.
type tag uint32

func tagOf(hash uint64) tag { return tag(uint32(hash) >> 1) }

// label is what index memory begins with: what it is for, so that it can be
// moved.
type label struct {
	run    run
	number uint32 // of the segment
}

const (
	labelBytes = 8
	spillUnits = (labelBytes + lineBytes) / unit

	// The index grows beyond 60 % of its slots in use, and shrinks below 30 %.
	// In linear hashing some buckets are still twice as full as others.
	fullPercent  = 60
	emptyPercent = 30
)

func (x *index) numberOf(t tag) uint32 {
	b := uint32(t) & (2*x.topBit - 1)
	if b >= x.buckets {
		b &^= x.topBit
	}
	return b
}

func (x *index) segmentOf(t tag) uint32 { return x.numberOf(t) >> x.shift }

func (s *shard) bucketAt(number uint32) *bucket {
	x := &s.index
	return s.arena.bucket(x.segments[number>>x.shift], number&(1<<x.shift-1))
}

// following returns the spill of b, or nil.
func (s *shard) following(b *bucket) *bucket {
	if v := b[slotsPerBucket-1]; v.link() {
		return s.arena.bucket(v.ref(), 0)
	}
	return nil
}

// expect prepares for a lookup of t.
func (s *shard) prefetch(t tag) {
	if !s.closed {
		prefetchBucket(s.bucketAt(s.index.numberOf(t)))
	}
}

// find returns the record of id, or 0. Its tag is that of id's hash.
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

// slotOf returns where v is in the chain of its tag's bucket, or nil.
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

// enter puts the record at r in the index. It may evict others to make room
// for a spill, but not the record, which is claimed and in no list.
func (s *shard) insert(t tag, r ref) {
	for !s.addSlot(s.bucketAt(s.index.numberOf(t)), makeSlot(t, r), &s.spare) {
		if s.spare = s.allocOverflow(); s.spare == 0 && !s.compactForSpill() {
			s.evictVictim()
		}
	}
	s.freeSpare()
}

// withdraw takes the record at r out of the index.
func (s *shard) remove(t tag, r ref) {
	s.removeSlot(s.bucketAt(s.index.numberOf(t)), makeSlot(t, r))
}

// add puts v in the chain that begins with b. If it is full, add links *spare
// to it, an empty spill; it reports false if there is none.
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

// remove takes v out of the chain that begins with b. The last slot of the
// chain fills the gap, and a spill left with one slot is given back.
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
		s.arena.free(overflow)
	}
}

// used returns how many slots of b, the last bucket of its chain, are in use.
func (b *bucket) used() int {
	for i := range b {
		if b[i] == 0 {
			return i
		}
	}
	return slotsPerBucket
}

// allocOverflow returns an empty spill, or 0 if there is no hole for it.
func (s *shard) allocOverflow() ref {
	r := s.arena.take(spillUnits, isSpill)
	if r != 0 {
		*s.arena.bucket(r, 0) = bucket{}
	}
	return r
}

// compactForSpill makes a hole that is long enough for a spill, and reports whether
// it could.
func (s *shard) compactForSpill() bool {
	r := s.compact(spillUnits)
	if r != 0 {
		s.arena.free(r)
	}
	return r != 0
}

func (s *shard) freeSpare() {
	if s.spare != 0 {
		s.arena.free(s.spare)
		s.spare = 0
	}
}

// growIndex adds at most steps buckets, if the index has too many entries for its
// size. It may evict to make room for a segment.
func (s *shard) growIndex(steps int) {
	for ; steps > 0 && s.loadAbove(fullPercent) && s.split(); steps-- {
	}
}

// shrinkIndex takes away at most steps buckets, if the index has too few entries
// for its size, and reports whether there may be more to take away. It evicts
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

// fuller reports whether more than so many percent of the index are in use.
func (s *shard) loadAbove(percent int64) bool {
	return int64(s.entries())*100 > int64(s.index.buckets)*slotsPerBucket*percent
}

// split adds a bucket, and moves to it the entries of another that belong
// there now. It reports false if there is no room for that.
func (s *shard) split() bool {
	x := &s.index
	if x.buckets&(1<<x.shift-1) == 0 && !s.addSegment() {
		return false
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

// merge undoes the latest split. It reports false if there is no room for that.
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

// inheritEarliest is called when bucket to got entries of bucket from.
func (s *shard) inheritEarliest(to, from uint32) {
	to, from = to>>s.index.shift, from>>s.index.shift
	s.segmentEarliest[to] = min(s.segmentEarliest[to], s.segmentEarliest[from])
}

// move moves the entries of one chain whose tags have bit, or all if bit is 0,
// to another. It evicts nothing: if there are no holes for the spills that it
// might need, it moves nothing and reports false.
func (s *shard) moveSlots(from, to *bucket, bit uint32) bool {
	const most = 4 // more spills than that need not be at hand
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
			s.arena.free(spare)
		}
	}
	return ok
}

// countSlots returns how many entries of a chain have bit in their tags, or
// how many there are if bit is 0.
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

// firstSlot returns the first of the slots that countSlots counts, or 0.
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

func (s *shard) segmentUnits() uint32 { return labelBytes/unit + lineUnits<<s.index.shift }

// addSegment adds a segment of empty buckets to the table, if there is room in
// the table and a run for it.
func (s *shard) addSegment() bool {
	x := &s.index
	if len(x.segments) == cap(x.segments) {
		return false
	}
	r := s.takeAligned(s.segmentUnits())
	if r == 0 {
		return false
	}
	s.arena.run(r).setKind(isSegment)
	s.arena.run(r).setSlack(0)
	s.arena.label(r).number = uint32(len(x.segments))
	clear(s.arena.bytes(r, labelBytes, s.segmentUnits()*unit))
	x.segments, s.segmentEarliest = append(x.segments, r), append(s.segmentEarliest, noDeadline)
	return true
}

// freeUnusedSegment gives back the last segment if no bucket of it is in use.
func (s *shard) freeUnusedSegment() {
	x := &s.index
	last := len(x.segments) - 1
	if uint32(last)<<x.shift >= x.buckets {
		s.arena.free(x.segments[last])
		x.segments, s.segmentEarliest = x.segments[:last], s.segmentEarliest[:last]
	}
}

func (x *index) init(memory int64) {
	x.shift = segmentShift(memory)
	x.segments = make([]ref, 0, mostSegments(memory, x.shift))
	x.buckets = 1 << x.shift
	x.topBit = x.buckets
}
