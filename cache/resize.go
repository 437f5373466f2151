package cache

import "sync"

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
// memory, for this cap or one that took its place meanwhile. Then the cap is the
// latest that held.
func (c *Cache) SetMaxBytes(maxBytes int64) error {
	aim, err := c.aim(maxBytes)
	if err != nil {
		return err
	}
	return c.fitAlways(aim)
}

// fitAlways is fit, and goes on in another goroutine if OnEvict ends this one.
func (c *Cache) fitAlways(aim uint64) (err error) {
	ended := false
	defer func() {
		if !ended {
			go c.fitAlways(aim)
		}
	}()
	err = c.fit(aim)
	ended = true
	return err
}

// resizing is what SetMaxBytes aims at. Its lock is held while a shard's memory
// gets another size or is touched ahead, and is taken before the shard's.
type resizing struct {
	sync.Mutex        // guards options.MaxBytes too, the cap that is aimed at
	aim        uint64 // counts the caps that were aimed at
	held       int64  // the latest cap that all shards had
	failed     uint64 // the latest aim for which there was no memory
	err        error  // the system's, for that
}

// aim sets the cap that all shards are to have, and returns its number.
func (c *Cache) aim(maxBytes int64) (aim uint64, err error) {
	c.resizing.Lock()
	defer c.resizing.Unlock()
	o := c.options
	o.MaxBytes = maxBytes
	o, err = o.withDefaults()
	if c.closed.Load() {
		return 0, ErrClosed
	}
	if err == nil {
		err = o.checkFit(c.segmentShift)
	}
	if err != nil {
		return 0, err
	}
	c.aimAt(o.MaxBytes)
	return c.resizing.aim, nil
}

func (c *Cache) aimAt(maxBytes int64) {
	c.resizing.aim++
	c.options.MaxBytes = maxBytes
	c.maxBytes.Store(max(maxBytes, c.maxBytes.Load())) // until no shard has more
}

// giveUp is called when there is no memory for the cap that is aimed at.
func (c *Cache) giveUp(err error) {
	c.resizing.failed, c.resizing.err = c.resizing.aim, err
	c.aimAt(c.resizing.held)
}

// fit changes the memory of each shard, in steps, until it fits the cap.
// Several goroutines may do that at the same time: each step is one hold of the
// lock, and goes on where the latest step ended. The error is ErrClosed, or the
// system's if there was no memory for the given aim or one that took its place.
func (c *Cache) fit(aim uint64) error {
	for {
		for i := range c.shards {
			if err := c.fitShard(&c.shards[i]); err != nil {
				return err
			}
		}
		if fits, err := c.fitsAll(aim); fits {
			return err
		}
	}
}

// fitsAll reports whether all shards fit the cap. If they do, its error is the
// aim's.
func (c *Cache) fitsAll(aim uint64) (bool, error) {
	c.resizing.Lock()
	defer c.resizing.Unlock()
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		fits := s.closed || s.fits(c.options)
		s.mu.Unlock()
		if !fits {
			return false, nil
		}
	}
	c.resizing.held = c.options.MaxBytes
	c.maxBytes.Store(c.options.MaxBytes)
	if aim <= c.resizing.failed {
		return true, c.resizing.err
	}
	return true, nil
}

// fitShard takes steps until the shard fits the cap.
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
	var gone, more []evicted
	for pending := true; pending; {
		done, pending, more, err = c.fitStep(s)
		gone = append(gone, more...)
	}
	s.making.Unlock()
	c.tell(gone)
	return done, err
}

// fitStep is one step. It reports whether the shard fits the cap, and whether room
// for an entry is gathered. It returns the evicted entries, for OnEvict. Memory that
// it cuts off goes back to the system after the shard's lock was released.
func (c *Cache) fitStep(s *shard) (done, pending bool, gone []evicted, err error) {
	c.resizing.Lock()
	defer c.resizing.Unlock()
	c.lock(s)
	before := s.arena.memory
	done, err = s.fitSome(c.options)
	if err != nil && err != ErrClosed {
		c.giveUp(err)
		err = nil
	}
	pending = s.room.first != 0
	size := int64(len(s.arena.memory))
	closed := s.closed
	gone = s.release()
	if resizesInPlace && !closed && size < int64(len(before)) {
		truncate(before, size)
	}
	return done, pending, gone, err
}

// fitSome takes a step towards the memory that o wants, and reports whether the
// shard has that already.
func (s *shard) fitSome(o Options) (done bool, err error) {
	if s.closed {
		return false, ErrClosed
	}
	s.arena.work = 0
	if s.shrink != nil {
		s.shrinkSome()
		return false, nil
	}
	switch have, want := s.arena.units*unit, o.arenaBytes(s.index.shift); {
	case s.fits(o):
		return true, nil
	case int64(len(s.index.segments)) > o.mostSegments(s.index.shift):
		s.beginShrinking(o) // the index, though there may be more memory than before
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
	units   int64   // that the arena is to keep
	evicted int64   // units that evictDown has freed
	segment uint32  // the next to move
	walk    walk    // over the buckets whose entries are to move
}

type shrinkPhase uint8

const (
	mergeBuckets shrinkPhase = iota // until the new table has room for all segments
	evictDown                       // until the entries fit in the memory that stays
	moveSegments                    // of the index, out of the memory that goes
	moveEntries                     // likewise, and spills
	cutOff                          // the memory in which nothing is left
)

// beginShrinking begins to give up the memory that the shard has beyond o's cap.
// Once begun it is brought to its end, also if the cap has grown again.
func (s *shard) beginShrinking(o Options) {
	s.dropRoom() // its Set begins again
	units := min(s.arena.units, o.arenaBytes(s.index.shift)/unit)
	s.shrink = &shrinking{options: o, units: units, walk: walk{shard: s}}
	s.largest = min(s.largest, uint32(largestEntry(units*unit, s.segmentUnits())))
	// The index does not outgrow the new table.
	x := &s.index
	most := max(int64(len(x.segments)), o.mostSegments(x.shift))
	x.segments = x.segments[:len(x.segments):min(most, int64(cap(x.segments)))]
}

// shrinkSome takes the next step.
func (s *shard) shrinkSome() {
	switch p := s.shrink; p.phase {
	case mergeBuckets:
		if s.mergeDownTo(p.options.mostSegments(s.index.shift)) {
			p.phase = evictDown
		}
	case evictDown:
		if s.evictDownTo(p.units) {
			p.phase = cutOff
			if s.arena.retire(p.units) {
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
		s.cutOff()
	}
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

// evictDownTo evicts the longest idle entries, by the work of one step, wherever
// they lie. It reports whether the rest fits in so many units, less a reserve. If
// others store more meanwhile, it stops when it has evicted as much as goes. So there
// is room for the entries that have to move.
func (s *shard) evictDownTo(units int64) bool {
	a := &s.arena
	for a.units-a.holeUnits > units-units/reserveShare && s.shrink.evicted < a.units-units {
		if a.work >= shrinkMost {
			return false
		}
		before := a.holeUnits
		if !s.evictVictim() {
			break
		}
		s.shrinkIndex(2)
		s.shrink.evicted += a.holeUnits - before
	}
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
		s.dropRoom() // of an entry that has gone meanwhile
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
	if !s.moveSpill(r) && !s.compactForSpill() {
		s.evictVictim()
	}
}

// leaveEntry moves the entry of slot v, whose ID and value have length bytes, out
// of the memory that is retired. It evicts others for that, or the entry itself. It
// reports false if there will be room after some more steps.
func (s *shard) leaveEntry(v slot, length uint32) bool {
	a := &s.arena
	to, err := s.gather(length)
	if err == errInSteps {
		return false
	}
	if err != nil {
		return true // it was evicted
	}
	// A compaction may have moved it, or it was evicted.
	if s.slotOf(v.tag(), v) != nil && s.entryLen(v.ref()) == length {
		s.moveEntry(to, v.ref())
	} else {
		a.freeEntry(to)
	}
	return true
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
func (s *shard) cutOff() {
	a, o, size := &s.arena, s.shrink.options, s.shrink.units*unit
	if !a.endRetiring() {
		s.shrink.phase, s.shrink.segment, s.shrink.walk = moveSegments, 0, walk{shard: s}
		return
	}
	if size < int64(len(a.memory)) {
		a.setMemory(cutTo(a.memory, size))
	}
	s.shrink = nil
	s.resizeTables(o)
}

// cutTo returns the first size bytes of memory. Where the system cannot resize a
// mapping they are copied, unless there is no memory for that: then the rest stays
// until the cache is closed.
func cutTo(memory []byte, size int64) []byte {
	if resizesInPlace {
		return memory[:size:size]
	}
	if other, err := resized(memory, size, wantsLargePages(size)); err == nil {
		return other
	}
	return memory[:size]
}

// retire makes all memory but the first units the part to be given up. It
// reports whether there is anything in it.
func (a *arena) retire(units int64) bool {
	if units == a.units {
		return false
	}
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
