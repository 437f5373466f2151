package storetest

import (
	"fmt"
	"time"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
)

// ttlChecks can run in a bubble: no two goroutines call the store.
var ttlChecks = []check{
	{"entries_expire", ruleEnd, openToNext, func(t tb, s *store) { expires(t, s, s.readersAndTouch()...) }},
	{"entries_stay_until_their_TTL", ruleSet, "users would be logged out too early", func(t tb, s *store) {
		given, ttl := time.Now(), 10*s.Tick
		for _, way := range ways {
			s.give(t, way, ttl, way)
		}
		s.Wait(ttl - 2*s.Tick)
		for _, way := range ways {
			e := entryOf(s.Peek(way))
			if slow := time.Since(given) >= ttl; e != is("1") && !slow {
				t.Fatalf("Peek two ticks before the end of the TTL that %s gave: got %v, want %v", way, e, is("1"))
			}
		}
	}},
	{"Set_and_Put_replace_the_TTL", ruleSet, "a session would last as long as its previous TTL", func(t tb, s *store) {
		for _, way := range ways[:2] {
			s.set(t, "0", hour, "shorter by "+way)
			s.give(t, way, s.short(), "shorter by "+way)
			s.set(t, "0", s.short(), "longer by "+way)
			s.give(t, way, hour, "longer by "+way)
		}
		s.expire()
		for _, way := range ways[:2] {
			s.want(t, none, "after the new TTL", "shorter by "+way)
			s.want(t, is("1"), "before the end of the new TTL", "longer by "+way)
		}
	}},
	{"reads_do_not_extend_the_TTL", ruleSet, "a stolen session that is read now and then would never time out", func(t tb, s *store) {
		for _, r := range s.readers() {
			s.set(t, "1", 2*s.short(), r.name)
		}
		s.Wait(s.short())
		for _, r := range s.readers() {
			r.read(r.name)
		}
		s.expire()
		for _, r := range s.readers() {
			s.want(t, none, "after the TTL and a read by "+r.name, r.name)
		}
	}},
	{"entries_without_TTL_end_at_once", ruleEnd, "a session past its lifetime would stay, in many stores for ever",
		func(t tb, s *store) {
			for _, ttl := range []time.Duration{0, -1, -time.Second, -1 << 63} {
				id := fmt.Sprint(ttl)
				s.Set(id, []byte("1"), ttl)
				s.want(t, none, "after Set with this TTL", id)
				s.change(id, put("1", ttl))
				s.want(t, none, "after Put with this TTL", id)
			}
		}},
	{"the_longest_TTL_does_not_overflow", ruleSet, "a session that must stay would end at once", func(t tb, s *store) {
		for _, way := range ways {
			s.give(t, way, cache.NoExpiry, way)
		}
		s.expire()
		s.want(t, is("1"), "with a TTL of cache.NoExpiry", ways...)
	}},
	{"Keep_leaves_the_TTL", ruleSet, "a request that changes nothing would extend the session", func(t tb, s *store) {
		s.set(t, "1", 2*s.short(), "short")
		s.set(t, "1", hour, "long")
		s.Wait(s.short())
		s.update(t, cache.Keep(), "short", "long")
		s.expire()
		s.want(t, none, "after Keep and the TTL that Set gave", "short")
		s.want(t, is("1"), "after Keep, before the end of the TTL", "long")
	}},

	{"Touch_gives_a_new_TTL", ruleTouch, "users would be logged out too early or too late", func(t tb, s *store) {
		s.set(t, "1", s.short(), "longer")
		s.touch(t, "longer", hour)
		s.set(t, "1", hour, "shorter")
		s.touch(t, "shorter", s.short())
		s.set(t, "1", s.short(), "untouched")
		s.expire()
		s.want(t, is("1"), "before the end of the TTL that Touch gave", "longer")
		s.want(t, none, "after the TTL that Touch gave", "shorter")
		s.want(t, none, "after the TTL and Touch of other IDs", "untouched")
	}},
	{"Touch_with_TTL_0_ends_an_entry", ruleTouch, "a session past its lifetime would go on, in many stores for ever",
		func(t tb, s *store) {
			for _, ttl := range []time.Duration{0, -1, -time.Hour, -1 << 63} {
				s.set(t, "1", hour, "a")
				s.Touch("a", ttl)
				when := fmt.Sprint("after Touch with a TTL of ", ttl)
				s.want(t, none, when, "a")
				s.touchReader().wantNone(t, s, when, "a")
			}
		}},
	{"Touch_reports_whether_there_is_an_entry", ruleTouchReports, "a request would not learn that its session has ended",
		func(t tb, s *store) {
			touch := s.touchReader()
			touch.wantNone(t, s, "before Set", "a")
			s.set(t, "1", hour, "a")
			touch.want(t, is("1"), "after Set", "a")
			s.update(t, cache.Remove(), "a")
			touch.wantNone(t, s, "after Remove", "a")
		}},
	{"Touch_revives_no_expired_entry", ruleTouchReports, "any person's next request would revive a session that timed out",
		func(t tb, s *store) { expires(t, s, s.touchReader()) }},

	{"Append_is_a_use", ruleUse, "an active session would look idle: evicted first, and listed as unused", func(t tb, s *store) {
		as[holdfast.Scanner](t, s)
		s.set(t, "1", hour, "a")
		s.Wait(5 * s.Tick)
		used := time.Now()
		s.Append(nil, "a")
		idle := s.scan(t, "")["a"].Idle
		if most := time.Since(used) + s.Tick; idle > most {
			t.Fatalf("idle time after Append: got %v, want %v at most", idle, most)
		}
	}},
	{"Peek_is_no_use", rulePeek, looksActive, noUse("Peek")},
	{"ScanValues_is_no_use", ruleScanIdle, looksActive, noUse("ScanValues")},
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
		s.update(t, put("1", ttl), id)
	case "Touch":
		s.set(t, "1", hour, id)
		s.Touch(id, ttl)
	}
}

// touch tries again if the entry expired because the machine was slow.
func (s *store) touch(t tb, id string, ttl time.Duration) {
	t.Helper()
	if !s.Touch(id, ttl) {
		s.set(t, "1", hour, id)
		equal(t, s.Touch(id, ttl), true, "Touch(%q) after Set", id)
	}
}

// expires gives each method an entry of its own: the first method that looks
// may delete an expired entry.
func expires(t tb, s *store, readers ...reader) {
	for _, way := range ways {
		for _, r := range readers {
			s.give(t, way, s.short(), way+" "+r.name)
		}
	}
	s.expire()
	for _, way := range ways {
		for _, r := range readers {
			r.wantNone(t, s, "after the TTL", way+" "+r.name)
		}
	}
}

// noUse makes a check that reads an entry and wants it to stay idle.
func noUse(method string) func(t tb, s *store) {
	return func(t tb, s *store) {
		as[holdfast.Scanner](t, s)
		s.set(t, "1", hour, "a")
		s.Wait(5 * s.Tick)
		for _, r := range s.readers() {
			if r.name == method {
				r.want(t, is("1"), "after Set", "a")
			}
		}
		if idle := s.scan(t, "")["a"].Idle; idle < 4*s.Tick {
			t.Fatalf("idle time after %s: got %v, want %v", method, idle, 5*s.Tick)
		}
	}
}
