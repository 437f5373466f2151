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

	"github.com/holdfast-go/holdfast/cache"
)

// concurrentChecks race the store with s.other. So RunShared runs them too.
var concurrentChecks = []check{
	{"Update/keeps_a_write_in_between", ruleAtomic, interrupts("old", plus, "new+", setNew, putNew)},
	{"Update/keeps_a_removal_in_between", ruleAtomic, interrupts("old", plusIfFound, none, remove, touch0)},
	{"Update/removes_no_newer_value", ruleAtomic, interrupts("old", removeOld, "new", setNew, putNew)},
	{"Update/sees_a_new_entry", ruleAtomic, interrupts(none, plus, "new+", setNew, putNew)},
	{"Update/loses_no_step", ruleAtomic, func(s *store) {
		step := update("Update", none, func(old []byte, found bool) (cache.Change, error) {
			defer runtime.Gosched() // lets other goroutines run in between
			return plus(old, found)
		})
		s.must(together(8, 25, func(worker, _ int) error { return step.run(s.process(worker), "a") }), "concurrent Updates")
		s.note("a", "8 goroutines that append 25 bytes each")
		s.want("a", entry(strings.Repeat("+", 8*25)))
	}},
	{"Update/revives_no_removed_entry", ruleAtomic, races(remove, update("Put of an existing entry", none, plusIfFound))},
	{"Keep/revives_no_removed_entry", ruleEnd, races(remove, keep)},
	{"Keep/undoes_no_write", ruleAtomic, races(setNew, keep)},
	{"Touch/revives_no_removed_entry", ruleTouchReports, races(remove, touchHour)},
	{"Touch/undoes_no_write", ruleOwnWrites, races(setNew, touchHour)},
	{"reads/revive_no_removed_entry", ruleEnd, races(remove, modes...)},
	{"reads/undo_no_write", ruleOwnWrites, races(setNew, modes...)},
	{"Set/leaves_one_whole_value", ruleConcurrent, races(setNew, put("update", hour))},
	{"ScanValues/misses_nothing", ruleScanAll, func(s *store) {
		const stays = 200
		tag := s.userTag("ada")
		s.mustScan(tag)
		for i := range stays {
			s.do(fmt.Sprint(i), set(s.record("ada", i), hour))
		}
		s.must(together(3, 10, func(worker, step int) error {
			if worker > 0 { // changes entries, and makes others that come and go
				for range 20 {
					id, other := fmt.Sprint(rand.IntN(stays)), fmt.Sprint("another ", worker)
					change := put(s.record("ada", step), hour)
					err := errors.Join(change.run(s.other, id), touchHour.run(s.other, id), change.run(s.other, other), remove.run(s.other, other))
					if err != nil {
						return err
					}
				}
				return nil
			}
			entries, _, err := s.scan(tag)
			for i := range stays {
				if _, found := entries[fmt.Sprint(i)]; !found && err == nil {
					return fmt.Errorf("entry %d of %d is missing, want all", i, stays)
				}
			}
			return err
		}), "ScanValues during changes of the same entries and of others")
	}},
	{"Watch/calls_nothing_after_stop", ruleWatchStop, func(s *store) {
		var late atomic.Bool
		for range 50 {
			var stopped atomic.Bool
			stop := s.Store.Watch(s.prefix+"a", func() { late.Store(late.Load() || stopped.Load()) })
			s.do("a", set("old", hour), use)
			s.must(together(2, 1, func(worker, _ int) error {
				if worker > 0 {
					return setNew.run(s.other, "a")
				}
				return inTime(s.patience, "stop", func() error {
					stop()
					stopped.Store(true)
					return nil
				})
			}), "the stop of Watch and a concurrent Set")
			s.other.do("a", remove)
		}
		s.wait(s.Tick)
		s.equal(late.Load(), false, "a call of the watching function after stop has returned")
	}},
	{"all_methods_are_safe", ruleConcurrent, func(s *store) {
		const workers, steps = 8, 100
		append1, readers := update("Update", none, plus), slices.Clip(s.readers())
		s.must(together(workers, steps, func(worker, step int) error {
			s, own := s.process(worker), fmt.Sprint("own ", worker)
			if err := errors.Join(s.randomCall(readers), append1.run(s, own), touchHour.run(s, own)); err != nil {
				return err
			}
			value, _, err := use.call(s, own)
			if len(value) != step+1 && err == nil {
				return fmt.Errorf("an entry that no other goroutine uses: got %d bytes, want %d", len(value), step+1)
			}
			return err
		}), "concurrent calls of all methods")
		for worker := range workers {
			s.want(fmt.Sprint("own ", worker), entry(strings.Repeat("+", steps)))
		}
	}},
}

// process returns the store or the other.
func (s *store) process(worker int) *store { return []*store{s, s.other}[worker%2] }

func plus(old []byte, _ bool) (cache.Change, error) { return cache.Put(append(old, '+'), hour), nil }

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
func interrupts(old entry, fn updateFunc, want entry, others ...op) func(s *store) {
	return func(s *store) {
		for _, other := range others {
			id, first := other.name, true
			if old != none {
				s.do(id, set(string(old), hour))
			}
			s.do(id, use, update("Update interrupted by "+other.name, none, func(old []byte, found bool) (cache.Change, error) {
				decision, err := fn(old, found)
				if first {
					first = false
					err = inTime(s.patience, other.name, func() error { return other.run(s.other, id) })
				}
				return decision, err
			}))
			s.want(id, want)
		}
	}
}

// raceRounds is how often a race runs. A method that reads an entry and writes
// it back in two steps loses one of the first few rounds.
const raceRounds = 100

// races makes a check that races a write of the other process against three
// goroutines that call other, and then wants the entry that write leaves, or
// other if it is a write too. Each round starts write at another moment,
// because the gap between two steps of other can be anywhere.
func races(write op, others ...op) func(s *store) {
	return func(s *store) {
		for _, other := range others {
			s.do("a", set("old", hour))
			began := time.Now()
			s.do("a", other)
			whole := time.Since(began)
			for round := range raceRounds {
				delay := whole * time.Duration(round) / raceRounds
				if round%2 == 0 {
					delay = whole >> (round / 2 % 10) // one call alone can be much slower than many at once
				}
				s.do("a", set("old", hour))
				both := fmt.Sprintf("%s and concurrent %s", write.name, other.name)
				s.must(together(4, 1, func(worker, _ int) error {
					if worker > 0 {
						return other.run(s, "a")
					}
					for began := time.Now(); time.Since(began) < delay; { // too short to sleep
						runtime.Gosched()
					}
					return write.run(s.other, "a")
				}), both)
				value, found, err := read(s.how).call(s, "a")
				s.must(err, "Get after "+both)
				if e := entryOf(value, found); e != write.leaves && (e != other.leaves || e == none) {
					s.fail("Get after %s: got %v, want %v", both, e, write.leaves)
				}
			}
		}
	}
}

// randomCall calls the store under one of a few IDs. The values repeat the
// letter of the ID, so that a mixture of values shows.
func (s *store) randomCall(readers []op) error {
	id := "abcd"[rand.IntN(4):][:1]
	value := strings.Repeat(id, 1+rand.IntN(500))
	finders := append(readers, put(value, hour), remove)
	others := []op{set(value, hour), touchHour, touch(time.Nanosecond)}
	if rand.IntN(10) == 0 {
		defer s.Store.Watch(s.prefix+id, func() {})()
		s.Now()
	}
	i := rand.IntN(len(finders) + len(others))
	if i >= len(finders) {
		return others[i-len(finders)].run(s, id)
	}
	got, found, err := finders[i].call(s, id)
	if found && (len(got) == 0 || bytes.Count(got, []byte(id)) != len(got)) {
		return fmt.Errorf("%s: got %v under ID %q, want nothing but %q in it", finders[i].name, entryOf(got, found), id, id)
	}
	return err
}
