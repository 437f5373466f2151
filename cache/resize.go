package cache

import (
	"sync"

	"github.com/holdfast-go/holdfast/cache/internal/arena"
)

// SetMaxBytes changes the cap, in bytes, while the cache is in use; 0 means 64
// MiB, as in Options. When it returns nil, the cap holds, unless a concurrent
// call has set a newer cap: then that one holds.
//
// Growing adds memory and touches no entry. Shrinking gives up the last part of
// each shard's memory: it evicts the longest idle entries, moves the others out
// of that part, and returns the memory to the system. Both work in short lock
// holds (see docs/design-cache.md) and notify OnEvict between them. On systems
// that cannot resize a mapping (all but Linux on amd64 and arm64), SetMaxBytes
// copies a shard's memory under its lock.
//
// The number of shards, MaxValue (also its default) and the size of an index
// segment stay as New chose them. So with a cap much larger than New's, the
// cache has fewer locks than New would choose.
//
// The error wraps ErrInvalid if the cap is out of range or a shard would have
// no room for MaxValue, or ErrClosed. If the system has no memory for this cap,
// or for a newer one of a concurrent call, the error is the system's, and the
// cap is the latest that held.
func (c *Cache) SetMaxBytes(maxBytes int64) error {
	aim, change, err := c.aim(maxBytes)
	if err != nil {
		return err
	}
	return c.fitAlways(aim, c.begin(opResize, change))
}

// fitAlways is fit, except that it continues in another goroutine if OnEvict
// ends this one. It ends p.
func (c *Cache) fitAlways(aim uint64, p *progress) (err error) {
	ended := false
	defer func() {
		if ended {
			p.end()
		} else {
			go c.fitAlways(aim, p)
		}
	}()
	err = c.fit(aim, p)
	ended = true
	return err
}

// resizing is the progress of SetMaxBytes. An aim is a cap that some call has
// set; aims are numbered. The lock is held while a shard's memory is resized or
// prefaulted. It comes before the shard's lock.
type resizing struct {
	sync.Mutex        // guards options.MaxBytes too, the cap of the latest aim
	aim        uint64 // the latest
	held       int64  // the latest cap that all shards had
	failed     uint64 // the latest aim for which there was no memory
	err        error  // of the system, for that aim
}

// aim sets the cap for all shards. It returns the number of the aim, and by how
// many bytes the cap changes.
func (c *Cache) aim(maxBytes int64) (aim uint64, change int64, err error) {
	c.resizing.Lock()
	defer c.resizing.Unlock()
	o := c.options
	o.MaxBytes = maxBytes
	o, err = o.withDefaults()
	if c.closed.Load() {
		return 0, 0, ErrClosed
	}
	if err == nil {
		err = o.checkFit(c.segmentShift)
	}
	if err != nil {
		return 0, 0, err
	}
	c.aimAt(o.MaxBytes)
	return c.resizing.aim, max(o.MaxBytes, c.resizing.held) - min(o.MaxBytes, c.resizing.held), nil
}

func (c *Cache) aimAt(maxBytes int64) {
	c.resizing.aim++
	c.options.MaxBytes = maxBytes
	c.maxBytes.Store(max(maxBytes, c.maxBytes.Load())) // until no shard has more
}

// giveUp records that there is no memory for the latest aim, and returns to the
// cap that held.
func (c *Cache) giveUp(err error) {
	c.resizing.failed, c.resizing.err = c.resizing.aim, err
	c.aimAt(c.resizing.held)
}

// fit resizes the memory of each shard, in steps, until it fits the cap.
// Several goroutines may do that concurrently: each step is one lock hold, and
// continues where the latest step ended. The error is ErrClosed, or the
// system's if there was no memory for the given aim or a newer one.
func (c *Cache) fit(aim uint64, p *progress) error {
	c.pauseReaders()
	defer c.resumeReaders()
	for {
		for i := range c.shards {
			if err := c.fitShard(&c.shards[i], p); err != nil {
				return err
			}
		}
		if fits, err := c.fitsAll(aim); fits {
			return err
		}
	}
}

// fitsAll reports whether all shards fit the cap. If they do, it returns the
// error of the aim.
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
	c.fitCurve(c.options) // a smaller one before the smaller cap holds
	c.resizing.held = c.options.MaxBytes
	c.maxBytes.Store(c.options.MaxBytes)
	if aim <= c.resizing.failed {
		return true, c.resizing.err
	}
	return true, nil
}

// fitShard takes steps until the shard fits the cap.
func (c *Cache) fitShard(s *shard, p *progress) error {
	for {
		done, err := c.fitSteps(s)
		if done || err != nil {
			return err
		}
		s.mu.Lock()
		share := (float64(s.number) + s.shrunk()) / float64(len(c.shards))
		s.mu.Unlock()
		p.done.Store(int64(share * float64(p.total)))
	}
}

// fitSteps takes one step, or as many as a large entry needs to move. While it
// gathers room for that, no other goroutine may gather in this shard.
func (c *Cache) fitSteps(s *shard) (done bool, err error) {
	s.making.Lock()
	var victims, more []evicted
	for pending := true; pending; {
		done, pending, more, err = c.fitStep(s)
		victims = append(victims, more...)
	}
	s.making.Unlock()
	c.notifyAll(victims)
	return done, err
}

// fitStep takes one step. It reports whether the shard fits the cap, and
// whether it gathers room for an entry. It returns the evicted entries, for
// OnEvict. The memory that it cuts off goes back to the system after the
// shard's lock was released.
func (c *Cache) fitStep(s *shard) (done, pending bool, victims []evicted, err error) {
	c.resizing.Lock()
	defer c.resizing.Unlock()
	c.lock(s)
	s.timeHold(holdResize)
	before := s.arena.Memory()
	done, err = s.fitSome(c.options)
	if err != nil && err != ErrClosed {
		c.giveUp(err)
		err = nil
	}
	pending = s.room.first != 0
	size := int64(len(s.arena.Memory()))
	closed := s.closed
	victims = s.unlock()
	if !closed {
		arena.Truncate(before, size)
	}
	return done, pending, victims, err
}

// fitSome takes a step towards the memory that o gives a shard, and reports
// whether the shard has that already.
func (s *shard) fitSome(o Options) (done bool, err error) {
	if s.closed {
		return false, ErrClosed
	}
	s.arena.Work = 0
	if s.shrink != nil {
		s.shrinkSome()
		return false, nil
	}
	switch have, want := s.arena.Granules()*granule, o.arenaBytes(s.index.shift); {
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

// fits reports whether the shard's memory and tables are those that o gives it.
func (s *shard) fits(o Options) bool {
	return s.shrink == nil &&
		s.arena.Granules()*granule == o.arenaBytes(s.index.shift) &&
		int64(cap(s.index.segments)) == o.mostSegments(s.index.shift) &&
		s.ghosts.ofEachKind() == o.ghostsOfEachKind()
}

func (o Options) mostSegments(shift uint8) int64 {
	return mostSegments(o.MaxBytes/int64(o.Shards), shift)
}

// grow gives the shard all the memory that o gives it.
func (s *shard) grow(o Options) error {
	if err := s.arena.Grow(o.arenaBytes(s.index.shift)); err != nil {
		return err
	}
	s.collapsed = 0 // the system may have split the large pages
	s.resizeTables(o)
	return nil
}

// resizeTables gives the tables beside the arena the length that the cap
// requires, and sets all limits that follow from the cap.
func (s *shard) resizeTables(o Options) {
	x := &s.index
	most := o.mostSegments(x.shift)
	x.segments = append(make([]ref, 0, most), x.segments...)
	s.segmentEarliest = append(make([]int64, 0, most), s.segmentEarliest...)
	s.arena.ResizeTable(o.MaxBytes / int64(o.Shards))
	s.setLimits(o)
}

// shrinking is the progress of a shard that gives memory up.
type shrinking struct {
	phase    shrinkPhase
	options  Options // with the new cap
	granules int64   // that the arena keeps
	evicted  int64   // granules that evictDown has freed
	segment  uint32  // the next to move
	walk     walk    // over the buckets whose entries are to move
}

type shrinkPhase uint8

const (
	mergeBuckets     shrinkPhase = iota // until the new table has room for all segments
	evictDown                           // until the entries fit in the memory that stays
	evacuateSegments                    // of the index, from the retired memory
	evacuateEntries                     // and overflow buckets, from the retired memory
	cutOff                              // the retired memory, which is empty now
)

// beginShrinking begins to give up the memory that the shard has beyond o's
// cap. The shrinking continues to its end even if the cap grows again.
func (s *shard) beginShrinking(o Options) {
	s.freeRoom() // the Set that gathers it starts over
	granules := min(s.arena.Granules(), o.arenaBytes(s.index.shift)/granule)
	s.shrink = &shrinking{options: o, granules: granules, walk: walk{shard: s}}
	s.largest = min(s.largest, uint32(largestEntry(granules*granule, s.segmentGranules())))
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
		if s.evictDownTo(p.granules) {
			p.phase = cutOff
			if s.arena.Retire(p.granules) {
				p.phase = evacuateSegments
			}
		}
	case evacuateSegments:
		for p.segment < uint32(len(s.index.segments)) && s.arena.Work < shrinkMost {
			if s.evacuateSegment(p.segment) {
				p.segment++
			}
		}
		if p.segment >= uint32(len(s.index.segments)) {
			p.phase = evacuateEntries
		}
	case evacuateEntries:
		if s.evacuateSome(&p.walk); p.walk.done {
			p.phase = cutOff
		}
	case cutOff:
		s.cutOff()
	}
}

// shrunk returns about how much of the work of shrinking is done, from 0 to 1.
// Evicting and moving count for a half each.
func (s *shard) shrunk() float64 {
	p := s.shrink
	switch {
	case p == nil || p.phase == cutOff:
		return 1
	case p.phase == evacuateEntries:
		return 0.5 + 0.5*p.walk.share()
	case p.phase == evacuateSegments:
		return 0.5
	}
	return 0.5 * float64(p.evicted) / float64(max(1, p.evicted, s.arena.Granules()-p.granules))
}

// mergeDownTo shrinks the index, by the work of one step, and reports whether
// it has at most the given segments.
func (s *shard) mergeDownTo(segments int64) bool {
	x := &s.index
	for n := 0; int64(len(x.segments)) > segments; n++ {
		if n == workMost {
			return false
		}
		if !s.merge() && !s.evictVictim() {
			return false // impossible: an empty bucket can be merged
		}
	}
	x.segments = x.segments[:len(x.segments):min(segments, int64(cap(x.segments)))]
	return true
}

// evictDownTo evicts the longest idle entries, by the work of one step,
// wherever they lie. It reports whether the others fit in the given granules,
// less a reserve: then there is room for the entries that have to move. If
// other goroutines store more in the meantime, it stops when it has evicted as
// much as the shard gives up.
func (s *shard) evictDownTo(granules int64) bool {
	a := &s.arena
	for a.Granules()-a.FreeGranules() > granules-granules/reserveShare && s.shrink.evicted < a.Granules()-granules {
		if a.Work >= shrinkMost {
			return false
		}
		before := a.FreeGranules()
		if !s.evictVictim() {
			break
		}
		s.shrinkIndex(2)
		s.shrink.evicted += a.FreeGranules() - before
	}
	return true
}

// evacuateSegment moves a segment of the index out of the retired memory. It
// reports false if there is no room for it yet.
func (s *shard) evacuateSegment(number uint32) bool {
	a, x := &s.arena, &s.index
	a.Work++
	from, granules := x.segments[number], s.segmentGranules()
	if !a.IsRetired(from) { // this counts the granule that a segment may have too much
		return true
	}
	to := s.allocAligned(granules)
	if to == 0 {
		// With fewer entries the index is smaller. Without any it is its first
		// segment, which is never retired.
		s.evictVictim()
		s.shrinkIndex(2)
		return false
	}
	a.Header(to).SetKind(isSegment)
	a.Header(to).SetSlack(0)
	copy(a.Bytes(to, granule/2, granules*granule), a.Bytes(from, granule/2, granules*granule))
	x.segments[number] = to
	a.Free(from)
	return true
}

// One step moves or evicts shrinkMost entries, overflow buckets and segments,
// and looks at evacuateMost buckets.
const (
	shrinkMost   = 128
	evacuateMost = 256
)

// evacuateSome moves the entries of the next buckets of w out of the retired
// memory. The order of a walk allows for buckets that are split or merged
// between two calls. The order of their numbers would not: a merge moves
// entries to a lower number.
func (s *shard) evacuateSome(w *walk) {
	copied := int64(0)
	for n := 0; n < evacuateMost && s.arena.Work < shrinkMost && copied < copyMost && !w.done; n++ {
		number := w.bucket()
		if !s.evacuateBucket(number, &copied) {
			return
		}
		s.freeRoom() // of an entry that was evicted or deleted in the meantime
		w.pass(number)
	}
}

// evacuateBucket moves entries and overflow buckets of a bucket out of the
// retired memory. It reports false if it has done enough for one step and more
// may be left.
func (s *shard) evacuateBucket(number uint32, copied *int64) bool {
	for v := s.retiredIn(number); v != 0; v = s.retiredIn(number) {
		if s.arena.Work >= shrinkMost || *copied >= copyMost {
			return false
		}
		s.arena.Work++
		if v.link() {
			s.evacuateOverflow(v.ref())
			continue
		}
		length := s.arena.entryLen(v.ref())
		if !s.evacuateEntry(v, length) {
			return false
		}
		*copied += int64(length)
	}
	return true
}

// evacuateOverflow moves an overflow bucket out of the retired memory, or makes
// room for it elsewhere.
func (s *shard) evacuateOverflow(r ref) {
	if !s.moveOverflow(r) && !s.compactForOverflow() {
		s.evictVictim()
	}
}

// evacuateEntry moves the entry of slot v, whose ID and value have length
// bytes, out of the retired memory. It evicts other entries for that, or the
// entry itself. It reports false if more steps are needed to make room.
func (s *shard) evacuateEntry(v slot, length uint32) bool {
	a := &s.arena
	to, err := s.gather(length)
	if err == errInSteps {
		return false
	}
	if err != nil {
		return true // it was evicted
	}
	// A compaction may have moved it, or it was evicted.
	if s.slotOf(v.tag(), v) != nil && s.arena.entryLen(v.ref()) == length {
		s.moveEntry(to, v.ref())
	} else {
		a.freeEntry(to)
	}
	return true
}

// retiredIn returns a slot of the bucket whose entry or overflow bucket reaches
// into retired memory, or 0.
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

// anyRetired reports whether any block of the entry or overflow bucket at r is
// retired.
func (a *records) anyRetired(r ref) bool {
	if a.IsRetired(r) {
		return true
	}
	if a.Header(r).Kind() == isChain {
		for p := a.record(r).next; p != 0; p = a.fragment(p).next {
			if a.IsRetired(p) {
				return true
			}
		}
	}
	return false
}

// cutOff gives the retired memory up.
func (s *shard) cutOff() {
	o := s.shrink.options
	if !s.arena.Cut(s.shrink.granules * granule) {
		s.shrink.phase, s.shrink.segment, s.shrink.walk = evacuateSegments, 0, walk{shard: s}
		return
	}
	s.shrink = nil
	s.resizeTables(o)
}
