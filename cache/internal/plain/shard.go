package cache

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// entryOverhead is what an entry is accounted for beyond its ID and value: the
// entry itself (104 bytes), its slots in the map and the heap (about 60), and
// what the allocator rounds up.
const entryOverhead = 192

// shard is one lock and all that it guards. Its methods are called with the
// lock held, except for init, lock, ids and close.
type shard struct {
	mu    sync.Mutex
	clock *clock

	budget     int64 // this shard's part of MaxBytes, which used never exceeds
	idBytes    int64
	valueBytes int64

	entries   map[string]*entry
	order     evictionOrder
	deadlines deadlines
	version   uint64 // of the entry written last

	counts counts

	collectEvicted bool      // whether anyone wants to be told
	evicted        []evicted // who is to be told of, once the lock is released

	closed bool
}

// entry is one session. An entry in shard.entries is in order and in deadlines
// too, and in nothing else.
type entry struct {
	id       string
	value    []byte
	version  uint64 // changes whenever value does, so that Update sees a write that came between
	deadline int64  // reading of the shard's clock at which it has expired
	lastUse  int64  // likewise, of the latest use

	place deadlinePlace
	links
}

func (e *entry) cost() int64 { return cost(len(e.id), len(e.value)) }

func cost(idLen, valueLen int) int64 { return int64(idLen) + int64(valueLen) + entryOverhead }

func (s *shard) init(o Options, c *clock) {
	s.clock = c
	s.budget = o.MaxBytes / int64(o.Shards)
	s.entries = make(map[string]*entry)
	s.order.init(int64(o.Protected * float64(s.budget)))
	s.collectEvicted = o.OnEvict != nil
}

func (s *shard) lock() { s.mu.Lock() }

func (s *shard) used() int64 {
	return s.idBytes + s.valueBytes + int64(len(s.entries))*entryOverhead
}

// find returns the live entry under id, or nil. One that has expired is gone
// by the time that find returns.
func (s *shard) find(id string) *entry {
	e := s.entries[id]
	if e != nil && e.deadline <= s.clock.now() {
		s.evict(e, Expired)
		return nil
	}
	return e
}

// set stores a copy of value under id. If it does not fit, nothing changes.
func (s *shard) set(id string, value []byte, ttl time.Duration) error {
	if s.closed {
		return ErrClosed
	}
	if need := cost(len(id), len(value)); need > s.budget {
		return fmt.Errorf("%w: an ID of %d bytes and a value of %d need %d bytes, a shard has %d", ErrTooLarge, len(id), len(value), need, s.budget)
	}
	s.expire()
	if e := s.entries[id]; e != nil {
		s.overwrite(e, value, ttl)
	} else {
		s.insert(id, value, ttl)
	}
	s.counts.sets++
	return nil
}

func (s *shard) insert(id string, value []byte, ttl time.Duration) {
	s.makeRoom(cost(len(id), len(value)), nil)
	e := &entry{id: strings.Clone(id), lastUse: s.clock.now()}
	s.entries[e.id] = e
	s.idBytes += int64(len(e.id))
	s.write(e, value)
	s.order.add(e)
	s.deadlines.add(e, s.clock.deadline(ttl))
}

func (s *shard) overwrite(e *entry, value []byte, ttl time.Duration) {
	s.use(e)
	s.makeRoom(int64(len(value)-len(e.value)), e)
	before := e.cost()
	s.write(e, value)
	s.order.resized(e, before)
	s.setDeadline(e, s.clock.deadline(ttl))
}

func (s *shard) write(e *entry, value []byte) {
	s.valueBytes += int64(len(value)) - int64(len(e.value))
	e.value = append(make([]byte, 0, len(value)), value...)
	s.version++
	e.version = s.version
}

func (s *shard) use(e *entry) {
	e.lastUse = s.clock.now()
	s.order.use(e)
}

func (s *shard) setDeadline(e *entry, deadline int64) {
	s.deadlines.move(e, deadline)
}

func (s *shard) remove(e *entry) {
	delete(s.entries, e.id)
	s.order.remove(e)
	s.deadlines.remove(e)
	s.idBytes -= int64(len(e.id))
	s.valueBytes -= int64(len(e.value))
}

// ids returns the IDs of the moment, for a walk that takes the lock anew for
// each of them.
func (s *shard) ids() []string {
	s.lock()
	defer s.mu.Unlock()
	ids := make([]string, 0, len(s.entries))
	for id := range s.entries {
		ids = append(ids, id)
	}
	return ids
}

func (s *shard) close() {
	s.lock()
	defer s.mu.Unlock()
	s.closed = true
	s.entries, s.deadlines = nil, nil
	s.idBytes, s.valueBytes = 0, 0
	s.order.init(0)
}
