package holdfast_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
)

// Stores that fail on purpose, and stores that record their calls.

var (
	// errAway is the error of a store that cannot be reached.
	errAway = fmt.Errorf("%w: the store is away", holdfast.ErrUnavailable)

	// errBroken is an error that says nothing about the cause.
	errBroken = errors.New("the store is broken")
)

// newStore returns a store that keeps its entries in a cache of its own.
func newStore(t testing.TB) holdfast.Store { return holdfast.InCache(newCache(t)) }

// call is a call of a method of a store.
type call struct {
	method string // "Get", "Set", "Touch", "Update" or "ScanValues"
	ctx    context.Context
	how    holdfast.ReadMode // of Get
}

// hooked is a store that passes its calls to hook. carryOut carries the call
// out. The call fails with the error of hook.
type hooked struct {
	holdfast.Store
	hook func(c call, carryOut func() error) error
}

func (s *hooked) Get(ctx context.Context, id string, how holdfast.ReadMode) (value []byte, found bool, err error) {
	err = s.hook(call{"Get", ctx, how}, func() (err error) {
		value, found, err = s.Store.Get(ctx, id, how)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	return value, found, nil
}

func (s *hooked) Set(ctx context.Context, id string, value []byte, ttl time.Duration) error {
	return s.hook(call{"Set", ctx, 0}, func() error { return s.Store.Set(ctx, id, value, ttl) })
}

func (s *hooked) Touch(ctx context.Context, id string, ttl time.Duration) (found bool, err error) {
	err = s.hook(call{"Touch", ctx, 0}, func() (err error) {
		found, err = s.Store.Touch(ctx, id, ttl)
		return err
	})
	return found && err == nil, err
}

func (s *hooked) Update(ctx context.Context, id string, fn func([]byte, bool) (cache.Change, error)) error {
	return s.hook(call{"Update", ctx, 0}, func() error { return s.Store.Update(ctx, id, fn) })
}

func (s *hooked) ScanValues(ctx context.Context, prefix []byte) iter.Seq2[cache.Entry, error] {
	return func(yield func(cache.Entry, error) bool) {
		stopped := false
		err := s.hook(call{"ScanValues", ctx, 0}, func() error {
			for entry, err := range s.Store.ScanValues(ctx, prefix) {
				if err != nil {
					return err
				}
				if stopped = !yield(entry, nil); stopped {
					return nil
				}
			}
			return nil
		})
		if err != nil && !stopped {
			yield(cache.Entry{}, err)
		}
	}
}

// away is a store that can be disconnected. Then its calls fail, or those of
// one method.
type away struct {
	hooked
	away atomic.Bool
	only string // the method whose calls fail; "" for all
	err  error
}

func newAway(t testing.TB) *away {
	s := &away{err: errAway}
	s.hooked = hooked{newStore(t), func(c call, carryOut func() error) error {
		if s.away.Load() && (s.only == "" || s.only == c.method) {
			return s.err
		}
		return carryOut()
	}}
	return s
}

// failing is a store in which one call, or all calls from one on, fail.
type failing struct {
	hooked
	only    string // the method whose calls count; "" for all
	failAt  int    // the number of the call, counted from 1; 0 for none
	fault   fault
	forever bool

	calls  int
	failed bool
}

// fault is the way in which a call fails.
type fault string

const (
	refused  fault = "refused"  // an error, and nothing is carried out
	lost     fault = "lost"     // an error, and the call is carried out: its reply is lost
	panicked fault = "panicked" // a panic, and nothing is carried out
)

func newFailing(t testing.TB) *failing { return failingIn(newStore(t)) }

func failingIn(store holdfast.Store) *failing {
	s := &failing{fault: refused}
	s.hooked = hooked{store, s.next}
	return s
}

// failNext makes the next call of the method fail.
func (s *failing) failNext(method string, f fault) {
	s.only, s.fault, s.calls, s.failAt = method, f, 0, 1
}

// next counts a call and fails it if its turn has come.
func (s *failing) next(c call, carryOut func() error) error {
	if s.only != "" && s.only != c.method {
		return carryOut()
	}
	s.calls++
	if s.failAt == 0 || s.calls < s.failAt || s.calls > s.failAt && !s.forever {
		return carryOut()
	}
	s.failed = true
	switch s.fault {
	case panicked:
		panic("the store panics in " + c.method)
	case lost:
		_ = carryOut()
	}
	return errAway
}

// recording is a store that records its calls.
type recording struct {
	hooked
	mu    sync.Mutex
	calls []call
}

func newRecording(t testing.TB) *recording { return recordingIn(newStore(t)) }

func recordingIn(store holdfast.Store) *recording {
	s := &recording{}
	s.hooked = hooked{store, func(c call, carryOut func() error) error {
		s.mu.Lock()
		s.calls = append(s.calls, c)
		s.mu.Unlock()
		return carryOut()
	}}
	return s
}

// count returns how often the method was called.
func (s *recording) count(method string) (n int) {
	for _, c := range s.all() {
		if c.method == method {
			n++
		}
	}
	return n
}

// all returns the calls so far.
func (s *recording) all() []call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// during returns the methods of the calls that act makes.
func (s *recording) during(act func()) (methods []string) {
	before := len(s.all())
	act()
	for _, c := range s.all()[before:] {
		methods = append(methods, c.method)
	}
	return methods
}

// twice is a store that calls the function of each Update twice, as a store
// with optimistic locking may.
type twice struct {
	holdfast.Store
	between func() // called once, between the two calls for an existing entry
}

func (s *twice) Update(ctx context.Context, id string, fn func([]byte, bool) (cache.Change, error)) error {
	return s.Store.Update(ctx, id, func(old []byte, found bool) (cache.Change, error) {
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
	holdfast.Store
	afterListing func()
}

func (m *meddling) ScanValues(ctx context.Context, prefix []byte) iter.Seq2[cache.Entry, error] {
	return func(yield func(cache.Entry, error) bool) {
		for entry, err := range m.Store.ScanValues(ctx, prefix) {
			if !yield(entry, err) {
				break
			}
		}
		if after := m.afterListing; after != nil {
			m.afterListing = nil
			after()
		}
	}
}

// matcher is a store that records the prefixes of its scans and the number of
// entries found. With ignorant, it ignores the prefix.
type matcher struct {
	holdfast.Store
	ignorant bool
	prefixes [][]byte
	found    int
}

func (m *matcher) ScanValues(ctx context.Context, prefix []byte) iter.Seq2[cache.Entry, error] {
	m.prefixes = append(m.prefixes, bytes.Clone(prefix))
	if m.ignorant {
		prefix = nil
	}
	return func(yield func(cache.Entry, error) bool) {
		for entry, err := range m.Store.ScanValues(ctx, prefix) {
			m.found++
			if !yield(entry, err) {
				return
			}
		}
	}
}
