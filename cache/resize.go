package cache

import "fmt"

// SetMaxBytes gives the cache a new cap while it is in use. When it returns
// without an error, the cap holds.
//
// Growing adds memory and, but for a few KiB at some sizes, touches nothing that
// is there. Shrinking takes the last part of each shard's memory: what lies there
// moves elsewhere, for which the longest idle are evicted, and the memory goes
// back to the system (on Linux at once, elsewhere when the cache is closed). It
// holds no lock for longer than some entries take to move; but when a shard begins
// to shrink, once for as long as it takes to go through its holes and to move its
// index: measured, 50 ms in a shard of four million entries, and 260 in one of which
// every third was deleted.
//
// The number of shards stays what New chose, so a cap much larger than New's
// leaves the cache with fewer locks than New would choose for it. The error
// wraps ErrInvalid, if MaxValue would not fit in a shard any more or the cap is
// otherwise out of range, or ErrClosed, or is the system's, if it has no such
// memory; then the cap is what it was.
func (c *Cache) SetMaxBytes(maxBytes int64) error {
	gone, err := c.resize(maxBytes)
	c.tell(gone)
	return err
}

// resize does what SetMaxBytes says, but for telling OnEvict what left, which
// may change the cap or close the cache and so has to wait.
func (c *Cache) resize(maxBytes int64) (gone []evicted, err error) {
	c.resizing.Lock()
	defer c.resizing.Unlock()
	o := c.options
	o.MaxBytes = maxBytes
	if maxBytes == 0 {
		o.MaxBytes = defaultMaxBytes
	}
	o, err = o.withDefaults()
	if c.closed.Load() {
		return nil, ErrClosed
	}
	if err != nil || o.MaxBytes == c.options.MaxBytes {
		return nil, err
	}
	if err := c.growTo(o); err != nil {
		return nil, err
	}
	for i := range c.shards {
		gone = append(gone, c.fit(&c.shards[i], o)...)
	}
	c.options.MaxBytes = o.MaxBytes
	c.maxBytes.Store(o.MaxBytes)
	return gone, nil
}

// growTo adds memory to the shards that have less than o wants.
func (c *Cache) growTo(o Options) error {
	more := make([]int64, len(c.shards))
	total := int64(0)
	for i := range c.shards {
		s := &c.shards[i]
		c.lock(s)
		var err error
		more[i], err = s.missing(o)
		total += more[i]
		c.unlock(s)
		if err != nil {
			return err
		}
	}
	if total == 0 {
		return nil
	}
	memory, err := reserve(total, wantsLargePages(total/int64(len(c.shards))))
	if err != nil {
		return err
	}
	c.regions = append(c.regions, memory)
	for i := range c.shards {
		s := &c.shards[i]
		c.lock(s)
		if !s.closed {
			s.grow(memory[:more[i]])
		}
		c.unlock(s)
		memory = memory[more[i]:]
	}
	return nil
}

// minChunkBytes: to grow by less is not worth a chunk.
const minChunkBytes = 1 << 10

// missing returns how much memory the shard has to get for o's cap, or why it
// cannot have that cap.
func (s *shard) missing(o Options) (int64, error) {
	if s.closed {
		return 0, ErrClosed
	}
	a := &s.arena
	memory := s.memoryFor(o)
	more := memory - a.units*unit
	if more < 0 {
		return 0, s.canShrink(memory, o)
	}
	if more < minChunkBytes {
		return 0, nil
	}
	chunkBytes := int64(unit) << a.chunkShift
	chunks := more/chunkBytes + 1
	if (int64(len(a.chunks))+chunks)<<a.chunkShift > 1<<32 {
		return 0, fmt.Errorf("%w: the cap cannot grow to %d from the one that the cache was made with", ErrInvalid, o.MaxBytes)
	}
	more -= chunks * chunkOverhead
	if last := more % chunkBytes; last < minChunkBytes {
		more -= last
	}
	return max(0, more&^(lineBytes-1)), nil
}

// canShrink returns an error if a value of MaxValue might not fit in so much memory
// any more: the tables and the index are still those of New's cap, and take more
// than a new cache's would.
func (s *shard) canShrink(memory int64, o Options) error {
	fits := largestEntry(memory-s.shrinkSlack(), s.segmentUnits())
	if fits < int64(o.MaxValue)+idRoom {
		return fmt.Errorf("%w: MaxBytes is %d, which is sure to leave room for values of %d bytes only, fewer than MaxValue, %d", ErrInvalid, o.MaxBytes, fits-idRoom, o.MaxValue)
	}
	return nil
}

// shrinkSlack is how much more than it has to a shard may give up: what the
// boundary moves by, and of several chunks a rest that is not worth one.
func (s *shard) shrinkSlack() int64 {
	slack := int64(2*minRun+1) * unit
	if len(s.arena.chunks) > 1 {
		slack += minChunkBytes
	}
	return slack
}

// memoryFor returns how much memory the shard's arena may have under o's cap,
// with the tables beside it that it has or needs.
func (s *shard) memoryFor(o Options) int64 {
	share := o.MaxBytes / int64(o.Shards)
	segments := max(int64(len(s.index.segments)), mostSegments(share, s.index.shift))
	tables := int64(len(s.arena.holes))*holeRefBytes + int64(len(s.arena.chunks))*chunkOverhead + segments*segmentBytes
	return (share - shardBytes - tables - ghostBytes(o.ghostsOfEachKind())) &^ (unit - 1)
}

func (s *shard) grow(memory []byte) {
	for chunkBytes := int64(unit) << s.arena.chunkShift; len(memory) > 0; {
		n := int(min(int64(len(memory)), chunkBytes))
		s.arena.grow(memory[:n:n])
		memory = memory[n:]
	}
}

// resizeTables makes the tables beside the arena as long as its memory needs,
// and all limits what they are for it.
func (s *shard) resizeTables(o Options) {
	x := &s.index
	most := max(int64(len(x.segments)), mostSegments(o.MaxBytes/int64(o.Shards), x.shift))
	x.segments = append(make([]ref, 0, most), x.segments...)
	s.segmentEarliest = append(make([]int64, 0, most), s.segmentEarliest...)
	s.setLimits(o)
}

// fit takes from a shard the memory that it has more than o wants, and gives it
// the tables and limits for what it has. It returns what was evicted for that.
func (c *Cache) fit(s *shard, o Options) (gone []evicted) {
	c.lock(s)
	defer func() { gone = append(gone, s.release()...) }()
	if target := s.memoryFor(o) / unit; !s.closed && s.arena.units > target {
		gone = c.shrink(s, target)
	}
	if !s.closed {
		s.resizeTables(o)
	}
	return gone
}

// shrink takes from a shard, which is locked, all memory but the first units.
// Meanwhile it lets others have the lock.
func (c *Cache) shrink(s *shard, target int64) (gone []evicted) {
	s.beginLeaving(target)
	for w := (walk{shard: s}); ; {
		if s.leaveSome(&w); w.done {
			s.arena.endRetiring()
			return gone
		}
		gone = append(gone, s.release()...)
		c.lock(s)
		if s.closed {
			return gone
		}
	}
}

// beginLeaving retires all memory but the first units, and moves out of it what
// of the index is there. What comes from now on comes elsewhere.
func (s *shard) beginLeaving(units int64) {
	s.arena.beginRetiring(units)
	s.largest = min(s.largest, uint32(largestEntry(units*unit, s.segmentUnits())))
	for i := range s.index.segments {
		s.leaveSegment(uint32(i))
	}
}

// In one hold of the lock so many entries move, and so many buckets are looked at.
const (
	moveMost  = 64
	leaveMost = 256
)

// leaveSome moves the entries of the next buckets of w out of the memory that is
// retired. Buckets that are split or merged between two calls do not matter to a
// walk, as they would to one in the order of their numbers: a merge takes entries
// to a lower one.
func (s *shard) leaveSome(w *walk) {
	for buckets, moved := 0, 0; buckets < leaveMost && moved < moveMost && !w.done; buckets++ {
		number := w.bucket()
		moved += s.leaveBucket(number)
		w.pass(number)
	}
}

// leaveSegment moves a segment of the index out of the memory that is retired.
func (s *shard) leaveSegment(number uint32) {
	a, x := &s.arena, &s.index
	units := s.segmentUnits()
	to := ref(0)
	for to == 0 {
		if number >= uint32(len(x.segments)) {
			return
		}
		r := x.segments[number]
		if !a.isRetiring(r, a.run(r).units()) { // it may be longer than it needs to be
			return
		}
		if to = s.takeAligned(units); to == 0 {
			// With fewer entries the index is smaller. Without any it is its
			// first segment, which is never retired.
			s.evictVictim()
			s.shrinkIndex(int(x.buckets))
		}
	}
	from := x.segments[number]
	a.run(to).setKind(isSegment)
	a.run(to).setSlack(0)
	copy(a.bytes(to, unit/2, units*unit), a.bytes(from, unit/2, units*unit))
	x.segments[number] = to
	a.free(from)
}

// leaveBucket moves the entries and spills of a bucket out of the memory that
// is retired, and returns how many.
func (s *shard) leaveBucket(number uint32) int {
	moved := 0
	for {
		v := s.retiringIn(number)
		if v == 0 {
			return moved
		}
		moved++
		if !s.vacate(v.ref()) && !s.evictVictim() {
			return moved // cannot be: an empty arena has room for its index
		}
	}
}

// retiringIn returns a slot of the bucket whose entry or spill lies in memory
// that is retired, or 0.
func (s *shard) retiringIn(number uint32) slot {
	if number >= s.index.buckets {
		return 0
	}
	a := &s.arena
	for b := s.bucketAt(number); b != nil; b = s.following(b) {
		for _, v := range b {
			if v != 0 && a.anyRetiring(v.ref()) {
				return v
			}
		}
	}
	return 0
}

// anyRetiring reports whether any run of the entry or spill at r is retired.
func (a *arena) anyRetiring(r ref) bool {
	h := *a.run(r)
	if a.isRetiring(r, h.units()) {
		return true
	}
	if h.kind() == isHead {
		for p := a.record(r).next; p != 0; p = a.piece(p).next {
			if a.isRetiring(p, a.run(p).units()) {
				return true
			}
		}
	}
	return false
}

// The retired part of an arena is all from retired on. Holes there are in no
// list, so nothing new comes there, and when all that is there has left it is
// one row of holes.

func (a *arena) isRetiring(r ref, units uint32) bool {
	return a.retired != 0 && r+ref(units) > a.retired
}

// beginRetiring makes all memory but the first units the retired part.
func (a *arena) beginRetiring(units int64) {
	a.retireTop()
	last := len(a.chunks) - 1
	// The boundary may have to move by a little, for both sides of it to be runs.
	for surplus := a.units - units + 2*minRun; ; last-- {
		c := &a.chunks[last]
		if last == 0 || surplus < int64(c.units)-minChunkBytes/unit {
			a.retired = ref(last)<<a.chunkShift + c.units - 1 - ref(surplus)
			break
		}
		surplus -= int64(c.units)
		if surplus <= 0 {
			a.retired = ref(last) << a.chunkShift
			break
		}
	}
	for class := range a.holes {
		for r := a.holes[class]; r != 0; {
			h := a.hole(r)
			next := h.next
			if end := r + ref(h.run.units()); end > a.retired {
				a.retireHole(r)
			}
			r = next
		}
	}
}

// retireHole takes the hole at r, or its part beyond where the retired part
// begins, out of the list.
func (a *arena) retireHole(r ref) {
	retired := a.retired
	a.retired = 0
	a.useHole(r, isClaimed)
	a.retired = retired
	a.free(r)
}

// splitAtRetired makes two runs of the one at r, which is to be freed, if the
// retired part begins inside it. Either is long enough to be a hole.
func (a *arena) splitAtRetired(r ref) {
	h := a.run(r)
	end := r + ref(h.units())
	if a.retired <= r || a.retired >= end {
		return
	}
	if end < r+2*minRun {
		a.retired = end
		return
	}
	a.retired = min(max(a.retired, r+minRun), end-minRun)
	*a.run(a.retired) = run(end-a.retired) | run(isClaimed)<<kindShift
	h.setUnits(uint32(a.retired - r))
	a.freeRun(a.retired)
}

// endRetiring lets go of the retired part, in which there are only holes.
func (a *arena) endRetiring() {
	last := int(a.retired >> a.chunkShift)
	if a.retired&(1<<a.chunkShift-1) == 0 { // the whole chunk
		last--
		a.retired = ref(last)<<a.chunkShift + a.chunks[last].units - 1
	}
	for _, gone := range a.chunks[last+1:] {
		a.units -= int64(gone.units)
		discard(gone.memory)
	}
	a.chunks = append(make([]chunk, 0, last+1), a.chunks[:last+1]...)
	c := &a.chunks[last]

	edge := a.run(a.retired)
	*edge = *edge&afterHole | 1
	edge.setKind(isEdge)
	units := a.retired - ref(last)<<a.chunkShift + 1
	a.units -= int64(c.units - units)
	discard(c.memory[units*unit:])
	c.units, c.memory = units, c.memory[:units*unit]
	if last == 0 {
		a.nearUnits = units
	}
	a.top, a.end, a.touched = a.retired, a.retired, a.retired
	a.retired = 0
}
