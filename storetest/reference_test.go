package storetest

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"sync"
	"testing"
	"time"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
)

// Reference is a Store that keeps the contract in the simplest way: a map with
// a mutex. Two processes on one database are one Reference.
type Reference struct {
	mu      sync.Mutex
	entries map[string]*stored
	watches map[*func()]string // IDs
	closed  bool
}

// stored is one write of an entry.
type stored struct {
	value      []byte
	ends, used time.Time
}

func newReference() *Reference {
	return &Reference{entries: map[string]*stored{}, watches: map[*func()]string{}}
}

// OpenReference returns an empty Reference.
func OpenReference(*testing.T) holdfast.Store { return newReference() }

// locked calls fn with the entry under id, or with nil.
func (r *Reference) locked(ctx context.Context, id string, fn func(e *stored)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return fmt.Errorf("%w: it is closed", holdfast.ErrUnavailable)
	}
	if e := r.entries[id]; e != nil && !e.ends.After(time.Now()) {
		delete(r.entries, id)
	}
	if ctx.Err() == nil {
		fn(r.entries[id])
	}
	return ctx.Err()
}

// write removes an entry, and stores a new one if ttl is positive.
func (r *Reference) write(id string, value []byte, ttl time.Duration) {
	if delete(r.entries, id); ttl > 0 {
		r.entries[id] = &stored{bytes.Clone(value), time.Now().Add(ttl), time.Now()}
	}
	for changed, watched := range r.watches {
		if watched == id {
			(*changed)()
		}
	}
}

func (r *Reference) Get(ctx context.Context, id string, how holdfast.ReadMode) (value []byte, found bool, err error) {
	err = r.locked(ctx, id, func(e *stored) {
		if found = e != nil; found {
			value = bytes.Clone(e.value)
		}
		if found && how == holdfast.ReadUse {
			e.used = time.Now()
		}
	})
	return value, found, err
}

func (r *Reference) Set(ctx context.Context, id string, value []byte, ttl time.Duration) error {
	return r.locked(ctx, id, func(*stored) { r.write(id, value, ttl) })
}

func (r *Reference) Touch(ctx context.Context, id string, ttl time.Duration) (found bool, err error) {
	err = r.locked(ctx, id, func(e *stored) {
		if found = e != nil && ttl > 0; found {
			e.ends, e.used = time.Now().Add(ttl), time.Now()
		} else {
			r.write(id, nil, 0)
		}
	})
	return found, err
}

func (r *Reference) Update(ctx context.Context, id string, fn updateFunc) error {
	for done := false; !done; {
		var old *stored
		var value []byte
		if err := r.locked(ctx, id, func(e *stored) {
			if old = e; e != nil {
				value = bytes.Clone(e.value)
			}
		}); err != nil {
			return err
		}
		change, err := fn(value, old != nil)
		value, ttl, stores := change.Stores()
		if err != nil || !stores && !change.Removes() {
			return err
		}
		if err := r.locked(ctx, id, func(e *stored) {
			if done = e == old; done {
				r.write(id, value, ttl)
			}
		}); err != nil {
			return err
		}
	}
	return nil
}

func (r *Reference) ScanValues(ctx context.Context, prefix []byte) iter.Seq2[cache.Entry, error] {
	return func(yield func(cache.Entry, error) bool) {
		var found []cache.Entry
		err := r.locked(ctx, "", func(*stored) {
			for id, e := range r.entries {
				if ttl := time.Until(e.ends); ttl > 0 && bytes.HasPrefix(e.value, prefix) {
					found = append(found, cache.Entry{ID: id, Value: bytes.Clone(e.value), TTL: ttl, Idle: time.Since(e.used)})
				}
			}
		})
		for _, e := range found {
			if !yield(e, nil) {
				return
			}
		}
		if err != nil {
			yield(cache.Entry{}, err)
		}
	}
}

func (r *Reference) Watch(id string, changed func()) (stop func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.watches[&changed] = id
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.watches, &changed)
	}
}

func (r *Reference) Now() time.Time { return time.Now() }

func (r *Reference) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	return nil
}
