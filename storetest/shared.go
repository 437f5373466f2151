package storetest

import (
	"fmt"
	"time"

	"github.com/holdfast-go/holdfast"
)

// sharedChecks test s and s.other, which are two processes on one database.
// concurrentChecks do so too.
var sharedChecks = []check{
	{"shared/own_writes_at_once", ruleOwnWrites, lostChange, eachWrite(func(t tb, writer, _ *store, want entry, when, id string) {
		for _, r := range writer.readers() {
			r.want(t, want, "by the writer "+when, id)
		}
	})},
	{"shared/ReadFresh_at_once", ruleFresh, "a session ended by its user would be reloaded elsewhere",
		eachWrite(func(t tb, _, other *store, want entry, when, id string) {
			other.want(t, want, "by the other process "+when, id)
		})},
	{"shared/ScanValues_at_once", ruleScanAll, notEnded, eachWrite(func(t tb, _, other *store, want entry, when, id string) {
		other.mustScan(t, "no such value")
		reader{"ScanValues", other.scanRead}.want(t, want, "by the other process "+when, id)
	})},
	{"shared/reads_within_MaxStale", ruleLocalCopy, "a user would stay logged in on other servers for too long", func(t tb, s *store) {
		var late []func()
		eachWrite(func(t tb, _, other *store, want entry, when, id string) {
			read := func() {
				for _, r := range other.modes() {
					r.want(t, want, fmt.Sprintf("by the other process %v %s", s.MaxStale, when), id)
				}
			}
			if s.MaxStale == 0 {
				read()
			}
			late = append(late, read)
		})(t, s)
		s.Wait(s.MaxStale + s.Tick)
		for _, read := range late {
			read()
		}
	}},
	{"shared/copies_are_not_written_back", ruleEnd, loggedInAgain, eachWrite(func(t tb, writer, other *store, want entry, when, id string) {
		for _, o := range []op{touchOp, keepOp, useOp, peekOp, freshOp} {
			o.must(t, other, id)
			writer.want(t, want, when+" and "+o.name+" by the other process", id)
			other.want(t, want, when+" and "+o.name, id)
		}
	})},
	{"shared/Touch_extends_for_all", ruleTouch, "a user of two servers would be logged out too early", func(t tb, s *store) {
		for id, toucher := range map[string]*store{"a": s, "b": s.other} {
			s.set(t, "1", s.short(), id)
			s.readTwice(id)
			toucher.touch(t, id, hour)
		}
		s.expire()
		s.wantAll(t, is("1"), "before the end of the TTL that Touch gave", "a", "b")
	}},
	{"shared/Touch_shortens_for_all", ruleTouch, openToNext, func(t tb, s *store) {
		for id, toucher := range map[string]*store{"a": s, "b": s.other} {
			s.set(t, "1", hour, id)
			s.readTwice(id)
			toucher.touch(t, id, s.short())
		}
		s.expire()
		s.Wait(s.MaxStale)
		s.wantAll(t, none, "after the TTL that Touch gave", "a", "b")
	}},
	{"shared/Watch_notices_writes", ruleWatch, "a stream would go on after its user logged out elsewhere", func(t tb, s *store) {
		if !s.Notifies {
			t.Skip("the store does not notify")
		}
		for _, w := range []op{setOp, putOp, removeOp, touchEndOp} {
			changed := make(chan bool, 1)
			stopped := s.Watch(w.name, func() {})
			defer s.Watch(w.name, func() {
				select {
				case changed <- true:
				default:
				}
			})()
			stopped() // ends only one of the two
			for _, turn := range []string{"first", "second"} {
				s.set(t, "1", hour, w.name)
				s.readTwice(w.name)
				select {
				case <-changed: // the store may notify of its own writes too
				default:
				}
				w.must(t, s.other, w.name)
				if !s.receives(changed) {
					t.Fatalf("the %s %s by another process: got no call of Watch's function, want one within %v", turn, w.name, s.MaxStale)
				}
			}
		}
	}},
	{"shared/Now_is_the_same", ruleNowSame, wrongEnd, func(t tb, s *store) {
		first, other, last := s.Now(), s.other.Now(), s.Now()
		if other.Before(first.Add(-time.Second)) || other.After(last.Add(time.Second)) {
			t.Fatalf("Now of another process: got %v, want %v", other, first)
		}
	}},
}

// eachWrite makes a check that writes by each of the two processes what both
// have read, in each way, over an entry and over none.
func eachWrite(then func(t tb, writer, other *store, want entry, when, id string)) func(t tb, s *store) {
	return func(t tb, s *store) {
		for process, writer := range []*store{s, s.other} {
			for _, old := range []entry{is("old"), none} {
				for _, w := range []struct {
					op
					want entry
				}{{setOp, is("new")}, {putOp, is("new")}, {removeOp, none}, {touchEndOp, none}} {
					id := fmt.Sprint(process, w.name, old.value)
					if old.found {
						writer.set(t, old.value, hour, id)
					}
					writer.readTwice(id)
					w.must(t, writer, id)
					then(t, writer, writer.other, w.want, fmt.Sprintf("after %s over %v", w.name, old), id)
				}
			}
		}
	}
}

// readTwice reads in both processes, so that both have a local copy.
func (s *store) readTwice(id string) {
	s.Get(id, holdfast.ReadUse)
	s.other.Get(id, holdfast.ReadUse)
}

// wantAll is want by all readers of both processes.
func (s *store) wantAll(t tb, want entry, when string, ids ...string) {
	t.Helper()
	for _, id := range ids {
		for _, r := range append(s.readers(), s.other.readers()...) {
			r.want(t, want, when, id)
		}
	}
}

// receives reports whether something comes within MaxStale and some patience.
func (s *store) receives(c <-chan bool) bool {
	select {
	case <-c:
		return true
	case <-time.After(s.MaxStale + s.patience):
		return false
	}
}
