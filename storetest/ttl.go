package storetest

import (
	"fmt"
	"time"

	"github.com/holdfast-go/holdfast/cache"
)

var ttlChecks = []check{
	// Each method has an entry of its own: the first method that looks may
	// delete an expired entry.
	{"TTL/ends_entries", ruleEnd, func(s *store) { s.after(s.expire, none, s.finders(), gives(s.short())...) }},
	{"TTL/keeps_entries_until_then", ruleSet, func(s *store) {
		given, ttl := time.Now(), 10*s.Tick
		for i, row := range gives(ttl) {
			s.do(fmt.Sprint(i), row...)
		}
		s.wait(ttl - 2*s.Tick)
		for i := range gives(ttl) {
			value, found, err := read(s.how).call(s, fmt.Sprint(i))
			s.must(err, "Get")
			if slow := time.Since(given) >= ttl; !slow {
				s.equal(entryOf(value, found), entry("1"), "%s", s.describe(read(s.how), fmt.Sprint(i)))
			}
		}
	}},
	{"TTL/is_replaced", ruleTouch, func(s *store) {
		short := set("1", s.short())
		s.after(s.expire, none, []op{peek}, append(gives(s.short(), set("1", hour)), []op{short})...)
		s.after(s.expire, "1", []op{peek}, gives(hour, short)...)
	}},
	{"TTL/is_left_by_reads_and_Keep", ruleSet, func(s *store) {
		for _, r := range s.readers() {
			s.do(r.name, set("1", 2*s.short()))
			s.do("long "+r.name, set("1", hour))
		}
		s.wait(s.short())
		for _, r := range s.readers() {
			s.do(r.name, r)
			s.do("long "+r.name, r)
		}
		s.expire()
		for _, r := range s.readers() {
			s.want(r.name, none)
			s.want("long "+r.name, "1")
		}
	}},
	{"TTL/of_0_ends_an_entry", ruleTouch, func(s *store) {
		for _, ttl := range []time.Duration{0, -1, -time.Second, -1 << 63} {
			id := fmt.Sprint(ttl)
			for _, o := range []op{set("1", ttl), put("1", ttl)} {
				o.run(s, id) // may fail
				s.note(id, o.name)
				s.want(id, none)
			}
			s.do(id, set("1", hour))
			touch(ttl).run(s, id)
			s.note(id, touch(ttl).name)
			s.want(id, none, s.finders()...)
		}
	}},
	{"TTL/does_not_overflow", ruleSet, func(s *store) { s.after(s.expire, "1", []op{peek}, gives(cache.NoExpiry)...) }},

	{"uses/ReadUse_is_one", ruleUse, uses(use, true)},
	{"uses/ReadPeek_is_none", rulePeek, uses(peek, false)},
	{"uses/ReadFresh_is_none", ruleFreshUse, uses(fresh, false)},
	{"uses/ScanValues_is_none", ruleScanUse, uses(scanAny, false)},

	{"ScanValues/follows_the_TTL", ruleScanAll, func(s *store) {
		tag, value := s.userTag("ada"), s.record("ada", 1)
		s.mustScan(tag)
		short, long, found := set(value, s.short()), set(value, hour), []op{scan(tag)}
		setAnother := func() { // a store may clean an index now
			s.expire()
			s.do("another", long)
		}
		s.after(setAnother, none, found, []op{short}, []op{long, retouch(s.short())})
		s.after(setAnother, entry(value), found, []op{short, retouch(hour)}, []op{short, put(value, hour)}, []op{long})
		s.wantBy(found[0], "another", entry(value))
	}},
	{"ScanValues/reports_the_TTL", ruleScanFields, func(s *store) {
		s.mustScan("")
		given := time.Now()
		s.do("a", set("a", hour))
		s.do("b", set("b", hour), retouch(2*hour))
		putOff := 2 * s.Tick // a store may put off a touch a little
		if !s.Virtual {
			putOff = 100 * s.Tick // and on a busy machine more
		}
		wants := map[string]time.Duration{"a": hour, "b": 2 * hour}
		for waited := time.Duration(0); len(wants) > 0; {
			s.wait(2 * s.Tick)
			waited += 2 * s.Tick
			entries := s.mustScan("")
			for id, want := range wants {
				least := want - max(waited, time.Since(given)) - s.Tick
				ttl := entries[id].TTL
				if ttl < least && waited < putOff {
					continue
				}
				if ttl < least || ttl > want+s.Tick {
					s.fail("%s: got a TTL of %v, want %v", s.describe(scanAny, id), ttl, want)
				}
				delete(wants, id)
			}
		}
	}},

	{"Now/follows_the_clock", ruleNow, func(s *store) {
		first, began, wait := s.Now(), time.Now(), 1500*time.Millisecond+5*s.Tick
		if first.Unix() <= 0 {
			s.fail("Now: got %v, want a time after 1970", first)
		}
		for range 100 {
			if before, now := s.Now(), s.Now(); now.Before(before.Add(-time.Second)) {
				s.fail("Now goes back: got %v after %v, want a later time", now, before)
			}
		}
		s.wait(wait)
		passed, slack := s.Now().Sub(first), time.Second+s.Tick
		if most := max(wait, time.Since(began)); passed < wait-slack || passed > most+slack {
			s.fail("time that passed between two calls of Now: got %v, want %v to %v", passed, wait, most)
		}
	}},
}

// uses makes a check of the idle time after a call. It skips the check if the
// store does not record uses.
func uses(o op, isUse bool) func(s *store) {
	return func(s *store) {
		s.mustScan("")
		s.do("a", set("1", hour))
		s.wait(5 * s.Tick)
		if s.mustScan("")["a"].Idle == 0 {
			s.skip("the store does not record uses")
		}
		used := time.Now()
		s.do("a", o)
		idle := s.mustScan("")["a"].Idle
		if most := time.Since(used) + s.Tick; isUse && idle > most {
			s.fail("idle time after %s: got %v, want %v at most", o.name, idle, most)
		}
		if least := 4 * s.Tick; !isUse && idle < least {
			s.fail("idle time after %s: got %v, want %v at least", o.name, idle, least)
		}
	}
}
