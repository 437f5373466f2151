package cache

import (
	"fmt"
	"hash/maphash"
	"iter"
	"sync"
	"sync/atomic"
	"time"
)

// Cache keeps values under IDs, each for a time, all within a number of bytes.
// Make one with New and end it with Close. All methods are safe for concurrent
// use, and per ID they are linearizable.
//
// An ID is 1 to MaxIDLen bytes, of any content. The cache copies every ID and
// value that it is given and every value that it returns, so no caller ever
// shares memory with it.
type Cache struct {
	options  Options
	hasher   hasher
	hashMask uint64 // all ones, but for tests in which hashes are to collide
	clock    clock
	shards   []shard
	maxBytes atomic.Int64 // options.MaxBytes

	segmentShift uint8 // of every shard's index

	saving sync.Mutex // held while a file is written

	resizing resizing

	sweeper sweeper
	closed  atomic.Bool

	callbackPanics atomic.Uint64
}

// New returns a cache that keeps to o. The error wraps ErrInvalid and says
// which option is wrong and what would be right, or is the system's, if it has no
// such memory. (Where there is no mmap, as on Windows, the memory is of Go's heap,
// and Go ends a program that asks for more than there is.)
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
	size := o.arenaBytes(c.segmentShift)
	for i := range c.shards {
		memory, err := reserve(size, wantsLargePages(size))
		if err != nil {
			for j := range i {
				release(c.shards[j].close())
			}
			return nil, err
		}
		c.shards[i].init(memory, o, c, i)
	}
	c.startSweeper()
	return c, nil
}

// Set stores a copy of value under id for ttl, in place of what was there.
// Room is made first, by evicting the entries longest idle. A ttl is positive;
// NoExpiry keeps the entry until it is deleted or evicted.
//
// The error wraps ErrInvalid (an empty or overlong id, a ttl of 0 or less),
// ErrTooLarge or ErrClosed, and then nothing has changed.
func (c *Cache) Set(id string, value []byte, ttl time.Duration) error {
	if err := c.check(id, value, ttl); err != nil {
		return err
	}
	s, t := c.lockFor(id)
	err := s.set(id, t, value, ttl)
	if err == errInSteps {
		return c.inSteps(s, func() error { return s.set(id, t, value, ttl) })
	}
	c.unlock(s)
	return err
}

// Get returns a copy of the value under id, and whether there is one. An empty
// value is not nil; none is. It counts as a use of the entry.
func (c *Cache) Get(id string) ([]byte, bool) {
	value, ok := c.Append([]byte{}, id)
	if !ok {
		return nil, false
	}
	return value, true
}

// Append appends the value under id to dst and returns the extended slice, and
// whether there is a value; if there is none, dst is returned as it was. It
// counts as a use of the entry. With room in dst it does not allocate.
func (c *Cache) Append(dst []byte, id string) ([]byte, bool) {
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
	return dst, r != 0
}

// Peek returns a copy of the value under id, and whether there is one, without
// counting as a use: the entry's place in the order of eviction, and the
// cache's hit ratio, stay as they are.
func (c *Cache) Peek(id string) ([]byte, bool) {
	s, t := c.lockFor(id)
	var value []byte
	r := s.lookup(id, t)
	if r != 0 {
		value = s.arena.appendValue([]byte{}, r, uint32(len(id)))
	}
	c.unlock(s)
	return value, r != 0
}

// Touch gives the entry under id a new ttl, counted from now, and counts as a
// use of it. It reports false if there is no such entry, and never brings back
// one that has expired. A ttl of 0 or less ends the entry at once, as a ttl
// that had run out would have.
func (c *Cache) Touch(id string, ttl time.Duration) bool {
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
	return r != 0
}

// Delete removes the entry under id and reports whether there was one.
func (c *Cache) Delete(id string) bool {
	s, t := c.lockFor(id)
	r := s.lookup(id, t)
	if r != 0 {
		s.drop(r, t)
		s.shrinkIndex(2)
	}
	c.unlock(s)
	return r != 0
}

// All iterates over the entries, in no particular order, with a copy of each
// value that the loop's body owns. Each copy is consistent, but the entries
// are not a snapshot of one instant: writers go on, and an entry stored or
// deleted meanwhile may or may not be seen. No lock is held while the body
// runs, and seeing an entry does not count as using it.
func (c *Cache) All() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for i := range c.shards {
			w := walk{shard: &c.shards[i]}
			for c.nextIDs(&w) {
				for _, id := range w.ids {
					if value, ok := c.Peek(id); ok && !yield(id, value) {
						return
					}
				}
			}
		}
	}
}

// Len returns the number of entries. Those that have expired do not count.
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
// there, Close does not wait for it, since OnEvict may be what closes the cache;
// that call, or one that was about to begin, is the last there. Later calls of any
// method find nothing or return ErrClosed; a second Close does nothing. It returns
// nil.
func (c *Cache) Close() error {
	if c.closed.CompareAndSwap(false, true) {
		c.sweeper.stop()
		c.resizing.Lock()
		for i := range c.shards {
			s := &c.shards[i]
			c.lock(s)
			memory := s.close()
			s.release() // Close notifies nobody
			release(memory)
		}
		c.resizing.Unlock()
	}
	c.sweeper.wait()
	return nil
}

// lockFor locks the shard of id, in whose index t is the tag to look for.
func (c *Cache) lockFor(id string) (s *shard, t tag) {
	hash := c.hash(id)
	s, t = c.shardOf(hash), tagOf(hash)
	s.mu.Lock()
	s.prefetch(t) // first, so that it is under way while the clock is read
	s.now = c.clock.now()
	return s, t
}

func (c *Cache) lock(s *shard) {
	s.mu.Lock()
	s.now = c.clock.now()
}

func (c *Cache) check(id string, value []byte, ttl time.Duration) error {
	if ttl <= 0 {
		return c.unlessClosed(fmt.Errorf("%w: the TTL is %v, it must be positive; NoExpiry keeps an entry without one", ErrInvalid, ttl))
	}
	if err := c.checkID(id); err != nil {
		return err
	}
	if len(value) > c.options.MaxValue {
		return c.unlessClosed(fmt.Errorf("%w: the value has %d bytes, MaxValue is %d", ErrTooLarge, len(value), c.options.MaxValue))
	}
	return nil
}

func (c *Cache) checkID(id string) error {
	if len(id) == 0 || len(id) > MaxIDLen {
		return c.unlessClosed(fmt.Errorf("%w: the ID has %d bytes, it must have 1 to %d", ErrInvalid, len(id), MaxIDLen))
	}
	return nil
}

// unlessClosed is err, which says what is wrong with a call's arguments; but a closed
// cache says that it is closed, whatever else is wrong.
func (c *Cache) unlessClosed(err error) error {
	if c.closed.Load() {
		return ErrClosed
	}
	return err
}
