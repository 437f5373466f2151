package holdfast_test

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"sync/atomic"
	"time"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
)

// Stores that fail on purpose, and stores that record their calls.

var errAway = errors.New("the store is away")

// away is a store that can be disconnected.
type away struct {
	holdfast.Scanner
	away atomic.Bool
}

func (s *away) Load(_ context.Context, dst []byte, id string) ([]byte, bool, error) {
	if s.away.Load() {
		return dst, false, errAway
	}
	dst, found := s.Append(dst, id)
	return dst, found, nil
}

func (s *away) Set(id string, value []byte, ttl time.Duration) error {
	if s.away.Load() {
		return errAway
	}
	return s.Scanner.Set(id, value, ttl)
}

func (s *away) Update(id string, fn func([]byte, bool) (cache.Change, error)) error {
	if s.away.Load() {
		return errAway
	}
	return s.Scanner.Update(id, fn)
}

// frail is a store whose Set fails on demand, or after a number of calls.
type frail struct {
	holdfast.Store
	failNextSet atomic.Bool
	setsAllowed int64 // 0: any number
	sets        atomic.Int64
}

func (s *frail) Set(id string, value []byte, ttl time.Duration) error {
	n := s.sets.Add(1)
	if s.failNextSet.CompareAndSwap(true, false) || s.setsAllowed > 0 && n > s.setsAllowed {
		return errAway
	}
	return s.Store.Set(id, value, ttl)
}

// twice is a store that calls the function of each Update twice, as a store
// with optimistic locking may.
type twice struct {
	holdfast.Store
	between func() // called once, between the two calls for an existing entry
}

func (s *twice) Update(id string, fn func([]byte, bool) (cache.Change, error)) error {
	return s.Store.Update(id, func(old []byte, found bool) (cache.Change, error) {
		if _, err := fn(old, found); err != nil {
			return cache.Keep(), err
		}
		if between := s.between; found && between != nil {
			s.between = nil
			between()
			return fn(nil, false)
		}
		return fn(old, found)
	})
}

// meddling is a store that calls afterListing once, between a listing and the
// writes that follow from it.
type meddling struct {
	holdfast.Scanner
	afterListing func()
}

func (m *meddling) ScanValues(prefix []byte) iter.Seq[cache.Entry] {
	return func(yield func(cache.Entry) bool) {
		for entry := range m.Scanner.ScanValues(prefix) {
			if !yield(entry) {
				break
			}
		}
		if after := m.afterListing; after != nil {
			m.afterListing = nil
			after()
		}
	}
}

// counting is a store that counts its calls.
type counting struct {
	holdfast.Store
	sets, updates, touches, reads atomic.Int64
}

func (s *counting) Set(id string, value []byte, ttl time.Duration) error {
	s.sets.Add(1)
	return s.Store.Set(id, value, ttl)
}

func (s *counting) Update(id string, fn func([]byte, bool) (cache.Change, error)) error {
	s.updates.Add(1)
	return s.Store.Update(id, fn)
}

func (s *counting) Touch(id string, ttl time.Duration) bool {
	s.touches.Add(1)
	return s.Store.Touch(id, ttl)
}

func (s *counting) Append(dst []byte, id string) ([]byte, bool) {
	s.reads.Add(1)
	return s.Store.Append(dst, id)
}

func (s *counting) Peek(id string) ([]byte, bool) {
	s.reads.Add(1)
	return s.Store.Peek(id)
}

func (s *counting) calls() int64 {
	return s.sets.Load() + s.updates.Load() + s.touches.Load() + s.reads.Load()
}

// matcher is a store that records the prefixes of its scans and the number of
// entries found. With ignorant, it ignores the prefix.
type matcher struct {
	holdfast.Scanner
	ignorant bool
	prefixes [][]byte
	found    int
}

func (m *matcher) ScanValues(prefix []byte) iter.Seq[cache.Entry] {
	m.prefixes = append(m.prefixes, bytes.Clone(prefix))
	if m.ignorant {
		prefix = nil
	}
	return func(yield func(cache.Entry) bool) {
		for entry := range m.Scanner.ScanValues(prefix) {
			m.found++
			if !yield(entry) {
				return
			}
		}
	}
}

type tracing struct{}

// traced is a store that records a value of each read's context.
type traced struct {
	holdfast.Store
	traces []any
}

func (s *traced) Load(ctx context.Context, dst []byte, id string) ([]byte, bool, error) {
	s.traces = append(s.traces, ctx.Value(tracing{}))
	dst, found := s.Append(dst, id)
	return dst, found, nil
}
