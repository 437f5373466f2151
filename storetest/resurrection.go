package storetest

import (
	"runtime"
	"time"

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

func (s *subject) wantNoResurrection(what string, meanwhile func(id string) error) {
	s.race(s.changing("a", remove()), what, meanwhile, func() { s.wantNone("a", "it was removed, and nobody made another") })
}

func (s *subject) wantNothingUndone(what string, meanwhile func(id string) error) {
	s.race(s.writes("a")[0], what, meanwhile, func() { s.wantEntry("a", "new") })
}

// raceRounds is how often a race is tried. A method that reads an entry and
// writes it back in two steps loses one of the first few rounds.
const raceRounds = 100

// race makes a write to an entry while three goroutines do what must not get in
// its way. From round to round the write comes at another moment of theirs, since
// nobody knows where the gap between their two steps is, if they have two.
func (s *subject) race(write call, what string, meanwhile func(id string) error, check func()) {
	s.set("a", "old", hour)
	began := time.Now()
	s.expectNil(meanwhile(s.id("a")))
	whole := time.Since(began)
	for round := range raceRounds {
		if s.failed() {
			return
		}
		s.anew()
		s.set("a", "old", hour)
		s.did("at once: %s, and %s in three goroutines", write.retold, what)
		again := func() { s.expectNil(meanwhile(s.id("a"))) }
		together(again, again, again, func() {
			spin(moment(whole, round))
			s.expectNil(write.make())
		})
		check()
	}
}

// moment spreads the rounds over whole: evenly and, since one call alone may be
// much slower than many at once, by ever smaller fractions.
func moment(whole time.Duration, round int) time.Duration {
	const stages = 10
	stage := round / 2 % stages
	if round%2 == 0 {
		return whole * time.Duration(stage) / stages
	}
	return whole >> stage
}

// spin waits for times that are too short to sleep.
func spin(d time.Duration) {
	for began := time.Now(); time.Since(began) < d; {
		runtime.Gosched()
	}
}
