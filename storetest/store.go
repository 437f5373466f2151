package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
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
	ctx      context.Context
	other    *store            // another process on the same database; in Run, the store itself
	how      holdfast.ReadMode // of want
	prefix   string
	patience time.Duration // of inTime
}

type updateFunc = func(old []byte, found bool) (cache.Change, error)

func (s *store) Get(id string, how holdfast.ReadMode) ([]byte, bool, error) {
	return s.Store.Get(s.ctx, s.prefix+id, how)
}
func (s *store) Set(id string, value []byte, ttl time.Duration) error {
	return s.Store.Set(s.ctx, s.prefix+id, value, ttl)
}
func (s *store) Touch(id string, ttl time.Duration) (bool, error) {
	return s.Store.Touch(s.ctx, s.prefix+id, ttl)
}
func (s *store) Update(id string, fn updateFunc) error {
	return s.Store.Update(s.ctx, s.prefix+id, fn)
}
func (s *store) Watch(id string, changed func()) (stop func()) {
	return s.Store.Watch(s.prefix+id, changed)
}

// with returns the store with another context.
func (s *store) with(ctx context.Context) *store {
	other := *s
	other.ctx = ctx
	return &other
}

// change is an Update with the same decision for every value.
func (s *store) change(id string, c cache.Change) error {
	return s.Update(id, func([]byte, bool) (cache.Change, error) { return c, nil })
}

func put(value string, ttl time.Duration) cache.Change { return cache.Put([]byte(value), ttl) }

// scan returns the suite's own entries whose value begins with prefix.
func (s *store) scan(prefix string) (own []cache.Entry, err error) {
	for e, next := range s.Store.ScanValues(s.ctx, []byte(prefix)) {
		id, ours := strings.CutPrefix(e.ID, s.prefix)
		switch {
		case err != nil:
			return nil, fmt.Errorf("ScanValues goes on after the error %v", err)
		case next != nil:
			err = next
		case !strings.HasPrefix(string(e.Value), prefix):
			return nil, fmt.Errorf("ScanValues(%q) yields the value %.48q, want the prefix", prefix, e.Value)
		case ours:
			e.ID = id
			own = append(own, e)
		}
	}
	return own, err
}

func (s *store) scans() bool {
	_, err := s.scan("no such value")
	return !errors.Is(err, holdfast.ErrUnsupported)
}

// mustScan returns the entries by ID. It skips t if the store cannot scan.
func (s *store) mustScan(t tb, prefix string) map[string]cache.Entry {
	t.Helper()
	own, err := s.scan(prefix)
	if errors.Is(err, holdfast.ErrUnsupported) {
		t.Skip("the store cannot scan")
	}
	must(t, err, "ScanValues(%q)", prefix)
	entries := make(map[string]cache.Entry)
	for _, e := range own {
		if _, twice := entries[e.ID]; twice {
			t.Fatalf("ScanValues(%q): got the ID %q twice, want it once", prefix, e.ID)
		}
		entries[e.ID] = e
	}
	return entries
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

// touch sets and tries again if there is no entry: it was never there, or it
// has expired because the machine was slow.
func (s *store) touch(t tb, id string, ttl time.Duration) {
	t.Helper()
	touched, err := s.Touch(id, ttl)
	if _, found, _ := s.Get(id, s.how); !found || !touched {
		s.set(t, "1", hour, id)
		touched, err = s.Touch(id, ttl)
	}
	must(t, err, "Touch(%q)", id)
	equal(t, touched, true, "Touch(%q) after Set", id)
}

// want fails t if a read does not return want. The text when describes the
// moment.
func (s *store) want(t tb, want entry, when string, ids ...string) {
	t.Helper()
	for _, id := range ids {
		s.reader(s.how).want(t, want, when, id)
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
	must(t, err, "%s of %.48q %s", r.name, id, when)
	equal(t, entryOf(value, found), want, "%s of %.48q %s", r.name, id, when)
	return value
}

// wantNone fails t if r finds id or makes an entry for it.
func (r reader) wantNone(t tb, s *store, when, id string) {
	t.Helper()
	r.want(t, none, when, id)
	s.want(t, none, when+" and "+r.name, id)
}

// reader reads in one of the modes.
func (s *store) reader(how holdfast.ReadMode) reader {
	name := [...]string{"ReadUse", "ReadPeek", "ReadFresh"}[how]
	return reader{name, func(id string) ([]byte, bool, error) { return s.Get(id, how) }}
}

// modes are all modes of Get.
func (s *store) modes() []reader {
	return []reader{s.reader(holdfast.ReadUse), s.reader(holdfast.ReadPeek), s.reader(holdfast.ReadFresh)}
}

// readers are all ways to read an entry.
func (s *store) readers() []reader {
	readers := append(s.modes(), reader{"Update", s.updateRead})
	if s.scans() {
		readers = append(readers, reader{"ScanValues", s.scanRead})
	}
	return readers
}

func (s *store) readersAndTouch() []reader { return append(s.readers(), reader{"Touch", s.touchRead}) }

func (s *store) updateRead(id string) (value []byte, found bool, err error) {
	err = s.Update(id, func(old []byte, ok bool) (cache.Change, error) {
		value, found = slices.Clone(old), ok || len(old) > 0
		return cache.Keep(), nil
	})
	return value, found, err
}

func (s *store) scanRead(id string) ([]byte, bool, error) {
	entries, err := s.scan("")
	for _, e := range entries {
		if e.ID == id {
			return e.Value, true, err
		}
	}
	return nil, false, err
}

// touchRead gives an entry that it finds a TTL of an hour. If Touch cannot tell
// whether there is one, only the value counts.
func (s *store) touchRead(id string) ([]byte, bool, error) {
	if touched, err := s.Touch(id, hour); !touched || err != nil {
		return nil, false, err
	}
	value, found, err := s.Get(id, s.how)
	if !found && err == nil {
		unsure, _ := s.Touch("never made", hour)
		return nil, !unsure, nil
	}
	return value, found, err
}

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
