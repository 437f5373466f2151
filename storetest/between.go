package storetest

import (
	"fmt"
	"runtime"

	"github.com/holdfast-go/holdfast/cache"
)

// Update among others: writes that come between what its function sees and the
// change that it returns.

var betweenPromises = []promise{
	{
		name: "a write between is not overwritten", says: saysAtomic,
		because: "of two requests at the same time, one would undo what the other stored",
		check:   writeBetweenIsNotOverwritten,
	},
	{
		name: "what was removed between is not put back", says: saysAtomic,
		because: "a request that is still running when its user logs out would log the user in again",
		check:   removedBetweenIsNotPutBack,
	},
	{
		name: "what was written between is not removed unseen", says: saysAtomic,
		because: "a session is ended only if the function sees that it is the user's; one that became another user's meanwhile would end too",
		check:   writtenBetweenIsNotRemovedUnseen,
	},
	{
		name: "an entry made between is seen", says: saysAtomic,
		because: "of two requests that make the same entry, both would think that they were first",
		check:   madeBetweenIsSeen,
	},
	{
		name: "concurrent Updates lose no step", says: saysAtomic,
		because: "counters would miss steps, and so would limits on log-in attempts, which attackers make many of at once",
		check:   concurrentUpdatesLoseNoStep,
	},
	{
		name: "an Update and concurrent Sets leave one of them whole", says: saysAtomic,
		because: "a record would be a mixture of two, which is no session or, worse, somebody else's",
		check:   updateAndSetsLeaveOneWhole,
	},
}

// appendPlus is a decision that shows which value it saw.
func appendPlus(old string, _ bool) change { return put(old+"+", hour) }

// interrupt calls Update, lets write happen when its function has seen what is
// there, and only then returns what decide decided before.
func (s *subject) interrupt(name string, decide func(old string, found bool) change, between call) {
	first := true
	s.update(name, func(old string, found bool) change {
		decided := decide(old, found)
		if first {
			first = false
			s.did("Update(%s) sees %s; before its function returns:", text(name), answer(old, found))
			s.mustReturn("    "+between.retold, between.make)
		}
		return decided
	})
}

// call is a call of the store that can be told.
type call struct {
	retold string
	make   func() error
}

// writes are the ways to store "new" under an ID.
func (s *subject) writes(name string) []call {
	return []call{
		{fmt.Sprintf("Set(%q, %q, %v)", name, "new", hour), func() error {
			return s.store.Set(s.id(name), []byte("new"), hour)
		}},
		s.changing(name, put("new", hour)),
	}
}

// ends are the ways to end an entry.
func (s *subject) ends(name string) []call {
	return []call{
		s.changing(name, remove()),
		{fmt.Sprintf("Touch(%q, 0s)", name), func() error {
			s.store.Touch(s.id(name), 0)
			return nil
		}},
	}
}

func (s *subject) changing(name string, c change) call {
	return call{fmt.Sprintf("Update(%q) by %s", name, c.retold), func() error {
		return s.store.Update(s.id(name), func([]byte, bool) (cache.Change, error) { return c.Change, nil })
	}}
}

func writeBetweenIsNotOverwritten(s *subject) {
	for _, write := range s.writes("a") {
		s.anew()
		s.set("a", "old", hour)
		s.interrupt("a", appendPlus, write)
		s.wantEntry("a", "new+")
	}
}

func removedBetweenIsNotPutBack(s *subject) {
	ifFound := func(old string, found bool) change {
		if !found {
			return keep()
		}
		return put(old+"+", hour)
	}
	for _, end := range s.ends("a") {
		s.anew()
		s.set("a", "old", hour)
		s.interrupt("a", ifFound, end)
		s.wantNone("a", "it was ended while the function ran, which puts nothing where it sees nothing")
	}
}

func writtenBetweenIsNotRemovedUnseen(s *subject) {
	ifOld := func(old string, _ bool) change {
		if old != "old" {
			return keep()
		}
		return remove()
	}
	for _, write := range s.writes("a") {
		s.anew()
		s.set("a", "old", hour)
		s.interrupt("a", ifOld, write)
		s.wantEntry("a", "new")
	}
}

func madeBetweenIsSeen(s *subject) {
	for i := range s.writes("") {
		s.anew()
		name := fmt.Sprint("a", i) // another each time, since it must not be there
		s.interrupt(name, appendPlus, s.writes(name)[i])
		s.wantEntry(name, "new+")
	}
}

func concurrentUpdatesLoseNoStep(s *subject) {
	const steps = 25
	work := func() {
		for range steps {
			err := s.store.Update(s.id("a"), func(old []byte, _ bool) (cache.Change, error) {
				value := append(old, '+')
				runtime.Gosched() // so that others get in between
				return cache.Put(value, hour), nil
			})
			s.expectNil(err)
		}
	}
	s.did("%d goroutines at once, each %d times: Update(%q) by appending a byte", workers, steps, "a")
	var all []func()
	for range workers {
		all = append(all, work)
	}
	together(all...)
	value, found := s.store.Peek(s.id("a"))
	s.expect(found && len(value) == workers*steps, fmt.Sprintf("%d bytes", workers*steps), fmt.Sprintf("%d bytes", len(value)))
}

func updateAndSetsLeaveOneWhole(s *subject) {
	update := func(id string) error {
		return s.store.Update(id, func([]byte, bool) (cache.Change, error) {
			return cache.Put([]byte("update"), hour), nil
		})
	}
	s.race(s.writes("a")[0], `Update by Put("update", 1h0m0s)`, update, func() {
		value, found := s.store.Peek(s.id("a"))
		s.did(`Peek("a")`)
		s.expect(string(value) == "new" || string(value) == "update", `"new" or "update"`, answer(value, found))
	})
}
