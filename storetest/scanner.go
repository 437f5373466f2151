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

var scannerPromises = []promise{
	{
		name: "ScanValues finds the entries that begin so, each once", says: saysScan, part: scanner,
		because: "a user who ends all sessions after a theft would leave the thief's, or end another user's",
		check:   scanFindsThoseThatBeginSo,
	},
	{
		name: "ScanValues finds any ID", says: saysScan, part: scanner,
		because: "a session found under an ID that is not its own cannot be ended",
		check:   idsAreAnyBytes,
	},
	{
		name: "ScanValues tells the ttl", says: saysScan, part: scanner,
		because: "users would be told a wrong time for the end of their sessions",
		check:   scanTellsTheTTL,
	},
	{
		name: "ScanValues returns copies", says: saysScan, part: scanner,
		because: "a program that sorts or edits a user's list of sessions would change the sessions",
		check:   func(s *subject) { readsReturnACopy(s); returnedStaysAsItWas(s) },
	},
	{
		name: "ScanValues finds no entry whose ttl is over", says: saysGone, part: scanner, waits: true,
		because: "a user's list would have sessions in it that are over",
		check:   func(s *subject) { goneOnceTTLIsOver(s); readingDoesNotLengthen(s) },
	},
	{
		name: "ScanValues finds no entry that was removed, and makes none", says: saysGone, part: scanner,
		because: "a user's list would have sessions in it that the user has ended",
		check:   func(s *subject) { goneOnceRemoved(s); nothingElseMakesAnEntry(s) },
	},
	{
		name: "a loop over ScanValues may stop and may call the store", says: saysScanBody, part: scanner,
		because: "sessions are ended while looking for the next; a store that waits for itself hangs the request, and all after it",
		check:   loopMayStopAndCallTheStore,
	},
	{
		name: "Append is a use", says: saysUse, part: scanner, waits: true,
		because: "an active session would look idle: evicted first, and listed as not seen since it was made",
		check:   appendIsAUse,
	},
	{
		name: "Peek is no use", says: saysPeek, part: scanner, waits: true,
		because: "an open stream, which watches its session by Peek, would make a user look active who left hours ago",
		check:   func(s *subject) { s.wantNoUse(reader{"Peek", s.store.Peek}) },
	},
	{
		name: "ScanValues is no use", says: saysScanUse, part: scanner, waits: true,
		because: "who looks at the list of sessions would make all of them look active",
		check:   func(s *subject) { s.wantNoUse(reader{"ScanValues", s.readByScan}) },
	},
}

// scan returns the suite's own among the entries that begin with prefix,
// by the names of their IDs.
func (s *subject) scan(prefix string) map[string]cache.Entry {
	found := make(map[string]cache.Entry)
	s.did("ScanValues(%q)", prefix)
	for entry := range s.store.(holdfast.Scanner).ScanValues([]byte(prefix)) {
		s.expect(strings.HasPrefix(string(entry.Value), prefix), "values that begin with "+text(prefix), text(entry.Value))
		if name, own := strings.CutPrefix(entry.ID, s.prefix); own {
			_, twice := found[name]
			s.expect(!twice, "each entry once", "ID "+text(name)+" twice")
			found[name] = entry
		}
	}
	return found
}

func scanFindsThoseThatBeginSo(s *subject) {
	values := map[string]string{
		"1": "ada\x00\xff: 1", "2": "ada\x00\xff: 2", "3": "ada\x00\xff",
		"4": "ada\x00", "5": "ada\x00\xfe: 1", "6": "ADA\x00\xff: 1", "7": " ada\x00\xff: 1", "8": "ada%: 1", "9": "",
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		s.set(name, values[name], hour)
	}
	for _, prefix := range []string{"ada\x00\xff", "ada\x00\xff: 2", "ada", "ada%", "*", "ada\x00\xff: 12", ""} {
		found := s.scan(prefix)
		for _, name := range slices.Sorted(maps.Keys(values)) {
			entry, ok := found[name]
			want := strings.HasPrefix(values[name], prefix)
			s.expect(ok == want && (!ok || string(entry.Value) == values[name]),
				"under "+text(name)+" "+answer(values[name], want), answer(entry.Value, ok))
		}
	}
}

func scanTellsTheTTL(s *subject) {
	given := time.Now()
	s.set("a", "a", hour)
	s.set("b", "b", hour)
	s.touch("b", 2*hour)
	found := s.scan("")
	slack := time.Since(given) + s.tick
	for name, want := range map[string]time.Duration{"a": hour, "b": 2 * hour} {
		got := found[name].TTL
		s.expect(want-slack <= got && got <= want+s.tick, fmt.Sprintf("ID %q with a ttl of %v", name, want), got.String())
	}
}

func loopMayStopAndCallTheStore(s *subject) {
	for i := range 5 {
		s.set(fmt.Sprint(i), "value", hour)
	}
	seen := 0
	for entry := range s.store.(holdfast.Scanner).ScanValues([]byte("value")) {
		if !strings.HasPrefix(entry.ID, s.prefix) {
			continue
		}
		s.mustReturn("within the loop over ScanValues: Update by Remove()", func() error {
			return s.store.Update(entry.ID, func([]byte, bool) (cache.Change, error) { return cache.Remove(), nil })
		})
		if seen++; seen == 3 || s.failed() {
			break
		}
	}
	if !s.failed() {
		s.did("break after 3 of 5")
		left := len(s.scan("value"))
		s.expect(left == 2, "2 entries", fmt.Sprintf("%d entries", left))
	}
}

func appendIsAUse(s *subject) {
	s.set("a", "1", hour)
	s.wait(5 * s.tick)
	used := time.Now()
	value, found := s.store.Append(nil, s.id("a"))
	s.did("Append(nil, %q) found %s", "a", answer(value, found))
	idle := s.scan("")["a"].Idle
	most := time.Since(used) + s.tick
	s.expect(idle <= most, fmt.Sprintf("an entry idle for %v at most", most), idle.String())
}

// wantNoUse expects that an entry which is read has been idle all the same.
func (s *subject) wantNoUse(r reader) {
	s.set("a", "1", hour)
	s.wait(5 * s.tick)
	s.read(r, "a")
	idle := s.scan("")["a"].Idle
	s.expect(idle >= 4*s.tick, fmt.Sprintf("an entry idle for %v", 5*s.tick), idle.String())
}
