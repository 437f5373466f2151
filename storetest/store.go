package storetest

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
)

// hour is the TTL of entries that must not expire during a check.
const hour = time.Hour

// store is the store under test. Its methods add prefix to every ID.
type store struct {
	holdfast.Store
	Options
	prefix   string
	patience time.Duration // of inTime
}

type updateFunc = func(old []byte, found bool) (cache.Change, error)

func (s *store) Set(id string, value []byte, ttl time.Duration) error {
	return s.Store.Set(s.prefix+id, value, ttl)
}
func (s *store) Append(dst []byte, id string) ([]byte, bool) { return s.Store.Append(dst, s.prefix+id) }
func (s *store) Peek(id string) ([]byte, bool)               { return s.Store.Peek(s.prefix + id) }
func (s *store) Touch(id string, ttl time.Duration) bool     { return s.Store.Touch(s.prefix+id, ttl) }
func (s *store) Update(id string, fn updateFunc) error       { return s.Store.Update(s.prefix+id, fn) }

// change is an Update with the same decision for every value.
func (s *store) change(id string, c cache.Change) error {
	return s.Update(id, func([]byte, bool) (cache.Change, error) { return c, nil })
}

func put(value string, ttl time.Duration) cache.Change { return cache.Put([]byte(value), ttl) }

// as skips t if the store does not implement T.
func as[T any](t tb, s *store) T {
	implementation, ok := s.Store.(T)
	if !ok {
		t.Skip("the store does not implement", reflect.TypeFor[T]())
	}
	return implementation
}

// short is the TTL of entries that expire during a check.
func (s *store) short() time.Duration { return 2 * s.Tick }

// expire waits until entries with a short TTL have expired.
func (s *store) expire() { s.Wait(s.short() + s.Tick) }

// entry is the result of a read.
type entry struct {
	value string
	found bool
}

var none entry

func is(value string) entry { return entry{value, true} }

func entryOf(value []byte, found bool) entry {
	if !found {
		return none
	}
	return is(string(value))
}

func (e entry) String() string {
	if !e.found {
		return "no entry"
	}
	return fmt.Sprintf("%.48q (len %d)", e.value, len(e.value))
}

// equal fails t if got and want differ. The format describes the call.
func equal[T comparable](t tb, got, want T, format string, args ...any) {
	t.Helper()
	if got != want {
		t.Fatalf("%s: got %v, want %v", fmt.Sprintf(format, args...), got, want)
	}
}

// must fails t if a call returned an error.
func must(t tb, err error, format string, args ...any) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: got error %v, want none", fmt.Sprintf(format, args...), err)
	}
}

func (s *store) set(t tb, value string, ttl time.Duration, ids ...string) {
	t.Helper()
	for _, id := range ids {
		must(t, s.Set(id, []byte(value), ttl), "Set(%.48q, %.48q, %v)", id, value, ttl)
	}
}

func (s *store) update(t tb, c cache.Change, ids ...string) {
	t.Helper()
	for _, id := range ids {
		must(t, s.change(id, c), "Update(%.48q)", id)
	}
}

// want fails t if Peek does not return want. The text when describes the
// moment.
func (s *store) want(t tb, want entry, when string, ids ...string) {
	t.Helper()
	for _, id := range ids {
		equal(t, entryOf(s.Peek(id)), want, "Peek(%.48q) %s", id, when)
	}
}

// reader is a way to find an entry.
type reader struct {
	name string
	read func(id string) ([]byte, bool, error)
}

// want is store.want with another method. It returns the bytes of the result.
func (r reader) want(t tb, want entry, when, id string) []byte {
	t.Helper()
	value, found, err := r.read(id)
	must(t, err, "%s(%.48q) %s", r.name, id, when)
	equal(t, entryOf(value, found), want, "%s(%.48q) %s", r.name, id, when)
	return value
}

// wantNone fails t if r finds id or makes an entry for it.
func (r reader) wantNone(t tb, s *store, when, id string) {
	t.Helper()
	r.want(t, none, when, id)
	s.want(t, none, when+" and "+r.name, id)
}

func withoutError(value []byte, found bool) ([]byte, bool, error) { return value, found, nil }

// readers are all ways to read an entry that the store implements.
func (s *store) readers() []reader {
	readers := []reader{
		{"Append", func(id string) ([]byte, bool, error) { return withoutError(s.Append(nil, id)) }},
		{"Peek", func(id string) ([]byte, bool, error) { return withoutError(s.Peek(id)) }},
		{"Update", func(id string) (value []byte, found bool, err error) {
			err = s.Update(id, func(old []byte, ok bool) (cache.Change, error) {
				value, found = slices.Clone(old), ok
				return cache.Keep(), nil
			})
			return value, found, err
		}},
	}
	if l, ok := s.Store.(holdfast.Loader); ok {
		readers = append(readers, reader{"Load", func(id string) ([]byte, bool, error) {
			return l.Load(context.Background(), nil, s.prefix+id)
		}})
	}
	if scanner, ok := s.Store.(holdfast.Scanner); ok {
		readers = append(readers, reader{"ScanValues", func(id string) ([]byte, bool, error) {
			for e := range scanner.ScanValues(nil) {
				if e.ID == s.prefix+id {
					return e.Value, true, nil
				}
			}
			return nil, false, nil
		}})
	}
	return readers
}

// touchReader gives an entry that it finds a TTL of an hour.
func (s *store) touchReader() reader {
	return reader{"Touch", func(id string) ([]byte, bool, error) {
		found := s.Touch(id, hour)
		value, _ := s.Peek(id)
		return value, found, nil
	}}
}

func (s *store) readersAndTouch() []reader { return append(s.readers(), s.touchReader()) }

// inTime returns an error if call does not return before s.patience is over.
// call then keeps running, and must not use t.
func (s *store) inTime(name string, call func() error) error {
	done := make(chan error, 1)
	go func() { done <- call() }()
	select {
	case err := <-done:
		return err
	case <-time.After(s.patience):
		return fmt.Errorf("%s has not returned after %v: it seems to wait for a lock", name, s.patience)
	}
}

// together runs f for each step in each of several workers at the same time. It
// returns one of the errors. A worker ends at its first error.
func together(workers, steps int, f func(worker, step int) error) error {
	var group sync.WaitGroup
	start, errs := make(chan struct{}), make(chan error, workers)
	for worker := range workers {
		group.Go(func() {
			<-start
			for step := range steps {
				if err := f(worker, step); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	close(start)
	group.Wait()
	close(errs)
	return <-errs // nil if there is none
}
