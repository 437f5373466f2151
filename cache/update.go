package cache

import (
	"fmt"
	"time"
)

// Change is what the function given to Update wants done with the entry. The
// zero Change is Keep.
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

// Keep leaves the entry, or its absence, as it is.
func Keep() Change { return Change{} }

// Put stores a copy of value for ttl, on the terms of Set.
func Put(value []byte, ttl time.Duration) Change {
	return Change{action: put, value: value, ttl: ttl}
}

// Remove deletes the entry, if there is one.
func Remove() Change { return Change{action: remove} }

// Stores returns what c stores and for how long, and reports false if c stores
// nothing. Like Removes it is for those who write a store of their own and have
// to carry out a Change. The value is that given to Put, and not a copy.
func (c Change) Stores() (value []byte, ttl time.Duration, ok bool) {
	return c.value, c.ttl, c.action == put
}

// Removes reports whether c deletes the entry.
func (c Change) Removes() bool { return c.action == remove }

// Update reads the entry under id, lets fn decide, and carries out the Change
// that fn returns, as one atomic step: no other write to id comes between. It
// counts as a use of the entry.
//
// fn gets the value, and whether there is one; without one, no bytes. They are
// fn's own until it returns: it may build its Put in the same memory, but must not
// keep them. fn runs without a lock, so it may take its time and may call the
// cache. When another write to id does come between, its Change is dropped and fn
// is called again with the newer value: fn should have no effect besides what it
// returns. A panic in fn reaches Update's caller and changes nothing.
//
// An error of fn is returned as it is, and nothing changes. Otherwise the
// error wraps ErrInvalid (also for a nil fn), ErrTooLarge or ErrClosed; or
// ErrConflict, if other writes came between 16,384 times. That is so if fn itself
// writes to id: it must leave that to the Change.
func (c *Cache) Update(id string, fn func(old []byte, found bool) (Change, error)) error {
	if fn == nil {
		return c.unlessClosed(fmt.Errorf("%w: the function given to Update is nil", ErrInvalid))
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
	return fmt.Errorf("%w: Update gave up after %d tries; its function must not write to the same ID", ErrConflict, updateTries)
}

// updateTries is far more than goroutines that update one ID get in each other's
// way: with a thousand of them, each try succeeds once in a thousand times.
const updateTries = 1 << 14

// decide calls fn on what was read and carries out its Change. It reports false,
// having done nothing, if what was read is no longer what is there.
func (c *Cache) decide(id string, read reading, fn func([]byte, bool) (Change, error)) (done bool, err error) {
	isOpen := true
	defer func() {
		if isOpen { // fn decided on nothing, or panicked
			c.endRead(read)
		}
	}()
	change, err := fn(read.value, read.found)
	if err != nil || change.action == keep {
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

// reading is what was under an ID, and the watch that tells whether it has
// changed since.
type reading struct {
	value []byte
	found bool
	shard *shard
	tag   tag
	id    readID
}

// read appends the value under id to dst and begins to watch it.
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

// change carries out what was decided on the sight of read. It reports false,
// having done nothing, if that is no longer what is there.
func (c *Cache) change(id string, read reading, change Change) (done bool, err error) {
	s := read.shard
	c.lock(s)
	done, err = s.change(id, read, change)
	if err == errInSteps {
		err = c.inSteps(s, func() error {
			done, err = s.change(id, read, change)
			return err
		})
		return done, err
	}
	c.unlock(s)
	return done, err
}

// change is one step of the Cache's change: the first, or the next after
// errInSteps.
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
