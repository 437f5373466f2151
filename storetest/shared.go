package storetest

import "time"

// sharedChecks test s and s.other, which are two processes on one database.
// concurrentChecks do so too.
var sharedChecks = []check{
	{"shared/own_writes_at_once", ruleOwnWrites, eachWrite(func(writer, _ *store, id string, want entry) {
		writer.want(id, want, writer.readers()...)
	})},
	{"shared/ReadFresh_at_once", ruleFresh, eachWrite(func(_, other *store, id string, want entry) { other.want(id, want, fresh) })},
	{"shared/ScanValues_at_once", ruleScanAll, eachWrite(func(_, other *store, id string, want entry) {
		other.mustScan("no such value")
		other.want(id, want, scanAny)
	})},
	{"shared/reads_within_MaxStale", ruleLocalCopy, func(s *store) {
		var late []func()
		eachWrite(func(_, other *store, id string, want entry) {
			late = append(late, func() { other.want(id, want, modes...) })
			if s.MaxStale == 0 {
				other.want(id, want, modes...)
			}
		})(s)
		s.wait(s.MaxStale + s.Tick)
		for _, want := range late {
			want()
		}
	}},
	{"shared/copies_are_not_written_back", ruleEnd, eachWrite(func(writer, other *store, id string, want entry) {
		for _, o := range append([]op{touchHour, keep}, modes...) {
			other.do(id, o)
			writer.want(id, want)
			other.want(id, want)
		}
	})},
	{"shared/Touch_extends_for_all", ruleTouch, func(s *store) { s.touchByEach(s.short(), hour, 0, "1") }},
	{"shared/Touch_shortens_for_all", ruleTouch, func(s *store) { s.touchByEach(hour, s.short(), s.MaxStale, none) }},
	{"shared/Watch_notices_writes", ruleWatch, func(s *store) {
		if !s.Notifies {
			s.skip("the store does not notify")
		}
		for _, write := range writes {
			changed, id := make(chan bool, 1), write.name
			stop := s.Store.Watch(s.prefix+id, func() {})
			defer s.Store.Watch(s.prefix+id, func() {
				select {
				case changed <- true:
				default:
				}
			})()
			stop() // ends only one of the two
			for _, turn := range []string{"first", "second"} {
				s.do(id, set("1", hour), bothRead)
				select {
				case <-changed: // the store may notify of its own writes too
				default:
				}
				s.other.do(id, write)
				select {
				case <-changed:
				case <-time.After(s.MaxStale + s.patience):
					s.fail("the %s %s by another process: got no call of Watch's function, want one within %v", turn, write.name, s.MaxStale)
				}
			}
		}
	}},
	{"shared/Now_is_the_same", ruleNowSame, func(s *store) {
		first, other, last := s.Now(), s.other.Now(), s.Now()
		if other.Before(first.Add(-time.Second)) || other.After(last.Add(time.Second)) {
			s.fail("Now of another process: got %v, want %v", other, first)
		}
	}},
}

// eachWrite makes a check in which each of the two processes writes: in each
// way, over an entry and over none, and after both have read.
func eachWrite(then func(writer, other *store, id string, want entry)) func(s *store) {
	return func(s *store) {
		for _, writer := range []*store{s, s.other} {
			for _, write := range writes {
				for _, old := range []string{"old", ""} {
					id := writer.who + write.name + " over " + old
					if old != "" {
						writer.do(id, set(old, hour))
					}
					writer.do(id, bothRead, write)
					then(writer, writer.other, id, write.leaves)
				}
			}
		}
	}
}

// touchByEach gives a TTL by each of the two processes after both have read.
func (s *store) touchByEach(old, ttl, wait time.Duration, want entry) {
	s.t.Helper()
	for _, toucher := range []*store{s, s.other} {
		s.do("by "+toucher.who, set("1", old), bothRead)
		toucher.do("by "+toucher.who, retouch(ttl))
	}
	s.wait(s.short() + s.Tick + wait)
	for _, toucher := range []*store{s, s.other} {
		s.want("by "+toucher.who, want, s.readers()...)
		s.other.want("by "+toucher.who, want, s.readers()...)
	}
}

// bothRead reads in both processes, so that both have a local copy if they can.
var bothRead = op{"reads by both", none, func(s *store, id string) ([]byte, bool, error) {
	use.run(s, id)
	use.run(s.other, id)
	return nil, false, nil
}}
