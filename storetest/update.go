package storetest

import (
	"errors"
	"fmt"

	"github.com/holdfast-go/holdfast/cache"
)

// Update by itself.

var updatePromises = []promise{
	{
		name: "Update's function sees what is there", says: saysOld,
		because: "changes are merged into what the function sees; into anything else, and the session loses the rest of its values",
		check:   updateSeesWhatIsThere,
	},
	{
		name: "Update makes the change that its function returns", says: saysAtomic,
		because: "what a request changed in the session would not be there for the next",
		check:   updateMakesTheChange,
	},
	{
		name: "Keep leaves the ttl too", says: saysSet, waits: true,
		because: "a look at a session, which changes nothing, would let it live on, or for ever",
		check:   keepLeavesTheTTL,
	},
	{
		name: "the error of Update's function is returned as it is", says: saysFailure,
		because: "the function's error says why, and to compare it is how that is told from a store that is away",
		check:   errorIsReturned,
	},
	{
		name: "an error of Update's function leaves all unchanged", says: saysFailure,
		because: "a request that failed would have changed the session, or ended it, all the same",
		check:   errorLeavesUnchanged,
	},
	{
		name: "a panic in Update's function leaves all unchanged", says: saysFailure,
		because: "a handler's panic, which net/http survives, would change the session or lock it for ever",
		check:   panicLeavesUnchanged,
	},
	{
		name: "Update's function may call the store", says: saysFunction,
		because: "a new ID is given by storing the record under it before the old one is removed, within one Update; a store that waits for itself hangs the request, and all after it",
		check:   functionMayCallTheStore,
	},
}

func updateSeesWhatIsThere(s *subject) {
	old, found := s.change("a", keep())
	s.expect(!found, "no entry: none was made", answer(old, found))
	s.expect(old == "", "no bytes where there is no entry", text(old))
	s.set("a", "1", hour)
	old, found = s.change("a", put("2", hour))
	s.expect(found && old == "1", text("1"), answer(old, found))
	old, found = s.change("a", put("a longer one", hour))
	s.expect(found && old == "2", text("2"), answer(old, found))
	old, found = s.change("a", remove())
	s.expect(found && old == "a longer one", text("a longer one"), answer(old, found))
	old, found = s.change("a", keep())
	s.expect(!found, "no entry: it was removed", answer(old, found))
}

func updateMakesTheChange(s *subject) {
	s.set("beside", "0", hour)
	s.change("a", put("1", hour))
	s.wantEntry("a", "1")
	s.change("a", put("2", hour))
	s.wantEntry("a", "2")
	s.change("a", keep())
	s.wantEntry("a", "2")
	s.change("a", remove())
	s.wantNone("a", "it was removed")
	s.change("a", remove())
	s.wantNone("a", "it was removed")
	s.change("a", put("3", hour))
	s.wantEntry("a", "3")
	s.wantEntry("beside", "0")
}

func keepLeavesTheTTL(s *subject) {
	s.set("short", "1", 2*s.short())
	s.set("long", "1", hour)
	s.wait(s.short())
	s.change("short", keep())
	s.change("long", keep())
	s.waitOut()
	s.wantNone("short", "the ttl that Set gave it is over")
	s.wantEntry("long", "1")
}

// failing are the decisions that come with an error and so do not count.
func failing() []change { return []change{keep(), put("2", hour), remove()} }

// fail calls Update with a function that decides c and returns err.
func (s *subject) fail(name string, c change, err error) error {
	got := s.store.Update(s.id(name), func([]byte, bool) (cache.Change, error) { return c.Change, err })
	s.didTo(name, "Update(%s) by %s and the error %q = %v", text(name), c.retold, err, got)
	return got
}

func errorIsReturned(s *subject) {
	want := errors.New("the function's own")
	s.set("there", "1", hour)
	for _, name := range []string{"there", "missing"} {
		for _, c := range failing() {
			got := s.fail(name, c, want)
			s.expect(got == want, "the very error that the function returned", fmt.Sprintf("%T: %v", got, got))
		}
	}
}

func errorLeavesUnchanged(s *subject) {
	no := errors.New("no")
	s.set("there", "1", hour)
	for _, c := range failing() {
		s.fail("there", c, no)
		s.wantEntry("there", "1")
		s.fail("missing", c, no)
		s.wantNone("missing", "the function returned an error")
	}
}

func panicLeavesUnchanged(s *subject) {
	s.set("a", "1", hour)
	panicked, err := s.panicInUpdate("a")
	s.expect(panicked || err != nil, "the panic, or an error", "that Update returned nil")
	s.mustReturn(`Peek("a")`, func() error { s.store.Peek(s.id("a")); return nil })
	s.mustReturn(`Update("a") by Keep()`, func() error {
		return s.store.Update(s.id("a"), func([]byte, bool) (cache.Change, error) { return cache.Keep(), nil })
	})
	if !s.failed() {
		s.wantEntry("a", "1")
		s.change("a", put("2", hour))
		s.wantEntry("a", "2")
	}
}

func (s *subject) panicInUpdate(name string) (panicked bool, err error) {
	s.did("Update(%s) by a function that panics", text(name))
	defer func() { panicked = recover() != nil }()
	err = s.store.Update(s.id(name), func([]byte, bool) (cache.Change, error) { panic("the function's own") })
	return false, err
}

func functionMayCallTheStore(s *subject) {
	s.set("a", "1", hour)
	s.set("b", "1", hour)
	called := false
	s.update("a", func(string, bool) change {
		if called {
			return put("2", hour)
		}
		called = true
		for _, name := range []string{"b", "a"} {
			s.callAllButSet(name)
		}
		s.mustReturn(`within Update("a"): Set("b", "2", 1h0m0s)`, func() error { return s.store.Set(s.id("b"), []byte("2"), hour) })
		s.mustReturn(`within Update("a"): Set("new", "3", 1h0m0s)`, func() error { return s.store.Set(s.id("new"), []byte("3"), hour) })
		return put("2", hour)
	})
	if !s.failed() {
		s.wantEntry("a", "2")
		s.wantEntry("b", "2")
		s.wantEntry("new", "3")
	}
}

// callAllButSet calls all methods that change no value.
func (s *subject) callAllButSet(name string) {
	id := s.id(name)
	calls := []struct {
		name string
		call func() error
	}{
		{"Append", func() error { s.store.Append(nil, id); return nil }},
		{"Peek", func() error { s.store.Peek(id); return nil }},
		{"Touch", func() error { s.store.Touch(id, hour); return nil }},
		{"Update", func() error {
			return s.store.Update(id, func([]byte, bool) (cache.Change, error) { return cache.Keep(), nil })
		}},
	}
	for _, c := range calls {
		s.mustReturn(fmt.Sprintf("within Update: %s(%s)", c.name, text(name)), c.call)
	}
}
