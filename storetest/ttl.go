package storetest

import (
	"fmt"
	"time"

	"github.com/holdfast-go/holdfast/cache"
)

var ttlChecks = []check{
	// Each method has an entry of its own: the first method that looks may
	// delete an expired entry.
	{"TTL/ends_entries", ruleEnd, openToNext, func(t tb, s *store) {
		for _, way := range ways {
			for _, r := range s.readersAndTouch() {
				s.give(t, way, s.short(), way+" "+r.name)
			}
		}
		s.expire()
		for _, way := range ways {
			for _, r := range s.readersAndTouch() {
				r.wantNone(t, s, "after the TTL", way+" "+r.name)
			}
		}
	}},
	{"TTL/keeps_entries_until_then", ruleSet, wrongEnd, func(t tb, s *store) {
		given, ttl := time.Now(), 10*s.Tick
		for _, way := range ways {
			s.give(t, way, ttl, way)
		}
		s.Wait(ttl - 2*s.Tick)
		for _, way := range ways {
			value, found, err := s.Get(way, s.how)
			must(t, err, "Get")
			if slow := time.Since(given) >= ttl; !slow {
				equal(t, entryOf(value, found), is("1"), "Get two ticks before the end of the TTL that %s gave", way)
			}
		}
	}},
	{"TTL/is_replaced", ruleTouch, wrongEnd, func(t tb, s *store) {
		for _, way := range ways {
			s.set(t, "1", hour, "shorter by "+way)
			s.give(t, way, s.short(), "shorter by "+way)
			s.set(t, "1", s.short(), "longer by "+way)
			s.give(t, way, hour, "longer by "+way)
		}
		s.set(t, "1", s.short(), "untouched")
		s.expire()
		s.want(t, none, "after the TTL", "untouched")
		for _, way := range ways {
			s.want(t, none, "after the new TTL", "shorter by "+way)
			s.want(t, is("1"), "before the end of the new TTL", "longer by "+way)
		}
	}},
	{"TTL/is_left_by_reads_and_Keep", ruleSet, "a stolen session that is read now and then would never time out", func(t tb, s *store) {
		for _, r := range s.readers() { // Update keeps
			s.set(t, "1", 2*s.short(), r.name)
			s.set(t, "1", hour, "long "+r.name)
		}
		s.Wait(s.short())
		for _, r := range s.readers() {
			r.read(r.name)
			r.read("long " + r.name)
		}
		s.expire()
		for _, r := range s.readers() {
			s.want(t, none, "after the TTL and a read by "+r.name, r.name)
			s.want(t, is("1"), "before the TTL and after a read by "+r.name, "long "+r.name)
		}
	}},
	{"TTL/of_0_ends_an_entry", ruleTouch, "a session past its lifetime would go on, in many stores for ever", func(t tb, s *store) {
		for _, ttl := range []time.Duration{0, -1, -time.Second, -1 << 63} {
			id, when := fmt.Sprint(ttl), fmt.Sprint(" with a TTL of ", ttl)
			s.Set(id, []byte("1"), ttl)
			s.want(t, none, "after Set"+when, id)
			s.change(id, put("1", ttl))
			s.want(t, none, "after Put"+when, id)
			s.set(t, "1", hour, id)
			s.Touch(id, ttl)
			for _, r := range s.readersAndTouch() {
				r.wantNone(t, s, "after Touch"+when, id)
			}
		}
	}},
	{"TTL/does_not_overflow", ruleSet, "a session that must stay would end at once", func(t tb, s *store) {
		for _, way := range ways {
			s.give(t, way, cache.NoExpiry, way)
		}
		s.expire()
		s.want(t, is("1"), "with a TTL of cache.NoExpiry", ways...)
	}},

	{"uses/ReadUse_is_one", ruleUse, "an active session would look idle: evicted first, and listed as unused", func(t tb, s *store) {
		s.idle(t)
		used := time.Now()
		useOp.must(t, s, "a")
		if idle, most := s.mustScan(t, "")["a"].Idle, time.Since(used)+s.Tick; idle > most {
			t.Fatalf("idle time after ReadUse: got %v, want %v at most", idle, most)
		}
	}},
	{"uses/ReadPeek_is_none", rulePeek, looksActive, func(t tb, s *store) { s.noUse(t, peekOp) }},
	{"uses/ReadFresh_is_none", ruleFreshUse, looksActive, func(t tb, s *store) { s.noUse(t, freshOp) }},
	{"uses/ScanValues_is_none", ruleScanUse, looksActive, func(t tb, s *store) {
		s.noUse(t, op{"ScanValues", func(s *store, _ string) error { _, err := s.scan(""); return err }})
	}},

	{"ScanValues/follows_the_TTL", ruleScanAll, notEnded, func(t tb, s *store) {
		tag, value := s.userTag("ada"), s.record("ada", 1)
		s.mustScan(t, tag)
		s.set(t, value, s.short(), "ends", "touched", "put")
		s.set(t, value, hour, "shortened", "stays")
		s.touch(t, "touched", hour)
		must(t, s.change("put", put(value, hour)), "Put")
		s.touch(t, "shortened", s.short())
		s.expire()
		s.set(t, value, hour, "new") // a store may clean an index now
		found := s.mustScan(t, tag)
		for id, want := range map[string]bool{"ends": false, "touched": true, "put": true, "shortened": false, "stays": true, "new": true} {
			_, got := found[id]
			equal(t, got, want, "found for %q by ScanValues after the end of short TTLs", id)
		}
	}},
	{"ScanValues/reports_the_TTL", ruleScanFields, "users would see a wrong end of their sessions", func(t tb, s *store) {
		s.mustScan(t, "")
		given := time.Now()
		s.set(t, "a", hour, "a")
		s.set(t, "b", hour, "b")
		s.touch(t, "b", 2*hour)
		s.Wait(2 * s.Tick) // a store may put off a touch a little
		entries, waited := s.mustScan(t, ""), 2*s.Tick
		for id, want := range map[string]time.Duration{"a": hour, "b": 2 * hour} {
			least := want - max(waited, time.Since(given)) - s.Tick
			if ttl := entries[id].TTL; ttl < least || ttl > want+s.Tick {
				t.Fatalf("ScanValues for ID %q: got a TTL of %v, want %v", id, ttl, want)
			}
		}
	}},

	{"Now/follows_the_clock", ruleNow, wrongEnd, func(t tb, s *store) {
		first, began, wait := s.Now(), time.Now(), 1500*time.Millisecond+5*s.Tick
		if first.Unix() <= 0 {
			t.Fatalf("Now: got %v, want a time after 1970", first)
		}
		for range 100 {
			if before, now := s.Now(), s.Now(); now.Before(before.Add(-time.Second)) {
				t.Fatalf("Now goes back: got %v after %v, want a later time", now, before)
			}
		}
		s.Wait(wait)
		passed, slack := s.Now().Sub(first), time.Second+s.Tick
		if most := max(wait, time.Since(began)); passed < wait-slack || passed > most+slack {
			t.Fatalf("time that passed between two calls of Now: got %v, want %v to %v", passed, wait, most)
		}
	}},
}

// ways are the ways to give an entry a TTL.
var ways = []string{"Set", "Put", "Touch"}

// give stores "1" under id with a TTL.
func (s *store) give(t tb, way string, ttl time.Duration, id string) {
	t.Helper()
	switch way {
	case "Set":
		s.set(t, "1", ttl, id)
	case "Put":
		must(t, s.change(id, put("1", ttl)), "Put of %q", id)
	case "Touch":
		s.touch(t, id, ttl)
	}
}

// idle makes an entry that has been idle for five ticks. It skips t if the
// store does not record uses.
func (s *store) idle(t tb) {
	t.Helper()
	s.mustScan(t, "")
	s.set(t, "1", hour, "a")
	s.Wait(5 * s.Tick)
	if s.mustScan(t, "")["a"].Idle == 0 {
		t.Skip("the store does not record uses")
	}
}

// noUse fails t if a call is a use of an entry that has been idle.
func (s *store) noUse(t tb, o op) {
	t.Helper()
	s.idle(t)
	o.must(t, s, "a")
	if idle := s.mustScan(t, "")["a"].Idle; idle < 4*s.Tick {
		t.Fatalf("idle time after %s: got %v, want %v", o.name, idle, 5*s.Tick)
	}
}
