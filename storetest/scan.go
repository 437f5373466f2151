package storetest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
)

var scanChecks = []check{
	{"ScanValues_finds_the_prefix_once", ruleScan,
		"a user who ends all sessions would leave the thief's session, or end another user's", func(t tb, s *store) {
			as[holdfast.Scanner](t, s)
			values := map[string]string{
				"1": "ada\x00\xff: 1", "2": "ada\x00\xff: 2", "3": "ada\x00\xff",
				"4": "ada\x00", "5": "ada\x00\xfe: 1", "6": "ADA\x00\xff: 1", "7": " ada\x00\xff: 1", "8": "ada%: 1", "9": "",
			}
			ids := slices.Sorted(maps.Keys(values))
			for _, id := range ids {
				s.set(t, values[id], hour, id)
			}
			for _, prefix := range []string{"ada\x00\xff", "ada\x00\xff: 2", "ada", "ada%", "*", "ada\x00\xff: 12", ""} {
				entries := s.scan(t, prefix)
				for _, id := range ids {
					e, found := entries[id]
					want := entryOf([]byte(values[id]), strings.HasPrefix(values[id], prefix))
					equal(t, entryOf(e.Value, found), want, "ScanValues(%q) for ID %q", prefix, id)
				}
			}
		}},
	{"ScanValues_reports_the_TTL", ruleScanFields, "users would see a wrong end of their sessions", func(t tb, s *store) {
		as[holdfast.Scanner](t, s)
		given := time.Now()
		s.set(t, "a", hour, "a")
		s.set(t, "b", hour, "b")
		s.touch(t, "b", 2*hour)
		entries := s.scan(t, "")
		slack := time.Since(given) + s.Tick
		for id, want := range map[string]time.Duration{"a": hour, "b": 2 * hour} {
			if ttl := entries[id].TTL; ttl < want-slack || want+s.Tick < ttl {
				t.Fatalf("ScanValues for ID %q: got a TTL of %v, want %v", id, ttl, want)
			}
		}
	}},
	{"a_scan_may_stop_and_call_the_store", ruleScanBody, deadlock, func(t tb, s *store) {
		scanner := as[holdfast.Scanner](t, s)
		for i := range 5 {
			s.set(t, "value", hour, fmt.Sprint(i))
		}
		var err error
		removed := 0
		for e := range scanner.ScanValues([]byte("value")) {
			id, own := strings.CutPrefix(e.ID, s.prefix)
			if !own {
				continue
			}
			err = s.inTime("Remove", func() error { return removeOp.call(s, id) })
			if removed++; err != nil || removed == 3 {
				break
			}
		}
		must(t, err, "Remove in a loop over ScanValues")
		equal(t, len(s.scan(t, "value")), 2, "entries after Remove of 3 of 5 and a break")
	}},
}

// scan returns the suite's own entries that ScanValues finds.
func (s *store) scan(t tb, prefix string) map[string]cache.Entry {
	t.Helper()
	found := make(map[string]cache.Entry)
	for _, e := range slices.Collect(as[holdfast.Scanner](t, s).ScanValues([]byte(prefix))) {
		if !strings.HasPrefix(string(e.Value), prefix) {
			t.Fatalf("ScanValues(%q): got the value %.48q, want values with this prefix", prefix, e.Value)
		}
		id, own := strings.CutPrefix(e.ID, s.prefix)
		if _, twice := found[id]; twice && own {
			t.Fatalf("ScanValues(%q): got the ID %q twice, want it once", prefix, id)
		}
		if own {
			found[id] = e
		}
	}
	return found
}
