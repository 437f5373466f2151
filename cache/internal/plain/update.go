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

// Update reads the entry under id, lets fn decide, and carries out the Change
// that fn returns, as one atomic step: no other write to id comes between. It
// counts as a use of the entry.
//
// fn gets the value, and whether there is one. The value is valid only until
// fn returns, and fn must not keep it; it may build its Put in the same memory.
// fn runs without a lock, so it may take its time and may call the cache. When
// another write to id does come between, its Change is dropped and fn is called
// again with the newer value: fn should have no effect besides what it
// returns. A panic in fn reaches Update's caller and changes nothing.
//
// An error of fn is returned as it is, and nothing changes. Otherwise the
// error wraps ErrInvalid (also for a nil fn), ErrTooLarge or ErrClosed.
func (c *Cache) Update(id string, fn func(old []byte, found bool) (Change, error)) error {
	if fn == nil {
		return fmt.Errorf("%w: the function given to Update is nil", ErrInvalid)
	}
	if err := checkID(id); err != nil {
		return err
	}
	var old []byte
	for {
		var read version
		var err error
		if old, read, err = c.readVersion(old[:0], id); err != nil {
			return err
		}
		change, err := fn(old, read.found)
		if err != nil {
			return err
		}
		if done, err := c.change(id, read, change); done {
			return err
		}
	}
}

// version identifies what was under an ID: nothing, or one particular write.
type version struct {
	found  bool
	number uint64
}

func versionOf(e *entry) version {
	if e == nil {
		return version{}
	}
	return version{true, e.version}
}

func (c *Cache) readVersion(dst []byte, id string) ([]byte, version, error) {
	s := c.shardOf(id)
	s.lock()
	defer c.unlock(s)
	if s.closed {
		return dst, version{}, ErrClosed
	}
	e := s.find(id)
	if e != nil {
		s.use(e)
		dst = append(dst, e.value...)
	}
	return dst, versionOf(e), nil
}

// change carries out what was decided on the sight of read. It reports false,
// having done nothing, if that is no longer what is there.
func (c *Cache) change(id string, read version, change Change) (done bool, err error) {
	if change.action == keep {
		return true, nil
	}
	if change.action == put {
		if err := c.check(id, change.value, change.ttl); err != nil {
			return true, err
		}
	}
	s := c.shardOf(id)
	s.lock()
	defer c.unlock(s)
	e := s.find(id)
	if s.closed {
		return true, ErrClosed
	}
	if versionOf(e) != read {
		return false, nil
	}
	if change.action == put {
		return true, s.set(id, change.value, change.ttl)
	}
	if e != nil {
		s.remove(e)
	}
	return true, nil
}
