package cache

import (
	"fmt"
	"hash/maphash"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"github.com/holdfast-go/holdfast/cache/internal/arena"
)

// Cache maps IDs to values. Each entry has a TTL, and all entries together stay
// within a number of bytes. New makes a Cache and Close ends it; the zero value
// is not usable. All methods are safe for concurrent use, and the operations on
// one ID are linearizable.
//
// An ID has 1 to MaxIDLen bytes of any content. The cache copies each ID and
// value that it receives and each value that it returns, so a caller never
// shares memory with it.
type Cache struct {
	options  Options
	hasher   hasher
	hashMask uint64        // all ones; tests clear bits to make hashes collide
	sampled  atomic.Uint32 // tags below it are in the sample of the curve
	clock    clock
	shards   []shard
	readers  *readers     // nil if each read takes the lock
	maxBytes atomic.Int64 // the cap that holds now; see resizing

	segmentShift uint8 // index.shift of every shard

	saving sync.Mutex // held by SaveFile

	resizing resizing
	running  running
	holds    lockHolds

	sweeper sweeper
	closed  atomic.Bool

	callbackPanics atomic.Uint64

	curve curve
}

// New returns a Cache configured by o. The error wraps ErrInvalid and names the
// option, its bound and the remedy, or it is the system's error if the system
// cannot map that much memory. On systems without mmap, such as Windows, the
// memory comes from Go's heap, and Go ends a program that exhausts it.
func New(o Options) (*Cache, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	c := &Cache{
		options:      o,
		hasher:       hasher{maphash.MakeSeed()},
		hashMask:     ^uint64(0),
		clock:        startClock(),
		shards:       make([]shard, o.Shards),
		segmentShift: o.segmentShift(),
	}
	c.maxBytes.Store(o.MaxBytes)
	c.resizing.held = o.MaxBytes
	if canReadOptimistically {
		c.readers = &readers{stripes: make([]stripe, stripesFor(o.Shards))}
	}
	size := o.arenaBytes(c.segmentShift)
	for i := range c.shards {
		memory, err := arena.Reserve(size)
		if err != nil {
			for j := range i {
				arena.Release(c.shards[j].close())
			}
			return nil, err
		}
		c.shards[i].init(memory, o, c, i)
	}
	c.fitCurve(o)
	c.publish()
	c.startSweeper()
	return c, nil
}

// Set stores a copy of value under id for ttl and replaces an earlier value.
// The cache makes room first: it evicts victims (see Eviction above). The
// ttl must be positive; NoExpiry keeps the entry until it is deleted or
// evicted.
//
// The error wraps ErrInvalid (an empty or overlong id, a ttl of 0 or less),
// ErrTooLarge or ErrClosed. After an error the value under id is unchanged.
func (c *Cache) Set(id string, value []byte, ttl time.Duration) error {
	if err := c.check(id, value, ttl); err != nil {
		return err
	}
	s, t := c.lockFor(id)
	err := s.set(id, t, value, ttl)
	if err == errInSteps {
		err = c.inSteps(s, id, t, func() error { return s.set(id, t, value, ttl) })
	} else {
		c.unlock(s)
	}
	if err == nil {
		c.sampleStore(id, s, t, value, ttl)
	}
	return err
}

// Get returns a copy of the value under id and reports whether id has a value.
// The copy of an empty value is not nil. Get counts as a use of the entry.
func (c *Cache) Get(id string) ([]byte, bool) {
	value, ok := c.Append([]byte{}, id)
	if !ok {
		return nil, false
	}
	return value, true
}

// Append appends the value under id to dst. It returns the extended slice and
// reports whether id has a value; without one it returns dst unchanged. Append
// counts as a use of the entry. It does not allocate if dst has the capacity for
// each value that id has during the call. It may change bytes between the length
// and the capacity of dst, at most MaxValue of them. It may do so behind the
// result, and without a value.
func (c *Cache) Append(dst []byte, id string) ([]byte, bool) {
	if value, found, done := c.tryRead(dst, id, true); done {
		return value, found
	}
	s, t := c.lockFor(id)
	r := s.lookup(id, t)
	s.count(r != 0)
	if r == 0 {
		s.noteMiss(t)
	} else {
		s.use(r)
		dst = s.arena.appendValue(dst, r, uint32(len(id)))
	}
	c.unlock(s)
	c.sampleLookup(id, s, t, r != 0, true)
	return dst, r != 0
}

// Peek returns a copy of the value under id and reports whether id has a value.
// It is not a use: the order of eviction and the hit ratio stay unchanged.
func (c *Cache) Peek(id string) ([]byte, bool) {
	value, found, done := c.tryRead([]byte{}, id, false)
	if done {
		if !found {
			return nil, false
		}
		return value, true
	}
	s, t := c.lockFor(id)
	value = nil
	r := s.lookup(id, t)
	if r != 0 {
		value = s.arena.appendValue([]byte{}, r, uint32(len(id)))
	}
	c.unlock(s)
	return value, r != 0
}

// Touch gives the entry under id a new TTL that starts now, and counts as a use
// of the entry. It reports whether the entry exists afterwards; it never
// revives an expired entry. A ttl of 0 or less expires the entry at once, and
// Touch returns false.
func (c *Cache) Touch(id string, ttl time.Duration) bool {
	if ttl > 0 && c.touchLive(id, ttl) {
		return true
	}
	s, t := c.lockFor(id)
	r := s.lookup(id, t)
	switch {
	case r == 0:
	case ttl <= 0:
		s.evict(r, t, Expired)
		s.shrinkIndex(2)
		r = 0
	default:
		s.use(r)
		s.setDeadline(r, t, deadlineAt(s.now, ttl))
	}
	c.unlock(s)
	c.sampleTouch(id, s, t, ttl, r != 0)
	return r != 0
}

// touchLive is Touch for an entry that has not expired.
func (c *Cache) touchLive(id string, ttl time.Duration) bool {
	s, t := c.lockUnchangedFor(id)
	r := s.peek(id, t)
	if r != 0 {
		s.use(r)
		s.setDeadline(r, t, deadlineAt(s.now, ttl))
	}
	c.unlock(s)
	if r != 0 {
		c.sampleTouch(id, s, t, ttl, true)
	}
	return r != 0
}

// Delete removes the entry under id and reports whether the entry existed.
func (c *Cache) Delete(id string) bool {
	s, t := c.lockFor(id)
	r := s.lookup(id, t)
	if r != 0 {
		s.drop(r, t)
		s.shrinkIndex(2)
	}
	c.unlock(s)
	c.sampleDelete(s, t)
	return r != 0
}

// All iterates over the entries in no particular order. The loop's body owns
// each value, which is a copy. Each copy is consistent, but the entries are not
// a snapshot of one instant: an entry that is stored or deleted during the loop
// may appear or not. All holds no lock while the body runs, and a visit is not
// a use of the entry.
func (c *Cache) All() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		p := c.begin(opScan, c.storedEntries())
		defer p.end()
		for i := range c.shards {
			w := walk{shard: &c.shards[i]}
			for c.nextIDs(&w) {
				p.done.Add(int64(len(w.ids)))
				for _, id := range w.ids {
					if value, ok := c.Peek(id); ok && !yield(id, value) {
						return
					}
				}
			}
		}
	}
}

// Len returns the number of entries that have not expired.
func (c *Cache) Len() int {
	n := 0
	for i := range c.shards {
		s := &c.shards[i]
		c.sweepExpired(s)
		n += s.entries()
		c.unlock(s)
	}
	return n
}

// Close drops all entries and ends the cache's goroutine. If OnEvict is running
// on that goroutine, Close does not wait for it, because OnEvict may be the
// caller of Close; at most one more call of OnEvict follows there. After Close,
// lookups find nothing and writes return ErrClosed. A second Close does
// nothing. Close always returns nil.
func (c *Cache) Close() error {
	if c.closed.CompareAndSwap(false, true) {
		c.sweeper.stop()
		c.closeCurve()
		c.resizing.Lock()
		memory := make([][]byte, len(c.shards))
		for i := range c.shards {
			s := &c.shards[i]
			c.lock(s)
			memory[i] = s.close()
			s.unlock() // discards the pending calls of OnEvict
		}
		if c.readers != nil {
			c.readers.wait()
		}
		for _, m := range memory {
			arena.Release(m)
		}
		c.resizing.Unlock()
	}
	c.sweeper.wait()
	return nil
}

// lockFor locks the shard of id for a change, and returns the tag of id in its
// index.
func (c *Cache) lockFor(id string) (s *shard, t tag) {
	hash := c.hash(id)
	s, t = c.shardOf(hash), tagOf(hash)
	s.lock()
	s.prefetch(t) // before the clock is read, so that both overlap
	s.now = c.clock.now()
	return s, t
}

// lockUnchangedFor is lockFor for a caller that changes nothing but deadlines,
// last uses and the order of eviction: optimistic reads go on meanwhile.
func (c *Cache) lockUnchangedFor(id string) (s *shard, t tag) {
	hash := c.hash(id)
	s, t = c.shardOf(hash), tagOf(hash)
	s.mu.Lock()
	s.prefetch(t)
	s.now = c.clock.now()
	return s, t
}

// lock locks a shard for a change.
func (c *Cache) lock(s *shard) {
	s.lock()
	s.now = c.clock.now()
}

// lockUnchanged is lock for a caller like that of lockUnchangedFor.
func (c *Cache) lockUnchanged(s *shard) {
	s.mu.Lock()
	s.now = c.clock.now()
}

func (c *Cache) check(id string, value []byte, ttl time.Duration) error {
	if ttl <= 0 {
		return c.unlessClosed(fmt.Errorf("%w: the TTL is %v; it must be positive (NoExpiry means no deadline)", ErrInvalid, ttl))
	}
	if err := c.checkID(id); err != nil {
		return err
	}
	if len(value) > c.options.MaxValue {
		return c.unlessClosed(fmt.Errorf("%w: the value has %d bytes; Options.MaxValue allows %d", ErrTooLarge, len(value), c.options.MaxValue))
	}
	return nil
}

func (c *Cache) checkID(id string) error {
	if len(id) == 0 || len(id) > MaxIDLen {
		return c.unlessClosed(fmt.Errorf("%w: the ID has %d bytes; it must have 1 to %d", ErrInvalid, len(id), MaxIDLen))
	}
	return nil
}

// unlessClosed returns err, or ErrClosed if the cache is closed: that is the
// one error of a closed cache, even for invalid arguments.
func (c *Cache) unlessClosed(err error) error {
	if c.closed.Load() {
		return ErrClosed
	}
	return err
}
