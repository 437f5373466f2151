package storetest

import (
	"github.com/holdfast-go/holdfast/cache"
)

// What is removed stays so, whatever others were doing to it; and what was
// written is not undone by those who do not write.

var resurrectionPromises = []promise{
	{
		name: "Touch does not bring back what is removed meanwhile", says: saysTouchReports,
		because: "a user who logged out would be logged in again by any request that was still running",
		check: func(s *subject) {
			s.wantNoResurrection("Touch", func(id string) error { s.store.Touch(id, hour); return nil })
		},
	},
	{
		name: "Update does not bring back what is removed meanwhile", says: saysAtomic,
		because: "a user who logged out would be logged in again by any request that was still running",
		check: func(s *subject) {
			s.wantNoResurrection("Update, by a Put if there is an entry,", func(id string) error {
				return s.store.Update(id, func(old []byte, found bool) (cache.Change, error) {
					if !found {
						return cache.Keep(), nil
					}
					return cache.Put(append(old, '+'), hour), nil
				})
			})
		},
	},
	{
		name: "Keep does not bring back what is removed meanwhile", says: saysGone,
		because: "a user who logged out would be logged in again by any request that was still running",
		check: func(s *subject) {
			s.wantNoResurrection("Update, by Keep,", func(id string) error {
				return s.store.Update(id, func([]byte, bool) (cache.Change, error) { return cache.Keep(), nil })
			})
		},
	},
	{
		name: "reads do not bring back what is removed meanwhile", says: saysGone,
		because: "a user who logged out would be logged in again by any request that was still running",
		check: func(s *subject) {
			for _, r := range s.readers() {
				s.wantNoResurrection(r.name, func(id string) error { r.read(id); return nil })
			}
		},
	},
	{
		name: "Touch does not undo what is written meanwhile", says: saysTouch,
		because: "a request that only looked would undo what another stored, a log-in, say",
		check: func(s *subject) {
			s.wantNothingUndone("Touch", func(id string) error { s.store.Touch(id, hour); return nil })
		},
	},
	{
		name: "Keep does not undo what is written meanwhile", says: saysAtomic,
		because: "a request that only looked would undo what another stored, a log-in, say",
		check: func(s *subject) {
			s.wantNothingUndone("Update, by Keep,", func(id string) error {
				return s.store.Update(id, func([]byte, bool) (cache.Change, error) { return cache.Keep(), nil })
			})
		},
	},
	{
		name: "reads do not undo what is written meanwhile", says: saysSet,
		because: "a request that only looked would undo what another stored, a log-in, say",
		check: func(s *subject) {
			for _, r := range s.readers() {
				s.wantNothingUndone(r.name, func(id string) error { r.read(id); return nil })
			}
		},
	},
}

// raceRounds is how often a race is tried. Each round is quick, and an entry
// read and written back in two steps loses one of the first few.
const raceRounds = 100

func (s *subject) wantNoResurrection(what string, meanwhile func(id string) error) {
	for range raceRounds {
		if s.failed() {
			return
		}
		s.anew()
		s.set("a", "1", hour)
		s.did("at once: Update(%q) by Remove(), and %s in three goroutines", "a", what)
		again := func() { s.expectNil(meanwhile(s.id("a"))) }
		together(again, again, again, func() {
			s.expectNil(s.store.Update(s.id("a"), func([]byte, bool) (cache.Change, error) { return cache.Remove(), nil }))
		})
		s.wantNone("a", "it was removed, and nobody made another")
	}
}

func (s *subject) wantNothingUndone(what string, meanwhile func(id string) error) {
	for range raceRounds {
		if s.failed() {
			return
		}
		s.anew()
		s.set("a", "old", hour)
		s.did("at once: Set(%q, %q, %v), and %s in three goroutines", "a", "new", hour, what)
		again := func() { s.expectNil(meanwhile(s.id("a"))) }
		together(again, again, again, func() { s.expectNil(s.store.Set(s.id("a"), []byte("new"), hour)) })
		s.wantEntry("a", "new")
	}
}
