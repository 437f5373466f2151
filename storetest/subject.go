package storetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
)

// subject is a store under examination. Its methods do to the store what their
// names say and take note of it, until the first expectation that is not met:
// that is the violation, and what was done till then explains it. A check goes
// on after that, so that it needs no branches, but to no effect.
//
// IDs are short names, to which the subject adds what makes them its own.
type subject struct {
	store    holdfast.Store
	part     part
	prefix   string
	tick     time.Duration
	sleep    func(time.Duration)
	patience time.Duration

	mu              sync.Mutex
	done            []step
	violated        bool
	expected, found string
}

// hour is the ttl of entries that are to stay for the whole of a check.
const hour = time.Hour

// short is the ttl of entries that a check sees the end of.
func (s *subject) short() time.Duration { return 2 * s.tick }

// waitOut lets time pass until an entry with a short ttl is over.
func (s *subject) waitOut() { s.wait(s.short() + s.tick) }

func (s *subject) wait(d time.Duration) {
	if s.failed() {
		return
	}
	s.did("wait %v", d)
	s.sleep(d)
}

func (s *subject) id(name string) string { return s.prefix + name }

// step is something that was done, to one entry or, without a name, to none in
// particular.
type step struct{ name, retold string }

// did takes note of a step that belongs to every story.
func (s *subject) did(format string, args ...any) { s.didTo("", format, args...) }

// didTo takes note of a step that is of interest only if it is the entry under
// name that something is wrong with.
func (s *subject) didTo(name, format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.violated {
		s.done = append(s.done, step{name, fmt.Sprintf(format, args...)})
	}
}

// anew forgets the steps so far, which have no part in what comes.
func (s *subject) anew() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.violated {
		s.done = nil
	}
}

// expect makes it a violation if ok is false.
func (s *subject) expect(ok bool, expected, found string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !ok && !s.violated {
		s.violated, s.expected, s.found = true, expected, found
	}
}

func (s *subject) failed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.violated
}

func (s *subject) violationOf(p promise) *violation {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.violated {
		return nil
	}
	return &violation{promise: p, done: s.story(), expected: s.expected, found: s.found}
}

// story is what was done to the entry that the last step was done to.
func (s *subject) story() []string {
	var story []string
	for _, step := range s.done {
		if about := s.done[len(s.done)-1].name; about == "" || step.name == "" || step.name == about {
			story = append(story, step.retold)
		}
	}
	return story
}

// A retelling longer than this is cut: the explanation is there to be read.
const longestText = 48

func text[T string | []byte](value T) string {
	if len(value) > longestText {
		return fmt.Sprintf("%.*q… (%d bytes)", longestText, value, len(value))
	}
	return fmt.Sprintf("%q", value)
}

func answer[T string | []byte](value T, found bool) string {
	if !found {
		return "no entry"
	}
	return text(value)
}

// set stores a value that every store has to take.
func (s *subject) set(name, value string, ttl time.Duration) {
	err := s.store.Set(s.id(name), []byte(value), ttl)
	s.didTo(name, "Set(%s, %s, %v) = %v", text(name), text(value), ttl, err)
	s.expectNil(err)
}

func (s *subject) expectNil(err error) {
	s.expect(err == nil, "no error", fmt.Sprintf("the error %v", err))
}

func (s *subject) touch(name string, ttl time.Duration) bool {
	ok := s.store.Touch(s.id(name), ttl)
	s.didTo(name, "Touch(%s, %v) = %v", text(name), ttl, ok)
	return ok
}

// change is a cache.Change that can be told.
type change struct {
	cache.Change
	retold string
}

func put(value string, ttl time.Duration) change {
	return change{cache.Put([]byte(value), ttl), fmt.Sprintf("Put(%s, %v)", text(value), ttl)}
}

func keep() change { return change{cache.Keep(), "Keep()"} }

func remove() change { return change{cache.Remove(), "Remove()"} }

// update takes note of what fn saw and decided, and wants no error.
func (s *subject) update(name string, fn func(old string, found bool) change) {
	err := s.store.Update(s.id(name), func(raw []byte, found bool) (cache.Change, error) {
		old := string(raw)
		decided := fn(old, found)
		s.didTo(name, "Update(%s) saw %s, %s", text(name), answer(old, found), decided.retold)
		return decided.Change, nil
	})
	s.expectNil(err)
}

// change is update with the same decision whatever there is. It returns what
// was there.
func (s *subject) change(name string, c change) (old string, found bool) {
	s.update(name, func(o string, f bool) change {
		old, found = o, f
		return c
	})
	return old, found
}

// wantEntry expects value under an ID.
func (s *subject) wantEntry(name, value string) {
	got, found := s.store.Peek(s.id(name))
	s.didTo(name, "Peek(%s)", text(name))
	s.expect(found && string(got) == value, text(value), answer(got, found))
}

// wantYet is wantEntry for one that was given ttl at a time, unless its ttl is
// over by now because the machine was slow.
func (s *subject) wantYet(name, value string, given time.Time, ttl time.Duration) {
	got, found := s.store.Peek(s.id(name))
	s.didTo(name, "Peek(%s)", text(name))
	s.expect(found && string(got) == value || time.Since(given) >= ttl,
		text(value)+": its ttl is not over", answer(got, found))
}

// wantNone expects nothing under an ID.
func (s *subject) wantNone(name, reason string) {
	got, found := s.store.Peek(s.id(name))
	s.didTo(name, "Peek(%s)", text(name))
	s.expect(!found, "no entry: "+reason, answer(got, found))
}

// reader is one of the ways to find an entry.
type reader struct {
	name string
	read func(id string) ([]byte, bool)
}

// readers are those of the part that is examined.
func (s *subject) readers() []reader {
	readers := []reader{
		{"Append", func(id string) ([]byte, bool) { return s.store.Append(nil, id) }},
		{"Peek", s.store.Peek},
		{"Update", s.readByUpdate},
	}
	if s.part == loader {
		readers = []reader{{"Load", s.readByLoad}}
	}
	if s.part == scanner {
		readers = []reader{{"ScanValues", s.readByScan}}
	}
	return readers
}

func (s *subject) readByUpdate(id string) (value []byte, found bool) {
	err := s.store.Update(id, func(old []byte, f bool) (cache.Change, error) {
		value, found = slices.Clone(old), f
		return cache.Keep(), nil
	})
	s.expectNil(err)
	return value, found
}

func (s *subject) readByLoad(id string) ([]byte, bool) {
	value, found, err := s.store.(holdfast.Loader).Load(context.Background(), nil, id)
	s.expectNil(err)
	return value, found
}

func (s *subject) readByScan(id string) ([]byte, bool) {
	for entry := range s.store.(holdfast.Scanner).ScanValues(nil) {
		if entry.ID == id {
			return entry.Value, true
		}
	}
	return nil, false
}

// read reads an entry and takes note of it.
func (s *subject) read(r reader, name string) (value []byte, found bool) {
	value, found = r.read(s.id(name))
	s.didTo(name, "%s(%s) found %s", r.name, text(name), answer(value, found))
	return value, found
}

// inTime runs f, which calls the store, and reports whether it returned. It is
// for calls that a store would let wait for ever if it held a lock that it must
// not hold. What f has to tell is its result: it may still run when inTime has
// given up.
func (s *subject) inTime(f func() error) (returned bool, err error) {
	result := make(chan error, 1)
	go func() { result <- f() }()
	select {
	case err := <-result:
		return true, err
	case <-time.After(s.patience):
		return false, nil
	}
}

// mustReturn is inTime for a call that succeeds.
func (s *subject) mustReturn(call string, f func() error) {
	if s.failed() {
		return // it would be the same lock again
	}
	returned, err := s.inTime(f)
	s.did("%s", call)
	s.expect(returned, "that the call returns", fmt.Sprintf("that it has not returned after %v: it seems to wait for a lock", s.patience))
	s.expectNil(err)
}

// together runs all of fs at the same time.
func together(fs ...func()) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for _, f := range fs {
		wg.Go(func() {
			<-start
			f()
		})
	}
	close(start)
	wg.Wait()
}
