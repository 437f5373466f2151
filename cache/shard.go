package cache

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// shard is one lock and the state that it guards. Its methods require the lock,
// except init, lock, and those of optimistic reads.
type shard struct {
	// An optimistic read of a long list needs only the first line of the
	// shard, beside the view, and only changes write it. Moves in the eviction
	// order write the next two.
	seq   sequence             // odd during a change; see optimistic.go
	view  atomic.Pointer[view] // nil if each read takes the lock
	index index
	order evictionOrder // the line ends after its first field

	mu         mutex
	now        int64 // the clock's latest reading under the lock
	closed     bool
	atUnlock   bool   // unlock has more to do than to release the lock
	swept      uint8  // segments that evictSomeExpired swept at sweptAt
	gathers    bool   // this lock hold may gather room; making is held
	notifies   bool   // Options.OnEvict is set
	optimistic bool   // the shard is large enough for optimistic reads
	number     uint16 // index in owner.shards
	hits       uint64
	arena      records
	owner      *Cache
	counts     counts

	segmentEarliest []int64 // by segment: a lower bound of its deadlines
	earliest        int64   // a lower bound of all deadlines
	sweepNext       int     // the segment that evictSomeExpired looked at last
	sweptAt         int64   // the lock hold, by its now, that swept belongs to

	idBytes    int64
	valueBytes int64
	reserve    int64  // granules to free before an entry is moved or stored in fragments
	largest    uint32 // bytes of the longest ID and value that fit
	spare      ref    // an overflow bucket that insert allocated

	making sync.Mutex // held while room is gathered in steps; taken before mu
	room   room       // the fragments gathered so far

	shrink *shrinking // nil unless the shard gives up memory

	ghosts *ghosts // nil in plain LRU and in the smallest shards

	prefaultAt ref      // at this top the shard requests a prefault or a collapse
	hold       holdKind // of this lock hold, if unlock is to record its time
	collapsed  int      // bytes from the start that were collapsed; the sweeper and SetMaxBytes write it, with Cache.resizing

	evicted []evicted // pending calls of OnEvict; if any, atUnlock is true

	reads openReads

	scratch []byte // for an ID that is split over fragments

	_ [5]int64 // padding to whole cache lines
}

// init makes memory the shard's arena and puts the first index segment in it.
func (s *shard) init(memory []byte, o Options, owner *Cache, number int) {
	s.owner, s.number = owner, uint16(number)
	s.notifies = o.OnEvict != nil
	s.earliest = noDeadline
	s.arena.Init(memory)
	s.index.init(o.MaxBytes / int64(o.Shards))
	s.segmentEarliest = make([]int64, 0, cap(s.index.segments))
	if !s.addSegment() {
		panic("cache: shard too small for its index") // withDefaults has refused such a cap
	}
	s.order.plain = o.Protected < 0
	s.order.since = isShort
	s.order.protectedShare = max(0, o.Protected)
	s.setLimits(o)
}

// setLimits derives all limits that depend on the cap.
func (s *shard) setLimits(o Options) {
	granules := s.arena.Granules()
	s.ghosts = s.ghosts.resized(o.ghostsOfEachKind())
	s.reserve = granules / reserveShare
	s.largest = uint32(largestEntry(granules*granule, s.segmentGranules()))
	s.planPrefault()
	s.optimistic = o.isOptimistic()
}

// lock takes the lock for a change.
func (s *shard) lock() {
	s.mu.Lock()
	if canReadOptimistically {
		s.seq.next()
		fence()
	}
}

// endChange ends a change, if lock has begun one. The lock is still held.
func (s *shard) endChange() {
	if s.seq&1 != 0 {
		fence()
		s.seq.next()
	}
}

func (s *shard) entries() int { return int(s.order.probation.count + s.order.protected.count) }

// tagAt returns the tag of the entry at r.
func (s *shard) tagAt(r ref) tag {
	a := &s.arena
	h := a.record(r)
	if h.header.Kind() == isRecord {
		return tagOf(s.owner.hashBytes(a.Bytes(r, recordHeaderBytes, recordHeaderBytes+h.idLen())))
	}
	s.scratch = a.appendID(s.scratch[:0], r)
	return tagOf(s.owner.hashBytes(s.scratch))
}

// lookup returns the live entry under id, or 0. It evicts the entry if it has
// expired.
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

// peek is lookup without the eviction.
func (s *shard) peek(id string, t tag) ref {
	if s.closed {
		return 0
	}
	if r := s.find(id, t); r != 0 && s.arena.record(r).deadline > s.now {
		return r
	}
	return 0
}

// set stores a copy of value under id. It returns errInSteps if the caller must
// continue in further lock holds (see inSteps), and another error if the entry
// does not fit. An error changes nothing, but other entries may have been
// evicted.
func (s *shard) set(id string, t tag, value []byte, ttl time.Duration) error {
	if s.closed {
		return ErrClosed
	}
	if length := int64(len(id)) + int64(len(value)); length > int64(s.largest) {
		return fmt.Errorf("%w: the ID has %d bytes and the value %d; a shard holds entries of up to %d bytes (raise MaxBytes or lower Shards)", ErrTooLarge, len(id), len(value), s.largest)
	}
	if len(value) > smallEntry {
		s.timeHold(holdStore)
	}
	deadline := deadlineAt(s.now, ttl)
	if r := s.lookup(id, t); r == 0 || !s.overwrite(r, id, t, value, deadline) {
		if err := s.place(r, id, t, value, deadline); err != nil {
			return err
		}
	}
	if s.arena.Top() >= s.prefaultAt {
		s.requestPrefault()
	}
	s.counts.sets++
	return nil
}

// place stores an entry in newly allocated memory. The entry replaces the one
// at old, unless old is 0.
func (s *shard) place(old ref, id string, t tag, value []byte, deadline int64) error {
	a, length := &s.arena, uint32(len(id)+len(value))
	r, held := ref(0), isReserved
	if s.isLarge(length) {
		var err error
		if r, err = s.placeLarge(old, length); err == errInSteps {
			return err
		}
		held = a.claim(r)
		old = s.find(id, t) // gathering moves and evicts entries
	}
	if old != 0 {
		s.drop(old, t) // before makeRoom, which can then reuse its memory
	} else {
		s.growIndex(2) // before the allocation, because it may evict
	}
	if r == 0 {
		r = s.makeRoom(length)
		held = a.claim(r)
	}
	if r == 0 { // largest makes this impossible, as far as we know
		if old != 0 {
			s.notify(id, Capacity)
		}
		return fmt.Errorf("%w: no room for an ID of %d bytes and a value of %d, even with all other entries evicted (raise MaxBytes or lower Shards)", ErrTooLarge, len(id), len(value))
	}
	s.insert(t, r)
	a.Header(r).SetKind(held)
	s.fill(r, id, t, value, deadline)
	if old != 0 {
		s.order.addUsed(a, r, tickOf(s.now))
	} else {
		s.order.add(a, r, tickOf(s.now))
	}
	return nil
}

// placeLarge returns memory for a large entry, like gather. The entry at old,
// which it will replace, stays meanwhile and becomes the last victim.
func (s *shard) placeLarge(old ref, length uint32) (ref, error) {
	if r := s.arena.allocRecord(length); r != 0 {
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

// claim marks an entry's first block so that compactions skip it: the entry is
// not in the index yet. It returns the kind to restore.
func (a *records) claim(r ref) kind {
	if r == 0 {
		return isReserved
	}
	k := a.Header(r).Kind()
	a.Header(r).SetKind(isReserved)
	return k
}

// fill writes an entry to its memory.
func (s *shard) fill(r ref, id string, t tag, value []byte, deadline int64) {
	s.arena.record(r).useLen = uint64(len(id))
	s.arena.write(r, id, value)
	s.setDeadline(r, t, deadline)
	s.idBytes += int64(len(id))
	s.valueBytes += int64(len(value))
	s.reads.invalidate(t)
}

// overwrite stores a copy of value in the entry at r. It reports false if value
// does not fit there.
func (s *shard) overwrite(r ref, id string, t tag, value []byte, deadline int64) bool {
	a := &s.arena
	before, weight := a.valueLen(r), a.weight(r)
	if int(before) != len(value) && !a.resize(r, uint32(len(id)+len(value))) {
		return false
	}
	s.valueBytes += int64(len(value)) - int64(before)
	s.order.listOf(a.record(r)).granules += a.weight(r) - weight
	a.write(r, id, value)
	s.order.use(a, r, tickOf(s.now))
	s.setDeadline(r, t, deadline)
	s.reads.invalidate(t)
	return true
}

func (s *shard) use(r ref) { s.order.use(&s.arena, r, tickOf(s.now)) }

// drop removes the entry at r from the index and its list, and frees its
// memory.
func (s *shard) drop(r ref, t tag) {
	s.reads.invalidate(t)
	h := s.arena.record(r)
	s.idBytes -= int64(h.idLen())
	s.valueBytes -= int64(s.arena.valueLen(r))
	s.remove(t, r)
	s.order.remove(&s.arena, r)
	s.arena.freeEntry(r)
}

// close drops everything and returns the memory, which the shard no longer
// uses.
func (s *shard) close() (memory []byte) {
	memory = s.arena.Memory()
	s.closed, s.optimistic = true, false
	s.view.Store(nil)
	s.arena, s.index = records{}, index{}
	s.order = evictionOrder{}
	s.room, s.shrink = room{}, nil
	s.earliest = noDeadline
	s.idBytes, s.valueBytes = 0, 0
	s.scratch, s.ghosts = nil, nil
	return memory
}
