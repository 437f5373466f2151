package storetest

import (
	"fmt"
	"time"

	"github.com/holdfast-go/holdfast/cache"
)

// The end of an entry.

var expiryPromises = []promise{
	{
		name: "an entry is gone from all methods once its ttl is over", says: saysGone, waits: true,
		because: "a session that timed out, at a library's public computer, say, would be open to whoever comes next",
		check:   goneOnceTTLIsOver,
	},
	{
		name: "an entry is there until its ttl is over", says: saysSet, waits: true,
		because: "users would be logged out before their time",
		check:   thereUntilTTLIsOver,
	},
	{
		name: "Set and Put replace the ttl too", says: saysSet, waits: true,
		because: "a session that was to last for minutes from now on would last as long as it did before, or the other way round",
		check:   setReplacesTheTTL,
	},
	{
		name: "reading does not lengthen the ttl", says: saysSet, waits: true,
		because: "a stolen session that is read now and then would never time out; only Touch is to lengthen it",
		check:   readingDoesNotLengthen,
	},
	{
		name: "a ttl of 0 or less is over at once", says: saysGone,
		because: "a session whose time is over would be kept, in many stores for ever",
		check:   noTTLIsOverAtOnce,
	},
	{
		name: "the longest ttl is no short one", says: saysSet, waits: true,
		because: "a session that is to stay would be gone at once, its deadline having overflowed into the past",
		check:   longestTTLIsNoShortOne,
	},
	{
		name: "an entry is gone from all methods after Update removed it", says: saysGone,
		because: "a user who logged out would still be logged in",
		check:   goneOnceRemoved,
	},
}

// makers are the ways to give an entry a short ttl.
var makers = []struct {
	name string
	make func(s *subject, name string)
}{
	{"Set", func(s *subject, name string) { s.set(name, "1", s.short()) }},
	{"Put", func(s *subject, name string) { s.change(name, put("1", s.short())) }},
	{"Touch", func(s *subject, name string) { s.set(name, "1", hour); s.touch(name, s.short()) }},
}

// goneOnceTTLIsOver gives each method an entry of its own, since the first to
// look may be the one that clears up.
func goneOnceTTLIsOver(s *subject) {
	for _, m := range makers {
		m.make(s, m.name+", Touch")
		for _, r := range s.readers() {
			m.make(s, m.name+", "+r.name)
		}
	}
	s.waitOut()
	for _, m := range makers {
		for _, r := range s.readers() {
			s.wantUnread(r, m.name+", "+r.name, "its ttl is over")
		}
		s.wantUntouched(m.name+", Touch", "its ttl is over")
	}
}

// wantUnread expects that a reader finds nothing, nor brings anything back.
func (s *subject) wantUnread(r reader, name, reason string) {
	value, found := s.read(r, name)
	s.expect(!found, "no entry: "+reason, answer(value, found))
	s.wantNone(name, reason)
}

func (s *subject) wantUntouched(name, reason string) {
	s.expect(!s.touch(name, hour), "false: "+reason, "true")
	s.wantNone(name, reason+", and Touch does not bring it back")
}

func thereUntilTTLIsOver(s *subject) {
	const ticks = 10
	given := time.Now()
	s.set("set", "1", ticks*s.tick)
	s.change("put", put("1", ticks*s.tick))
	s.set("touched", "1", hour)
	s.touch("touched", ticks*s.tick)
	s.wait((ticks - 2) * s.tick)
	for _, name := range []string{"set", "put", "touched"} {
		s.wantYet(name, "1", given, ticks*s.tick)
	}
}

func setReplacesTheTTL(s *subject) {
	for _, m := range makers {
		if m.name == "Touch" {
			continue // it has a promise of its own
		}
		s.set("shorter by "+m.name, "0", hour)
		m.make(s, "shorter by "+m.name)
	}
	s.set("longer by Set", "0", s.short())
	s.set("longer by Set", "1", hour)
	s.set("longer by Put", "0", s.short())
	s.change("longer by Put", put("1", hour))
	s.waitOut()
	for _, name := range []string{"Set", "Put"} {
		s.wantNone("shorter by "+name, "its new ttl is over")
		s.wantEntry("longer by "+name, "1")
	}
}

func readingDoesNotLengthen(s *subject) {
	for _, r := range s.readers() {
		s.set(r.name, "1", 2*s.short())
	}
	s.wait(s.short())
	for _, r := range s.readers() {
		s.read(r, r.name)
	}
	s.waitOut()
	for _, r := range s.readers() {
		s.wantNone(r.name, "its ttl is over")
	}
}

func noTTLIsOverAtOnce(s *subject) {
	for _, ttl := range []time.Duration{0, -1, -time.Second, -1 << 63} {
		name := fmt.Sprint(ttl)
		err := s.store.Set(s.id(name), []byte("1"), ttl)
		s.didTo(name, "Set(%q, %q, %v) = %v", name, "1", ttl, err)
		s.wantNone(name, "its ttl was never positive")
		err = s.store.Update(s.id(name), func([]byte, bool) (cache.Change, error) { return cache.Put([]byte("1"), ttl), nil })
		s.didTo(name, "Update(%q) by Put(%q, %v) = %v", name, "1", ttl, err)
		s.wantNone(name, "its ttl was never positive")
	}
}

func longestTTLIsNoShortOne(s *subject) {
	s.set("set", "1", cache.NoExpiry)
	s.change("put", put("1", cache.NoExpiry))
	s.set("touched", "1", hour)
	s.touch("touched", cache.NoExpiry)
	s.waitOut()
	for _, name := range []string{"set", "put", "touched"} {
		s.wantEntry(name, "1")
	}
}

func goneOnceRemoved(s *subject) {
	removed := func(name string) {
		s.set(name, "1", hour)
		s.change(name, remove())
	}
	for _, r := range s.readers() {
		removed(r.name)
		s.wantUnread(r, r.name, "it was removed")
	}
	removed("Touch")
	s.wantUntouched("Touch", "it was removed")
}
