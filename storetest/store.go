package storetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
)

// hour is the TTL of entries that must not expire during a check.
const hour = time.Hour

// store is the store under test, as a check uses it.
type store struct {
	holdfast.Store
	*suite
	t      *testing.T
	check  check
	ctx    context.Context
	other  *store            // another process on the same database; in Run, the store itself
	who    string            // the process, in failures
	how    holdfast.ReadMode // of want
	prefix string            // of every ID
	past   *[]event
}

// event is a call, or a wait if id is empty.
type event struct{ id, text string }

// with returns the store with another context.
func (s *store) with(ctx context.Context) *store {
	other := *s
	other.ctx = ctx
	return &other
}

// op is a call of the store. The call returns the entry that it finds, or that
// it makes.
type op struct {
	name   string
	leaves entry // by a write
	call   func(s *store, id string) (value []byte, found bool, err error)
}

func (o op) run(s *store, id string) error {
	_, _, err := o.call(s, id)
	return err
}

var (
	use, peek, fresh  = read(holdfast.ReadUse), read(holdfast.ReadPeek), read(holdfast.ReadFresh)
	modes             = []op{use, peek, fresh}
	scanAny           = scan("")
	keep, remove      = change("Keep", cache.Keep()), change("Remove", cache.Remove())
	setNew, putNew    = set("new", hour), put("new", hour)
	touchHour, touch0 = touch(hour), touch(0)
	// writes are all ways to change an entry's value.
	writes = []op{setNew, putNew, remove, touch0}
)

func read(how holdfast.ReadMode) op {
	return op{[...]string{"ReadUse", "ReadPeek", "ReadFresh"}[how], none, func(s *store, id string) ([]byte, bool, error) {
		return s.Store.Get(s.ctx, s.prefix+id, how)
	}}
}

func set[T string | []byte](value T, ttl time.Duration) op {
	return op{nameOf("Set of", value, ttl), entry(value), func(s *store, id string) ([]byte, bool, error) {
		return []byte(value), true, s.Store.Set(s.ctx, s.prefix+id, []byte(value), ttl)
	}}
}

func put[T string | []byte](value T, ttl time.Duration) op {
	return update(nameOf("Put of", value, ttl), entry(value), func([]byte, bool) (cache.Change, error) {
		return cache.Put([]byte(value), ttl), nil
	})
}

// change is an Update with the same decision for every value.
func change(name string, c cache.Change) op {
	return update(name, none, func([]byte, bool) (cache.Change, error) { return c, nil })
}

type updateFunc = func(old []byte, found bool) (cache.Change, error)

func update(name string, leaves entry, fn updateFunc) op {
	return op{name, leaves, func(s *store, id string) (value []byte, found bool, err error) {
		err = s.Store.Update(s.ctx, s.prefix+id, func(old []byte, ok bool) (cache.Change, error) {
			value, found = slices.Clone(old), ok || len(old) > 0
			return fn(old, ok)
		})
		return value, found, err
	}}
}

// touch finds an entry if Touch reports one. If Touch cannot tell whether there
// is one, only the value counts.
func touch(ttl time.Duration) op {
	return op{nameOf("Touch", "", ttl), none, func(s *store, id string) ([]byte, bool, error) {
		if touched, err := s.Store.Touch(s.ctx, s.prefix+id, ttl); !touched || ttl <= 0 || err != nil {
			return nil, false, err
		}
		value, found, err := read(s.how).call(s, id)
		if !found && err == nil {
			unsure, _ := s.Store.Touch(s.ctx, s.prefix+"never made", hour)
			return nil, !unsure, nil
		}
		return value, found, err
	}}
}

// retouch sets and tries again if there is no entry: it was never there, or it
// has expired meanwhile, which Touch may be unable to tell.
func retouch(ttl time.Duration) op {
	return op{touch(ttl).name, none, func(s *store, id string) ([]byte, bool, error) {
		touched, err := s.Store.Touch(s.ctx, s.prefix+id, ttl)
		if _, found, _ := read(s.how).call(s, id); !found || !touched {
			s.Store.Set(s.ctx, s.prefix+id, []byte("1"), hour)
			touched, err = s.Store.Touch(s.ctx, s.prefix+id, ttl)
		}
		if err == nil && !touched {
			err = errors.New("no entry after Set")
		}
		return nil, touched, err
	}}
}

// scan finds one entry by a scan of all with a prefix.
func scan(prefix string) op {
	return op{"ScanValues", none, func(s *store, id string) ([]byte, bool, error) {
		entries, twice, err := s.scan(prefix)
		e, found := entries[id]
		return e.Value, found, cmp.Or(err, twice)
	}}
}

func nameOf[T string | []byte](method string, value T, ttl time.Duration) string {
	if len(value) > 0 {
		method += fmt.Sprintf(" %.12q", value)
	}
	if ttl != hour {
		method += fmt.Sprint(" for ", ttl)
	}
	return method
}

// gives adds to first the ways to give an entry with the value "1" a TTL.
func gives(ttl time.Duration, first ...op) (rows [][]op) {
	for _, o := range []op{set("1", ttl), put("1", ttl), retouch(ttl)} {
		rows = append(rows, append(slices.Clone(first), o))
	}
	return rows
}

// readers are all ways to read an entry.
func (s *store) readers() []op {
	if _, _, err := s.scan("no such value"); errors.Is(err, holdfast.ErrUnsupported) {
		return append(slices.Clone(modes), keep)
	}
	return append(slices.Clone(modes), keep, scanAny)
}

// finders are all ways to find an entry.
func (s *store) finders() []op { return append(s.readers(), touchHour) }

// do makes calls. They must neither fail nor wait for a lock.
func (s *store) do(id string, ops ...op) {
	s.t.Helper()
	for _, o := range ops {
		if err := inTime(2*s.patience, o.name, func() error { return o.run(s, id) }); err != nil {
			s.must(err, s.describe(o, id))
		}
		s.note(id, s.who+o.name)
	}
}

// want fails if a call does not find want, or the read after it, by which a
// call that makes an entry shows.
func (s *store) want(id string, want entry, by ...op) {
	s.t.Helper()
	for _, o := range append(slices.Clone(by), read(s.how)) {
		s.wantBy(o, id, want)
	}
}

// wantBy returns the bytes that the call finds.
func (s *store) wantBy(o op, id string, want entry) []byte {
	s.t.Helper()
	value, found, err := o.call(s, id)
	if e := entryOf(value, found); err != nil || e != want {
		s.must(err, s.describe(o, id))
		s.equal(e, want, "%s", s.describe(o, id))
	}
	return value
}

// after makes the calls of each row, on one ID for each of by. The entries are
// as wanted after wait.
func (s *store) after(wait func(), want entry, by []op, rows ...[]op) {
	s.t.Helper()
	var ids []string
	for _, row := range rows {
		for range by {
			ids = append(ids, s.doInTime(row))
		}
	}
	wait()
	for i, id := range ids {
		s.want(id, want, by[i%len(by)])
	}
}

// doInTime makes the calls under an ID that it returns. If they took so long
// that a short TTL may have ended between two of them, it repeats them under
// another ID, a few times.
func (s *store) doInTime(calls []op) (id string) {
	s.t.Helper()
	for range 5 {
		began := time.Now()
		id = fmt.Sprint("entry ", len(*s.past))
		s.do(id, calls...)
		if time.Since(began) < s.Tick {
			break
		}
	}
	return id
}

// wait waits for d on the store's clock.
func (s *store) wait(d time.Duration) {
	s.Wait(d)
	s.note("", fmt.Sprint("a wait of ", d))
}

// short is the TTL of entries that expire during a check.
func (s *store) short() time.Duration { return 2 * s.Tick }

// expire waits until entries with a short TTL have expired.
func (s *store) expire() { s.wait(s.short() + s.Tick) }

func (s *store) note(id, text string) { *s.past = append(*s.past, event{id, text}) }

// describe describes a call, and the latest ones before.
func (s *store) describe(o op, id string) string {
	var past []string
	for _, e := range *s.past {
		if e.id == id || e.id == "" && len(past) > 0 {
			past = append(past, e.text)
		}
	}
	text := fmt.Sprintf("%s%s under %#.48q", s.who, o.name, id)
	if len(past) > 0 {
		text += " after " + strings.Join(past[max(0, len(past)-5):], ", ")
	}
	return text
}

// scan returns the suite's own entries whose value begins with prefix, by ID.
// The error twice is for an ID that came again.
func (s *store) scan(prefix string) (own map[string]cache.Entry, twice, err error) {
	own = make(map[string]cache.Entry)
	for e, next := range s.Store.ScanValues(s.ctx, []byte(prefix)) {
		id, ours := strings.CutPrefix(e.ID, s.prefix)
		switch {
		case err != nil:
			return nil, nil, fmt.Errorf("ScanValues goes on after the error %v", err)
		case next != nil:
			err = next
		case !strings.HasPrefix(string(e.Value), prefix):
			return nil, nil, fmt.Errorf("ScanValues(%q) yields the value %.48q, want the prefix", prefix, e.Value)
		case ours:
			if _, again := own[id]; again {
				twice = fmt.Errorf("the ID %q twice", id)
			}
			own[id] = e
		}
	}
	return own, twice, err
}

// mustScan skips the check if the store cannot scan.
func (s *store) mustScan(prefix string) map[string]cache.Entry {
	s.t.Helper()
	own, twice, err := s.scan(prefix)
	if errors.Is(err, holdfast.ErrUnsupported) {
		s.skip("the store cannot scan")
	}
	s.must(cmp.Or(err, twice), fmt.Sprintf("ScanValues(%q)", prefix))
	return own
}

// entry is the result of a read.
type entry string

// none is the result of a read that finds nothing.
const none entry = "\x00no entry"

func entryOf(value []byte, found bool) entry {
	if !found {
		return none
	}
	return entry(value)
}

func (e entry) String() string {
	if e == none {
		return "no entry"
	}
	return fmt.Sprintf("%.48q (len %d)", string(e), len(e))
}

// inTime returns an error if call does not return within patience. call then
// keeps running, and must not use s.t.
func inTime(patience time.Duration, name string, call func() error) error {
	done := make(chan error, 1)
	go func() { done <- call() }()
	select {
	case err := <-done:
		return err
	case <-time.After(patience):
		return fmt.Errorf("%s has not returned after %v: it seems to wait for a lock", name, patience)
	}
}

// together runs f for each step in each of several workers at the same time. It
// returns one of the errors. A worker ends at its first error.
func together(workers, steps int, f func(worker, step int) error) error {
	var group sync.WaitGroup
	start, errs := make(chan struct{}), make([]error, workers)
	for worker := range workers {
		group.Go(func() {
			<-start
			for step := 0; step < steps && errs[worker] == nil; step++ {
				errs[worker] = f(worker, step)
			}
		})
	}
	close(start)
	group.Wait()
	return cmp.Or(errs...)
}
