package storetest

import "time"

var touchPromises = []promise{
	{
		name: "Touch gives a new ttl and leaves the value", says: saysTouch, waits: true,
		because: "active users would be logged out, or a session that was to end soon would not",
		check:   touchGivesANewTTL,
	},
	{
		name: "Touch with a ttl of 0 or less ends the entry", says: saysTouch,
		because: "a session whose absolute lifetime has run out would go on, in many stores for ever",
		check:   touchEndsTheEntry,
	},
	{
		name: "Touch reports whether there is an entry", says: saysTouchReports,
		because: "a request learns by it that its session has ended meanwhile; without it a user who logged out elsewhere is told nothing",
		check:   touchReports,
	},
	{
		name: "Touch never brings back an entry whose ttl is over", says: saysTouchReports, waits: true,
		because: "a session that timed out would come back to life with the next request, whoever sends it",
		check:   touchRevivesNothing,
	},
}

func touchGivesANewTTL(s *subject) {
	s.set("longer", "1", s.short())
	s.expectTouched("longer", hour)
	s.set("shorter", "1", hour)
	s.expectTouched("shorter", s.short())
	s.set("untouched", "1", s.short())
	s.waitOut()
	s.wantEntry("longer", "1")
	s.wantNone("shorter", "its new ttl is over")
	s.wantNone("untouched", "its ttl is over, whatever others were given")
}

// expectTouched is for an entry that is there, unless the machine was so slow
// that its short ttl is over.
func (s *subject) expectTouched(name string, ttl time.Duration) {
	if !s.touch(name, ttl) {
		s.set(name, "1", hour)
		s.expect(s.touch(name, ttl), "true: there is such an entry", "false")
	}
}

func touchEndsTheEntry(s *subject) {
	for _, ttl := range []time.Duration{0, -1, -time.Hour, -1 << 63} {
		s.set("a", "1", hour)
		s.touch("a", ttl)
		s.wantNone("a", "Touch ended it")
		s.expect(!s.touch("a", hour), "false: Touch ended it", "true")
		s.wantNone("a", "Touch ended it")
	}
}

func touchReports(s *subject) {
	s.expect(!s.touch("a", hour), "false: there is no such entry", "true")
	s.set("a", "1", hour)
	s.expect(s.touch("a", hour), "true: there is such an entry", "false")
	s.wantEntry("a", "1")
	s.change("a", remove())
	s.expect(!s.touch("a", hour), "false: the entry was removed", "true")
	s.wantNone("a", "it was removed")
}

func touchRevivesNothing(s *subject) {
	for _, m := range makers {
		m.make(s, m.name)
	}
	s.waitOut()
	for _, m := range makers {
		s.wantUntouched(m.name, "the ttl is over")
	}
}
