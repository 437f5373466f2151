package cache

import (
	"fmt"
	"time"
)

// Change is the result of the function that Update calls: Keep, Put or Remove.
// The zero Change is Keep.
type Change struct {
	action action
	value  []byte
	ttl    time.Duration
}

type action uint8

const (
	keep action = iota
	put
	remove
)

// Keep leaves the entry unchanged, also if it does not exist.
func Keep() Change { return Change{} }

// Put stores a copy of value for ttl, under the rules of Set.
func Put(value []byte, ttl time.Duration) Change {
	return Change{action: put, value: value, ttl: ttl}
}

// Remove deletes the entry if it exists.
func Remove() Change { return Change{action: remove} }

// Stores returns the value and the TTL of a Put, and false for any other
// Change. The value is the slice that Put received, not a copy. Stores and
// Removes serve other stores that carry out a Change.
func (c Change) Stores() (value []byte, ttl time.Duration, ok bool) {
	return c.value, c.ttl, c.action == put
}

// Removes reports whether c is a Remove.
func (c Change) Removes() bool { return c.action == remove }

// Update reads the entry under id, calls fn with it and carries out the Change
// that fn returns, as one atomic operation.
// It counts as a use of the entry.
//
// fn receives the value and whether it exists; without one, old is nil. The
// bytes belong to fn until it returns: fn may build its Put in the same memory
// but must not keep them. fn runs without a lock, so it may be slow and may
// call the cache. If id is written, expires or is evicted meanwhile, Update
// discards the Change and calls fn again with the newer state, so fn should
// have no effect besides its result. A panic in fn reaches the caller of Update
// and changes nothing.
//
// If fn returns an error, Update returns it as it is and changes nothing. Other
// errors wrap ErrInvalid (also for a nil fn), ErrTooLarge, ErrClosed, or
// ErrConflict after 16,384 tries. ErrConflict usually means that fn itself
// writes to id; it must use the Change for that.
func (c *Cache) Update(id string, fn func(old []byte, found bool) (Change, error)) error {
	if fn == nil {
		return c.unlessClosed(fmt.Errorf("%w: the function passed to Update is nil", ErrInvalid))
	}
	if err := c.checkID(id); err != nil {
		return err
	}
	old := []byte{}
	for range updateTries {
		read, err := c.read(old[:0], id)
		if err != nil {
			return err
		}
		if read.found {
			old = read.value
		}
		done, err := c.decide(id, read, fn)
		if done {
			return err
		}
	}
	return fmt.Errorf("%w: Update gave up after %d tries; its function must not write to the same ID, only return a Change", ErrConflict, updateTries)
}

// updateTries is far above the retries that contention causes: if a thousand
// goroutines update one ID, each try succeeds once in a thousand times.
const updateTries = 1 << 14

// decide calls fn with a reading and carries out its Change. It reports false,
// without an effect, if the reading is out of date.
func (c *Cache) decide(id string, read reading, fn func([]byte, bool) (Change, error)) (done bool, err error) {
	isOpen := true
	defer func() {
		if isOpen { // fn kept the entry, failed or panicked
			c.endRead(read)
		}
	}()
	change, err := fn(read.value, read.found)
	if err != nil || change.action == keep {
		c.sampleUse(id, read.shard, read.tag, read.found)
		return true, err
	}
	if change.action == put {
		if err := c.check(id, change.value, change.ttl); err != nil {
			return true, err
		}
	}
	isOpen = false
	return c.change(id, read, change)
}

// reading is the value under an ID at one instant, with its open read.
type reading struct {
	value []byte
	found bool
	shard *shard
	tag   tag
	id    readID
}

// read appends the value under id to dst and opens a read of it.
func (c *Cache) read(dst []byte, id string) (reading, error) {
	s, t := c.lockFor(id)
	defer c.unlock(s)
	if s.closed {
		return reading{value: dst}, ErrClosed
	}
	r := s.lookup(id, t)
	if r == 0 {
		s.noteMiss(t)
		dst = nil
	} else {
		s.use(r)
		dst = s.arena.appendValue(dst, r, uint32(len(id)))
	}
	return reading{dst, r != 0, s, t, s.reads.begin(t)}, nil
}

func (c *Cache) endRead(read reading) {
	c.lock(read.shard)
	read.shard.reads.end(read.id)
	c.unlock(read.shard)
}

// change carries out a Change that was decided on a reading. It reports false,
// without an effect, if the reading is out of date.
func (c *Cache) change(id string, read reading, change Change) (done bool, err error) {
	s := read.shard
	c.lock(s)
	done, err = s.change(id, read, change)
	if err == errInSteps {
		err = c.inSteps(s, id, read.tag, func() error {
			done, err = s.change(id, read, change)
			return err
		})
	} else {
		c.unlock(s)
	}
	if done && err == nil {
		c.sampleChange(id, s, read.tag, change)
	}
	return done, err
}

// change is one step of Cache.change: the first, or the next after errInSteps.
func (s *shard) change(id string, read reading, change Change) (done bool, err error) {
	r := s.lookup(id, read.tag)
	if s.closed {
		s.reads.end(read.id)
		return true, ErrClosed
	}
	if !s.reads.valid(read.id) {
		s.reads.end(read.id)
		return false, nil
	}
	if change.action == put {
		if err = s.set(id, read.tag, change.value, change.ttl); err == errInSteps {
			return false, err
		}
	} else if r != 0 {
		s.drop(r, read.tag)
		s.shrinkIndex(2)
	}
	s.reads.end(read.id)
	return true, err
}
