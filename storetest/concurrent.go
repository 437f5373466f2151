package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
)

// concurrentChecks race the store with s.other. So RunShared runs them too.
var concurrentChecks = []check{
	{"Update/keeps_a_write_in_between", ruleAtomic, "one of two requests would undo the other's change",
		interrupts(is("old"), plus, is("new+"), setOp, putOp)},
	{"Update/keeps_a_removal_in_between", ruleAtomic, loggedInAgain, interrupts(is("old"), plusIfFound, none, removeOp, touchEndOp)},
	{"Update/removes_no_newer_value", ruleAtomic, "a session would end that became another user's meanwhile",
		interrupts(is("old"), removeOld, is("new"), setOp, putOp)},
	{"Update/sees_a_new_entry", ruleAtomic, "two requests would both make the same new entry", interrupts(none, plus, is("new+"), setOp, putOp)},
	{"Update/loses_no_step", ruleAtomic, "counters, for example of login attempts, would miss steps", func(t tb, s *store) {
		err := together(8, 25, func(worker, _ int) error {
			return s.process(worker).Update("a", func(old []byte, found bool) (cache.Change, error) {
				defer runtime.Gosched() // lets other goroutines run in between
				return plus(old, found)
			})
		})
		must(t, err, "concurrent Updates")
		s.want(t, is(strings.Repeat("+", 8*25)), "after 8 goroutines appended 25 bytes each", "a")
	}},
	{"Update/revives_no_removed_entry", ruleAtomic, loggedInAgain, races(removeOp, noEntry, plusOp)},
	{"Keep/revives_no_removed_entry", ruleEnd, loggedInAgain, races(removeOp, noEntry, keepOp)},
	{"Keep/undoes_no_write", ruleAtomic, loginUndone, races(setOp, newEntry, keepOp)},
	{"Touch/revives_no_removed_entry", ruleTouchReports, loggedInAgain, races(removeOp, noEntry, touchOp)},
	{"Touch/undoes_no_write", ruleTouch, loginUndone, races(setOp, newEntry, touchOp)},
	{"reads/revive_no_removed_entry", ruleEnd, loggedInAgain, races(removeOp, noEntry, useOp, peekOp, freshOp)},
	{"reads/undo_no_write", ruleSet, loginUndone, races(setOp, newEntry, useOp, peekOp, freshOp)},
	{"Set/leaves_one_whole_value", ruleAtomic, "a record would be a mixture, perhaps of two users' data",
		races(setOp, []entry{is("new"), is("update")}, op{"another Put", func(s *store, id string) error { return s.change(id, put("update", hour)) }})},
	{"ScanValues/misses_nothing", ruleScanAll, notEnded, func(t tb, s *store) {
		const stays = 200
		tag := s.userTag("ada")
		s.mustScan(t, tag)
		for i := range stays {
			s.set(t, s.record("ada", i), hour, fmt.Sprint(i))
		}
		must(t, together(3, 10, func(worker, step int) error {
			if worker > 0 { // changes entries, and makes others that come and go
				for range 20 {
					id, other := fmt.Sprint(rand.IntN(stays)), fmt.Sprint("another ", worker)
					change := put(s.record("ada", step), hour)
					err := errors.Join(s.other.change(id, change), touchOp.call(s.other, id), s.other.change(other, change), removeOp.call(s.other, other))
					if err != nil {
						return err
					}
				}
				return nil
			}
			entries, err := s.scan(tag)
			found := make(map[string]bool)
			for _, e := range entries {
				found[e.ID] = true
			}
			for i := range stays {
				if !found[fmt.Sprint(i)] && err == nil {
					return fmt.Errorf("entry %d of %d is missing, want all", i, stays)
				}
			}
			return err
		}), "ScanValues during changes of the same entries and of others")
	}},
	{"Watch/calls_nothing_after_stop", ruleWatchStop, "a call would use memory of a request that has returned", func(t tb, s *store) {
		var late atomic.Bool
		for range 50 {
			var stopped atomic.Bool
			stop := s.Watch("a", func() { late.Store(late.Load() || stopped.Load()) })
			s.set(t, "old", hour, "a")
			useOp.must(t, s, "a")
			err := together(2, 1, func(worker, _ int) error {
				if worker > 0 {
					return setOp.call(s.other, "a")
				}
				return s.inTime("stop", func() error {
					stop()
					stopped.Store(true)
					return nil
				})
			})
			must(t, err, "the stop of Watch and a concurrent Set")
			removeOp.must(t, s.other, "a")
		}
		s.Wait(s.Tick)
		equal(t, late.Load(), false, "a call of the watching function after stop has returned")
	}},
	{"all_methods_are_safe", ruleConcurrent, "a user would get a damaged session, or another user's", func(t tb, s *store) {
		const workers, steps = 8, 100
		must(t, together(workers, steps, func(worker, step int) error {
			s, own := s.process(worker), fmt.Sprint("own ", worker)
			if err := errors.Join(s.randomCall(), s.Update(own, plus), touchOp.call(s, own)); err != nil {
				return err
			}
			value, _, err := s.Get(own, holdfast.ReadUse)
			if len(value) != step+1 && err == nil {
				return fmt.Errorf("an entry that no other goroutine uses: got %d bytes, want %d", len(value), step+1)
			}
			return err
		}), "concurrent calls of all methods")
		for worker := range workers {
			s.want(t, is(strings.Repeat("+", steps)), "after concurrent calls", fmt.Sprint("own ", worker))
		}
	}},
}

// process returns the store or the other.
func (s *store) process(worker int) *store { return []*store{s, s.other}[worker%2] }

// op is a call of the store.
type op struct {
	name string
	call func(s *store, id string) error
}

func (o op) must(t tb, s *store, id string) {
	t.Helper()
	must(t, o.call(s, id), "%s of %q", o.name, id)
}

var (
	setOp      = op{"Set", func(s *store, id string) error { return s.Set(id, []byte("new"), hour) }}
	putOp      = op{"Put", func(s *store, id string) error { return s.change(id, put("new", hour)) }}
	plusOp     = op{"Put of an existing entry", func(s *store, id string) error { return s.Update(id, plusIfFound) }}
	keepOp     = op{"Keep", func(s *store, id string) error { return s.change(id, cache.Keep()) }}
	removeOp   = op{"Remove", func(s *store, id string) error { return s.change(id, cache.Remove()) }}
	touchOp    = op{"Touch", func(s *store, id string) error { _, err := s.Touch(id, hour); return err }}
	touchEndOp = op{"Touch with 0", func(s *store, id string) error { _, err := s.Touch(id, 0); return err }}
	useOp      = op{"ReadUse", func(s *store, id string) error { _, _, err := s.Get(id, holdfast.ReadUse); return err }}
	peekOp     = op{"ReadPeek", func(s *store, id string) error { _, _, err := s.Get(id, holdfast.ReadPeek); return err }}
	freshOp    = op{"ReadFresh", func(s *store, id string) error { _, _, err := s.Get(id, holdfast.ReadFresh); return err }}
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
// decision, a call of the other process changes the entry. The function runs
// again in a sound store, because the value that it saw is out of date.
func interrupts(old entry, fn updateFunc, want entry, others ...op) func(t tb, s *store) {
	return func(t tb, s *store) {
		for _, other := range others {
			id, first := other.name, true
			if old.found {
				s.set(t, old.value, hour, id)
			}
			useOp.must(t, s, id)
			var interrupted error
			err := s.Update(id, func(old []byte, found bool) (cache.Change, error) {
				decision, err := fn(old, found)
				if first {
					first = false
					interrupted = s.inTime(other.name, func() error { return other.call(s.other, id) })
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
)

// raceRounds is how often a race runs. A method that reads an entry and writes
// it back in two steps loses one of the first few rounds.
const raceRounds = 100

// races makes a check that races a write of the other process against three
// goroutines that call other, and then wants one of the entries. Each round
// starts write at another moment, because the gap between two steps of other
// can be anywhere.
func races(write op, want []entry, others ...op) func(t tb, s *store) {
	return func(t tb, s *store) {
		for _, other := range others {
			s.set(t, "old", hour, "a")
			began := time.Now()
			other.must(t, s, "a")
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
					return write.call(s.other, "a")
				})
				must(t, err, "%s and concurrent %s", write.name, other.name)
				value, found, err := s.Get("a", s.how)
				must(t, err, "Get after %s and concurrent %s", write.name, other.name)
				if e := entryOf(value, found); !slices.Contains(want, e) {
					t.Fatalf("Get after %s and concurrent %s: got %v, want %v", write.name, other.name, e, want)
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
	whole := func(value []byte, found bool, err error) error {
		if found && (len(value) == 0 || bytes.Count(value, []byte(id)) != len(value)) {
			return fmt.Errorf("got %v under ID %q, want nothing but %q in it", entryOf(value, found), id, id)
		}
		return err
	}
	switch rand.IntN(12) {
	case 0, 1, 2:
		return whole(s.Get(id, []holdfast.ReadMode{holdfast.ReadUse, holdfast.ReadPeek, holdfast.ReadFresh}[rand.IntN(3)]))
	case 3, 4:
		_, err := s.Touch(id, []time.Duration{hour, time.Nanosecond}[rand.IntN(2)])
		return err
	case 5:
		return s.Set(id, value, hour)
	case 6:
		defer s.Watch(id, func() {})()
		s.Now()
	case 7:
		if s.scans() {
			return whole(s.scanRead(id))
		}
	default:
		change := []cache.Change{cache.Keep(), cache.Put(value, hour), cache.Remove()}[rand.IntN(3)]
		return s.Update(id, func(old []byte, found bool) (cache.Change, error) {
			return change, whole(old, found, nil)
		})
	}
	return nil
}
