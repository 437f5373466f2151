package storetest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"

	"github.com/holdfast-go/holdfast/cache"
)

var concurrentChecks = []check{
	{"Update_keeps_a_write_in_between", ruleAtomic, "one of two requests would undo the other's change",
		interrupts(is("old"), plus, is("new+"), setOp, putOp)},
	{"Update_keeps_a_removal_in_between", ruleAtomic, loggedInAgain,
		interrupts(is("old"), plusIfFound, none, removeOp, touchEndOp)},
	{"Update_removes_no_newer_value", ruleAtomic, "a session would end that became another user's meanwhile",
		interrupts(is("old"), removeOld, is("new"), setOp, putOp)},
	{"Update_sees_an_entry_made_in_between", ruleAtomic, "two requests would both make the same new entry",
		interrupts(none, plus, is("new+"), setOp, putOp)},
	{"concurrent_Updates_lose_nothing", ruleAtomic, "counters, for example of login attempts, would miss steps",
		func(t tb, s *store) {
			err := together(8, 25, func(int, int) error {
				return s.Update("a", func(old []byte, found bool) (cache.Change, error) {
					defer runtime.Gosched() // lets other goroutines run in between
					return plus(old, found)
				})
			})
			must(t, err, "concurrent Updates")
			value, _ := s.Peek("a")
			equal(t, len(value), 8*25, "length after 8 goroutines appended 25 bytes each")
		}},
	{"concurrent_Sets_leave_one_whole_value", ruleAtomic, "a record would be a mixture, perhaps of two users' data",
		races(setOp, either, otherPutOp)},
	{"Touch_revives_no_removed_entry", ruleTouchReports, loggedInAgain, races(removeOp, noEntry, touchOp)},
	{"Update_revives_no_removed_entry", ruleAtomic, loggedInAgain, races(removeOp, noEntry, plusOp)},
	{"Keep_revives_no_removed_entry", ruleEnd, loggedInAgain, races(removeOp, noEntry, keepOp)},
	{"reads_revive_no_removed_entry", ruleEnd, loggedInAgain, races(removeOp, noEntry, appendOp, peekOp, keepOp)},
	{"Touch_undoes_no_concurrent_write", ruleTouch, loginUndone, races(setOp, newEntry, touchOp)},
	{"Keep_undoes_no_concurrent_write", ruleAtomic, loginUndone, races(setOp, newEntry, keepOp)},
	{"reads_undo_no_concurrent_write", ruleSet, loginUndone, races(setOp, newEntry, appendOp, peekOp, keepOp)},
	{"all_methods_are_safe_for_concurrent_use", ruleConcurrent, "a user would get a damaged session, or another user's",
		func(t tb, s *store) {
			must(t, together(8, 150, func(int, int) error { return s.randomCall() }), "concurrent calls of all methods")
		}},
	{"concurrent_use_leaves_other_entries", ruleConcurrent, "a user's change would be lost because another user was active",
		func(t tb, s *store) {
			// Each goroutine has five IDs of its own.
			id := func(worker, step int) string { return fmt.Sprint(worker, "-", step%5) }
			value := func(worker, step int) string { return fmt.Sprint(worker, " at ", step) }
			err := together(8, 50, func(worker, step int) error {
				id, value := id(worker, step), value(worker, step)
				if err := s.Set(id, []byte(value), hour); err != nil {
					return err
				}
				if err := s.Update(id, plus); err != nil {
					return err
				}
				touched := s.Touch(id, hour)
				if e := entryOf(s.Append(nil, id)); !touched || e != is(value+"+") {
					return fmt.Errorf("Touch and Append after Set and Update: got %v and %v, want true and %v", touched, e, is(value+"+"))
				}
				return nil
			})
			must(t, err, "concurrent calls for different IDs")
			for worker := range 8 {
				for step := 45; step < 50; step++ {
					s.want(t, is(value(worker, step)+"+"), "after concurrent calls for different IDs", id(worker, step))
				}
			}
		}},
}

// op is a call of the store.
type op struct {
	name string
	call func(s *store, id string) error
}

var (
	setOp      = op{"Set", func(s *store, id string) error { return s.Set(id, []byte("new"), hour) }}
	putOp      = op{"Put", func(s *store, id string) error { return s.change(id, put("new", hour)) }}
	otherPutOp = op{"another Put", func(s *store, id string) error { return s.change(id, put("update", hour)) }}
	keepOp     = op{"Keep", func(s *store, id string) error { return s.change(id, cache.Keep()) }}
	removeOp   = op{"Remove", func(s *store, id string) error { return s.change(id, cache.Remove()) }}
	appendOp   = op{"Append", func(s *store, id string) error { s.Append(nil, id); return nil }}
	peekOp     = op{"Peek", func(s *store, id string) error { s.Peek(id); return nil }}
	touchOp    = op{"Touch", func(s *store, id string) error { s.Touch(id, hour); return nil }}
	touchEndOp = op{"Touch with a TTL of 0", func(s *store, id string) error { s.Touch(id, 0); return nil }}
	plusOp     = op{"Put of an existing entry", func(s *store, id string) error { return s.Update(id, plusIfFound) }}
)

func plus(old []byte, _ bool) (cache.Change, error) {
	return cache.Put(append(old, '+'), hour), nil
}

func plusIfFound(old []byte, found bool) (cache.Change, error) {
	if !found {
		return cache.Keep(), nil
	}
	return plus(old, found)
}

func removeOld(old []byte, _ bool) (cache.Change, error) {
	if string(old) != "old" {
		return cache.Keep(), nil
	}
	return cache.Remove(), nil
}

// interrupts makes a check of Update: before the function returns its first
// decision, another call changes the entry. The function runs again in a sound
// store, because the value that it saw is out of date.
func interrupts(old entry, fn updateFunc, want entry, others ...op) func(t tb, s *store) {
	return func(t tb, s *store) {
		for _, other := range others {
			id, first := other.name, true
			if old.found {
				s.set(t, old.value, hour, id)
			}
			var interrupted error
			err := s.Update(id, func(old []byte, found bool) (cache.Change, error) {
				decision, err := fn(old, found)
				if first {
					first = false
					interrupted = s.inTime(other.name, func() error { return other.call(s, id) })
				}
				return decision, err
			})
			must(t, interrupted, "%s before Update's function returned", other.name)
			must(t, err, "Update interrupted by %s", other.name)
			s.want(t, want, "after Update interrupted by "+other.name, id)
		}
	}
}

var (
	noEntry  = []entry{none}
	newEntry = []entry{is("new")}
	either   = []entry{is("new"), is("update")}
)

// raceRounds is how often a race runs. A method that reads an entry and writes
// it back in two steps loses one of the first few rounds.
const raceRounds = 100

// races makes a check that races write against three goroutines that call
// other, and then wants one of the entries. Each round starts write at another
// moment, because the gap between two steps of other can be anywhere.
func races(write op, want []entry, others ...op) func(t tb, s *store) {
	return func(t tb, s *store) {
		for _, other := range others {
			s.set(t, "old", hour, "a")
			began := time.Now()
			must(t, other.call(s, "a"), "%s", other.name)
			whole := time.Since(began)
			for round := range raceRounds {
				delay := whole * time.Duration(round) / raceRounds
				if round%2 == 0 {
					delay = whole >> (round / 2 % 10) // one call alone can be much slower than many at once
				}
				s.set(t, "old", hour, "a")
				err := together(4, 1, func(worker, _ int) error {
					if worker > 0 {
						return other.call(s, "a")
					}
					for began := time.Now(); time.Since(began) < delay; { // too short to sleep
						runtime.Gosched()
					}
					return write.call(s, "a")
				})
				must(t, err, "%s and concurrent %s", write.name, other.name)
				if e := entryOf(s.Peek("a")); !slices.Contains(want, e) {
					t.Fatalf("Peek after %s and concurrent %s: got %v, want %v", write.name, other.name, e, want)
				}
			}
		}
	}
}

// randomCall stores values that repeat the letter of the ID, so that a mixture
// of values shows.
func (s *store) randomCall() error {
	id := "abcd"[rand.IntN(4):][:1]
	value := bytes.Repeat([]byte(id), 1+rand.IntN(500))
	whole := func(value []byte, found bool) error {
		if found && (len(value) == 0 || bytes.Count(value, []byte(id)) != len(value)) {
			return fmt.Errorf("got %v under ID %q, want nothing but %q in it", entryOf(value, found), id, id)
		}
		return nil
	}
	switch rand.IntN(8) {
	case 0:
		return whole(s.Append(nil, id))
	case 1:
		return whole(s.Peek(id))
	case 2:
		s.Touch(id, hour)
	case 3:
		s.Touch(id, time.Nanosecond)
	case 4:
		return s.Set(id, value, hour)
	default:
		change := []cache.Change{cache.Keep(), cache.Put(value, hour), cache.Remove()}[rand.IntN(3)]
		return s.Update(id, func(old []byte, found bool) (cache.Change, error) {
			return change, whole(old, found)
		})
	}
	return nil
}
