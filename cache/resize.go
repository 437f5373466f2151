package cache

// SetMaxBytes changes the cap while the cache is in use. When it returns nil, the
// cap holds, unless another call has set a newer one meanwhile: then that one
// holds.
//
// Growing adds memory and touches nothing that is there. Shrinking gives up the
// last part of each shard's memory: what lies there moves elsewhere, for which the
// longest idle are evicted, and the memory goes back to the system. Both are done
// in short holds of the locks (see doc.go), and OnEvict is notified between them.
// Where the system cannot resize a mapping (all but Linux on amd64 and arm64), a
// shard's memory is copied under its lock.
//
// The number of shards stays what New chose, so a cap much larger than New's
// leaves the cache with fewer locks than New would choose for it.
//
// The error wraps ErrInvalid if MaxValue would not fit in a shard any more or the
// cap is otherwise out of range, or ErrClosed. It is the system's if it has no such
// memory. Then the cap is what it was.
func (c *Cache) SetMaxBytes(maxBytes int64) error {
	before, err := c.aim(maxBytes)
	if err != nil {
		return err
	}
	ended := false
	defer func() {
		if !ended { // OnEvict ended this goroutine
			go c.fit()
		}
	}()
	err = c.fit()
	ended = true
	if err != nil && err != ErrClosed {
		if _, undo := c.aim(before); undo == nil {
			_ = c.fit() // back to less memory, which does not fail
		}
	}
	return err
}

// aim sets the cap that all shards are to have, and returns the one before.
func (c *Cache) aim(maxBytes int64) (before int64, err error) {
	c.resizing.Lock()
	defer c.resizing.Unlock()
	before = c.options.MaxBytes
	o := c.options
	o.MaxBytes = maxBytes
	o, err = o.withDefaults()
	if c.closed.Load() {
		return before, ErrClosed
	}
	if err == nil {
		err = o.checkFit(c.segmentShift)
	}
	if err != nil {
		return before, err
	}
	c.options.MaxBytes = o.MaxBytes
	c.maxBytes.Store(max(o.MaxBytes, c.maxBytes.Load())) // until no shard has more
	return before, nil
}

// fit changes the memory of each shard, in steps, until it is what the cap wants.
// Several goroutines may do that at the same time: each step is one hold of the
// lock, and goes on where the latest step ended.
func (c *Cache) fit() error {
	for {
		for i := range c.shards {
			if err := c.fitShard(&c.shards[i]); err != nil {
				return err
			}
		}
		c.resizing.Lock()
		fits := true
		for i := range c.shards {
			s := &c.shards[i]
			s.mu.Lock()
			fits = fits && (s.closed || s.fits(c.options))
			s.mu.Unlock()
		}
		if fits {
			c.maxBytes.Store(c.options.MaxBytes)
		}
		c.resizing.Unlock()
		if fits {
			return nil
		}
	}
}

// fitShard takes steps until the shard's memory is what the cap wants.
func (c *Cache) fitShard(s *shard) error {
	for {
		done, err := c.fitSteps(s)
		if done || err != nil {
			return err
		}
	}
}

// fitSteps takes one step, or as many as it takes to move a large entry. While
// room is gathered for that, no other goroutine may gather in this shard.
func (c *Cache) fitSteps(s *shard) (done bool, err error) {
	s.making.Lock()
	var gone []evicted
	for more := true; more; {
		done, err = c.fitStep(s)
		c.lock(s)
		if done || err != nil {
			s.dropRoom() // of an entry that has gone meanwhile
		}
		more = s.room.first != 0
		gone = append(gone, s.release()...)
	}
	s.making.Unlock()
	c.tell(gone)
	return done, err
}

// fitStep is one step. Memory that it cuts off goes back to the system after
// the shard's lock was released.
func (c *Cache) fitStep(s *shard) (done bool, err error) {
	c.resizing.Lock()
	defer c.resizing.Unlock()
	c.lock(s)
	before := s.arena.memory
	done, err = s.fitSome(c.options)
	size := int64(len(s.arena.memory))
	closed := s.closed
	s.mu.Unlock()
	if resizesInPlace && !closed && size < int64(len(before)) {
		truncate(before, size)
	}
	return done, err
}

// fitSome takes a step towards the memory that o wants, and reports whether the
// shard has that already.
func (s *shard) fitSome(o Options) (done bool, err error) {
	if s.closed {
		return false, ErrClosed
	}
	s.arena.work = 0
	if s.shrink != nil {
		return false, s.shrinkSome()
	}
	switch have, want := s.arena.units*unit, o.arenaBytes(s.index.shift); {
	case s.fits(o):
		return true, nil
	case have < want:
		return false, s.grow(o)
	case have > want:
		s.beginShrinking(o)
	default:
		s.resizeTables(o)
	}
	return false, nil
}

// fits reports whether the shard's memory and tables are what o wants.
func (s *shard) fits(o Options) bool {
	return s.shrink == nil &&
		s.arena.units*unit == o.arenaBytes(s.index.shift) &&
		int64(cap(s.index.segments)) == o.mostSegments(s.index.shift) &&
		s.ghosts.ofEachKind() == o.ghostsOfEachKind()
}

func (o Options) mostSegments(shift uint8) int64 {
	return mostSegments(o.MaxBytes/int64(o.Shards), shift)
}

// grow gives the shard all the memory that o wants.
func (s *shard) grow(o Options) error {
	size := o.arenaBytes(s.index.shift)
	memory, err := resized(s.arena.memory, size, wantsLargePages(size))
	if err != nil {
		return err
	}
	s.arena.setMemory(memory)
	s.arena.extend()
	s.resizeTables(o)
	return nil
}

// resizeTables makes the tables beside the arena as long as its memory needs,
// and all limits what they are for it.
func (s *shard) resizeTables(o Options) {
	x := &s.index
	most := o.mostSegments(x.shift)
	x.segments = append(make([]ref, 0, most), x.segments...)
	s.segmentEarliest = append(make([]int64, 0, most), s.segmentEarliest...)
	holes := make([]ref, holeClasses(o.MaxBytes/int64(o.Shards)))
	copy(holes, s.arena.holes) // of a smaller arena, the longer classes are empty
	s.arena.holes = holes
	s.setLimits(o)
}

// shrinking is how far a shard has come in giving up memory.
type shrinking struct {
	phase   shrinkPhase
	options Options // with the cap to come to
	segment uint32  // the next to move
	walk    walk    // over the buckets whose entries are to move
}

type shrinkPhase uint8

const (
	mergeBuckets shrinkPhase = iota // until the new table has room for all segments
	moveSegments                    // of the index, out of the memory that goes
	moveEntries                     // likewise, and spills
	cutOff                          // the memory in which nothing is left
)

// beginShrinking begins to give up the memory that the shard has beyond o's cap.
// Once begun it is brought to its end, also if the cap has grown again.
func (s *shard) beginShrinking(o Options) {
	s.dropRoom() // whoever gathers it begins again
	s.shrink = &shrinking{options: o, walk: walk{shard: s}}
	s.largest = min(s.largest, uint32(largestEntry(o.arenaBytes(s.index.shift), s.segmentUnits())))
	// The index does not grow beyond what the new table can have.
	x := &s.index
	most := max(int64(len(x.segments)), o.mostSegments(x.shift))
	x.segments = x.segments[:len(x.segments):min(most, int64(cap(x.segments)))]
}

// shrinkSome takes the next step.
func (s *shard) shrinkSome() error {
	switch p := s.shrink; p.phase {
	case mergeBuckets:
		if s.mergeDownTo(p.options.mostSegments(s.index.shift)) {
			p.phase = cutOff
			if s.arena.retire(p.options.arenaBytes(s.index.shift) / unit) {
				p.phase = moveSegments
			}
		}
	case moveSegments:
		for p.segment < uint32(len(s.index.segments)) && s.arena.work < shrinkMost {
			if s.leaveSegment(p.segment) {
				p.segment++
			}
		}
		if p.segment >= uint32(len(s.index.segments)) {
			p.phase = moveEntries
		}
	case moveEntries:
		if s.leaveSome(&p.walk); p.walk.done {
			p.phase = cutOff
		}
	case cutOff:
		return s.cutOff()
	}
	return nil
}

// mergeDownTo makes the index smaller, by the work of one step, and reports
// whether it has no more than so many segments.
func (s *shard) mergeDownTo(segments int64) bool {
	x := &s.index
	for n := 0; int64(len(x.segments)) > segments; n++ {
		if n == workMost {
			return false
		}
		if !s.merge() && !s.evictVictim() {
			return false // cannot be: an empty bucket is merged
		}
	}
	x.segments = x.segments[:len(x.segments):min(segments, int64(cap(x.segments)))]
	return true
}

// leaveSegment moves a segment of the index out of the memory that is retired. It
// reports false if there is no room for it yet.
func (s *shard) leaveSegment(number uint32) bool {
	a, x := &s.arena, &s.index
	s.arena.work++
	from, units := x.segments[number], s.segmentUnits()
	if !a.isRetired(from, a.run(from).units()) { // it may be longer than it needs to be
		return true
	}
	to := s.takeAligned(units)
	if to == 0 {
		// With fewer entries the index is smaller. Without any it is its first
		// segment, which is never retired.
		s.evictVictim()
		s.shrinkIndex(2)
		return false
	}
	a.run(to).setKind(isSegment)
	a.run(to).setSlack(0)
	copy(a.bytes(to, unit/2, units*unit), a.bytes(from, unit/2, units*unit))
	x.segments[number] = to
	a.free(from)
	return true
}

// In one step so many entries, spills and segments are moved or evicted, and so
// many buckets looked at.
const (
	shrinkMost = 128
	leaveMost  = 256
)

// leaveSome moves the entries of the next buckets of w out of the memory that is
// retired. Buckets that are split or merged between two calls do not matter to a
// walk, as they would to one in the order of their numbers: a merge takes entries
// to a lower one.
func (s *shard) leaveSome(w *walk) {
	copied := int64(0)
	for n := 0; n < leaveMost && s.arena.work < shrinkMost && copied < copyMost && !w.done; n++ {
		number := w.bucket()
		if !s.leaveBucket(number, &copied) {
			return
		}
		w.pass(number)
	}
}

// leaveBucket moves entries and spills of a bucket out of the memory that is
// retired. It reports false if enough was done for one step and there may be more.
func (s *shard) leaveBucket(number uint32, copied *int64) bool {
	for v := s.retiredIn(number); v != 0; v = s.retiredIn(number) {
		if s.arena.work >= shrinkMost || *copied >= copyMost {
			return false
		}
		s.arena.work++
		if v.link() {
			s.leaveSpill(v.ref())
			continue
		}
		length := s.entryLen(v.ref())
		if !s.leaveEntry(v, length) {
			return false
		}
		*copied += int64(length)
	}
	return true
}

// leaveSpill moves a spill out of the memory that is retired, or makes room for
// it elsewhere.
func (s *shard) leaveSpill(r ref) {
	if s.moveSpill(r) {
		return
	}
	if to := s.compactSpill(); to != 0 {
		s.arena.free(to)
		return
	}
	s.evictVictim()
}

// leaveEntry moves the entry of slot v, whose ID and value have length bytes, out
// of the memory that is retired. It evicts others for that, or the entry itself. It
// reports false if it is large and there will be room after some more steps.
func (s *shard) leaveEntry(v slot, length uint32) bool {
	a, to := &s.arena, ref(0)
	if s.isLarge(length) {
		var err error
		if to, err = s.gather(length); err == errInSteps {
			return false
		}
	} else {
		to = s.makeRoom(length)
	}
	if to == 0 {
		return true // it was evicted
	}
	// A compaction may have moved it, or it was evicted.
	if s.hasSlot(v) && s.entryLen(v.ref()) == length {
		s.moveEntry(to, v.ref())
	} else {
		a.freeEntry(to)
	}
	return true
}

// hasSlot reports whether v is in the index.
func (s *shard) hasSlot(v slot) bool {
	for b := s.bucketAt(s.index.numberOf(v.tag())); b != nil; b = s.following(b) {
		for _, other := range b {
			if other == v {
				return true
			}
		}
	}
	return false
}

// entryLen is the length of the ID and the value of the entry at r.
func (s *shard) entryLen(r ref) uint32 { return s.arena.record(r).idLen() + s.arena.valueLen(r) }

// retiredIn returns a slot of the bucket whose entry or spill reaches into
// memory that is retired, or 0.
func (s *shard) retiredIn(number uint32) slot {
	if number >= s.index.buckets {
		return 0
	}
	a := &s.arena
	for b := s.bucketAt(number); b != nil; b = s.following(b) {
		for _, v := range b {
			if v != 0 && a.anyRetired(v.ref()) {
				return v
			}
		}
	}
	return 0
}

// anyRetired reports whether any run of the entry or spill at r is retired.
func (a *arena) anyRetired(r ref) bool {
	if r > a.retired {
		return true
	}
	h := *a.run(r)
	if a.isRetired(r, h.units()) {
		return true
	}
	if h.kind() == isHead {
		for p := a.record(r).next; p != 0; p = a.piece(p).next {
			if a.isRetired(p, a.run(p).units()) {
				return true
			}
		}
	}
	return false
}

// cutOff gives up the memory in which nothing is left.
func (s *shard) cutOff() error {
	a, o := &s.arena, s.shrink.options
	if !a.endRetiring() {
		s.shrink.phase, s.shrink.segment, s.shrink.walk = moveSegments, 0, walk{shard: s}
		return nil
	}
	size, memory := o.arenaBytes(s.index.shift), a.memory
	if resizesInPlace {
		memory = memory[:size:size]
	} else {
		var err error
		if memory, err = resized(memory, size, wantsLargePages(size)); err != nil {
			memory = a.memory[:size:size] // the rest stays until the cache is closed
		}
	}
	a.setMemory(memory)
	s.shrink = nil
	s.resizeTables(o)
	return nil
}

// retire makes all memory but the first units the part to be given up. It
// reports whether there is anything in it.
func (a *arena) retire(units int64) bool {
	last := ref(units - 1)
	if a.top > last {
		a.holeUnits -= int64(a.end - a.top)
		a.end, a.units = a.top, int64(a.top)+1
		a.retired = last
	} else {
		a.holeUnits -= int64(a.end - last)
		a.end, a.units = last, units
	}
	a.touched = min(a.touched, a.end)
	return a.retired != 0
}

// endRetiring ends the arena where the retired part begins. It reports false if
// that is not empty.
func (a *arena) endRetiring() bool {
	if a.retired == 0 {
		return true
	}
	r := a.top
	for r > a.retired && a.run(r).is(afterHole) {
		r -= ref(*a.lastWord(r-1, 1))
	}
	if r > a.retired {
		return false
	}
	for hole := r; hole < a.top; hole += ref(a.run(hole).units()) {
		a.unlist(hole)
	}
	a.end, a.units = a.retired, int64(a.retired)+1
	a.retired = 0
	a.holeUnits += int64(a.end - r)
	if a.run(r).is(afterHole) {
		r -= ref(*a.lastWord(r-1, 1))
		a.unlist(r)
	}
	*a.run(r) = *a.run(r)&afterHole | run(isEdge)<<kindShift | 1
	a.top, a.touched = r, a.end
	return true
}
