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

// Stores that misbehave or watch.

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

// frail is a store whose Set fails once, or after so many.
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

// twice is a store that calls the function of each Update again, as one may
// whose first attempt came too late.
type twice struct {
	holdfast.Store
	between func() // happens once, between the calls for an entry that is there
}

func (s *twice) Update(id string, fn func([]byte, bool) (cache.Change, error)) error {
	return s.Store.Update(id, func(old []byte, found bool) (cache.Change, error) {
		if _, err := fn(old, found); err != nil {
			return cache.Keep(), err
		}
		if happens := s.between; found && happens != nil {
			s.between = nil
			happens()
			return fn(nil, false)
		}
		return fn(old, found)
	})
}

// meddling is a store in which something happens between a listing and what
// is done on the sight of it.
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
		if happens := m.afterListing; happens != nil {
			m.afterListing = nil
			happens()
		}
	}
}

// spy counts the reads that reach a store.
type spy struct {
	holdfast.Store
	reads atomic.Int64
}

func (s *spy) Append(dst []byte, id string) ([]byte, bool) {
	s.reads.Add(1)
	return s.Store.Append(dst, id)
}

// counting is a store that counts all that it is asked.
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

// asked is how often the store was asked anything.
func (s *counting) asked() int64 {
	return s.sets.Load() + s.updates.Load() + s.touches.Load() + s.reads.Load()
}

// matcher notes what it is asked and how much it finds. It may find too much.
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

// traced is a store whose reads want to know the request that they are for.
type traced struct {
	holdfast.Store
	heard []any
}

func (s *traced) Load(ctx context.Context, dst []byte, id string) ([]byte, bool, error) {
	s.heard = append(s.heard, ctx.Value(tracing{}))
	dst, found := s.Append(dst, id)
	return dst, found, nil
}
