package cache

import (
	"fmt"
	"sync"
	"time"
)

// shard is one lock and all that it guards. Its methods are called with the
// lock held, except for init.
type shard struct {
	// A hit needs the end of arena and the beginning of order, and what lies
	// between. That is two cache lines; they come over from the other core, if
	// it was in this shard last. TestHitsNeedTwoLinesOfAShard holds them so.
	counts  counts
	arena   arena
	mu      mutex
	now     int64 // the clock's reading when the lock was taken
	closed  bool
	pending bool   // whether evicted has any
	swept   uint8  // so many segments were swept to make room at sweptAt
	gathers bool   // this hold of mu may gather room; making is held
	number  uint16 // of this shard in the owner
	hits    uint64
	index   index
	order   evictionOrder

	owner *Cache

	segmentEarliest []int64 // of each segment: no entry in it has an earlier deadline
	earliest        int64   // nor any entry
	sweepNext       int     // the segment that was looked at last for expired entries
	sweptAt         int64   // the reading of the clock at which swept counts

	idBytes    int64
	valueBytes int64
	reserve    int64  // units that stay free before an entry is moved or stored in parts
	largest    uint32 // an ID and a value with more bytes than that do not fit
	spare      ref    // a spill that enter took

	making sync.Mutex // held while room is gathered in steps; taken before mu
	room   room       // the parts gathered so far

	shrink *shrinking // nil unless the cap shrinks

	ghosts *ghosts // of the evicted; nil in plain LRU and in the smallest shards

	aheadAt ref // when top comes here, memory is to be touched ahead

	collectEvicted bool      // whether anyone wants to be told
	evicted        []evicted // who is to be told of, once the lock is released

	reads openReads

	scratch []byte // for an ID that lies in several runs

	_ [1]int64 // so that it ends where a line ends
}

// init divides memory, this shard's part of the cap, into an arena and an index.
func (s *shard) init(memory []byte, o Options, owner *Cache, number int) {
	s.owner, s.number = owner, uint16(number)
	s.collectEvicted = o.OnEvict != nil
	s.earliest = noDeadline
	s.arena.init(memory)
	s.index.init(o.MaxBytes / int64(o.Shards))
	s.segmentEarliest = make([]int64, 0, cap(s.index.segments))
	if !s.addSegment() {
		panic("cache: a shard too small for its index") // withDefaults refused it
	}
	s.order.plain = o.Protected < 0
	s.order.protectedShare = max(0, o.Protected)
	s.setLimits(o)
}

// setLimits makes what follows from the cap right for it.
func (s *shard) setLimits(o Options) {
	units := s.arena.units
	s.ghosts = s.ghosts.resized(o.ghostsOfEachKind())
	s.reserve = units / reserveShare
	s.largest = uint32(largestEntry(units*unit, s.segmentUnits()))
	s.planAhead()
}

func (s *shard) entries() int { return int(s.order.probation.count + s.order.protected.count) }

// tagAt returns the tag of the entry at r.
func (s *shard) tagAt(r ref) tag {
	a := &s.arena
	h := a.record(r)
	if h.run.kind() == isRecord {
		return tagOf(s.owner.hashBytes(a.bytes(r, recordHeadBytes, recordHeadBytes+h.idLen())))
	}
	s.scratch = a.appendID(s.scratch[:0], r)
	return tagOf(s.owner.hashBytes(s.scratch))
}

// lookup returns the live entry under id, or 0. One that has expired is gone
// by the time that it returns.
func (s *shard) lookup(id string, t tag) ref {
	if s.closed {
		return 0
	}
	r := s.find(id, t)
	if r != 0 && s.arena.record(r).deadline <= s.now {
		s.evict(r, t, Expired)
		return 0
	}
	return r
}

// peek is lookup without consequences.
func (s *shard) peek(id string, t tag) ref {
	if s.closed {
		return 0
	}
	if r := s.find(id, t); r != 0 && s.arena.record(r).deadline > s.now {
		return r
	}
	return 0
}

// set stores a copy of value under id. It returns errInSteps if that has to be
// done in steps, and another error if the entry does not fit; then nothing has
// changed, but that others may have been evicted.
func (s *shard) set(id string, t tag, value []byte, ttl time.Duration) error {
	if s.closed {
		return ErrClosed
	}
	if length := int64(len(id)) + int64(len(value)); length > int64(s.largest) {
		return fmt.Errorf("%w: the ID has %d bytes and the value %d, which is more than the %d that fit in a shard", ErrTooLarge, len(id), len(value), s.largest)
	}
	deadline := deadlineAt(s.now, ttl)
	if r := s.lookup(id, t); r == 0 || !s.overwrite(r, id, t, value, deadline) {
		if err := s.place(r, id, t, value, deadline); err != nil {
			return err
		}
	}
	if s.arena.top >= s.aheadAt {
		s.askAhead()
	}
	s.counts.sets++
	return nil
}

// place stores an entry in memory of its own. The entry at old, if that is not
// 0, is the one it replaces.
func (s *shard) place(old ref, id string, t tag, value []byte, deadline int64) error {
	a, length := &s.arena, uint32(len(id)+len(value))
	r, held := ref(0), isClaimed
	if s.isLarge(length) {
		var err error
		if r, err = s.placeLarge(old, length); err == errInSteps {
			return err
		}
		held = a.claim(r)
		old = s.find(id, t) // others were moved and evicted
	}
	if old != 0 {
		s.drop(old, t) // first, since a small entry can have its memory
	} else {
		s.growIndex(2) // before the entry is there, since it may evict to make room
	}
	if r == 0 {
		r = s.makeRoom(length)
		held = a.claim(r)
	}
	if r == 0 {
		if old != 0 {
			s.notify(id, Capacity)
		}
		return fmt.Errorf("%w: there is no room for an ID of %d bytes and a value of %d", ErrTooLarge, len(id), len(value))
	}
	s.insert(t, r)
	a.run(r).setKind(held)
	s.fill(r, id, t, value, deadline)
	if old != 0 {
		s.order.addUsed(a, r, tickOf(s.now))
	} else {
		s.order.add(a, r, tickOf(s.now))
	}
	return nil
}

// placeLarge returns memory for a large entry, as gather does. The entry at old,
// which it is to replace, stays until then and is the last to be evicted.
func (s *shard) placeLarge(old ref, length uint32) (ref, error) {
	if r := s.arena.takeOne(length); r != 0 {
		return r, nil
	}
	if !s.gathers {
		return 0, errInSteps
	}
	if old != 0 {
		s.use(old)
	}
	return s.gather(length)
}

// claim protects an entry's first run from compactions, which would look for the
// entry in the index, and returns the kind that it has to have again.
func (a *arena) claim(r ref) kind {
	if r == 0 {
		return isClaimed
	}
	k := a.run(r).kind()
	a.run(r).setKind(isClaimed)
	return k
}

// fill writes an entry in its memory.
func (s *shard) fill(r ref, id string, t tag, value []byte, deadline int64) {
	s.arena.record(r).useLen = uint64(len(id))
	s.arena.write(r, id, value)
	s.setDeadline(r, t, deadline)
	s.idBytes += int64(len(id))
	s.valueBytes += int64(len(value))
	s.reads.invalidate(t)
}

// overwrite stores a copy of value in the entry at r, if it fits where it is.
func (s *shard) overwrite(r ref, id string, t tag, value []byte, deadline int64) bool {
	a := &s.arena
	before, weight := a.valueLen(r), a.weight(r)
	if int(before) != len(value) && !a.resize(r, uint32(len(id)+len(value))) {
		return false
	}
	s.valueBytes += int64(len(value)) - int64(before)
	s.order.listOf(a.record(r)).units += a.weight(r) - weight
	a.write(r, id, value)
	s.order.use(a, r, tickOf(s.now))
	s.setDeadline(r, t, deadline)
	s.reads.invalidate(t)
	return true
}

func (s *shard) use(r ref) { s.order.use(&s.arena, r, tickOf(s.now)) }

// drop takes the entry at r out of everything and frees its memory.
func (s *shard) drop(r ref, t tag) {
	s.reads.invalidate(t)
	h := s.arena.record(r)
	s.idBytes -= int64(h.idLen())
	s.valueBytes -= int64(s.arena.valueLen(r))
	s.remove(t, r)
	s.order.remove(&s.arena, r)
	s.arena.freeEntry(r)
}

// close returns the memory, to which nothing refers any more.
func (s *shard) close() (memory []byte) {
	memory = s.arena.memory
	s.closed = true
	s.arena, s.index = arena{}, index{}
	s.order = evictionOrder{}
	s.room, s.shrink = room{}, nil
	s.earliest = noDeadline
	s.idBytes, s.valueBytes = 0, 0
	s.scratch, s.ghosts = nil, nil
	return memory
}
