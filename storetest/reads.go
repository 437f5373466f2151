package storetest

import (
	"fmt"

	"github.com/holdfast-go/holdfast/cache"
)

// Storing and finding, without any time passing.

var readPromises = []promise{
	{
		name: "Set stores and replaces", says: saysSet,
		because: "a change that was answered with success would be missing from the next request",
		check:   setStoresAndReplaces,
	},
	{
		name: "what Set stored is there", says: saysSet,
		because: "a user who just logged in would not be; a store may make room by evicting others, but not by dropping what it has just taken",
		check:   whatSetStoredIsThere,
	},
	{
		name: "Append extends dst", says: saysAppend,
		because: "sessions are read into buffers that have other data in them, which would be lost or taken for the session",
		check:   func(s *subject) { extendsDst(s, s.store.Append) },
	},
	{
		name: "Peek finds what Append finds", says: saysPeek,
		because: "a stream that watches for the end of its session would be cut, or never learn of it",
		check:   peekFindsWhatAppendFinds,
	},
	{
		name: "nothing but Set and Put make an entry", says: saysOnlyMakers,
		because: "a session ID that nobody issued would come to be one: session fixation, and memory taken by every stranger",
		check:   nothingElseMakesAnEntry,
	},
}

func setStoresAndReplaces(s *subject) {
	s.set("a", "1", hour)
	s.set("b", "2", hour)
	s.set("a", "a longer one", hour)
	s.wantEntry("a", "a longer one")
	s.wantEntry("b", "2")
	s.set("a", "3", hour)
	s.wantEntry("a", "3")
	s.wantNone("c", "none was made")
}

func whatSetStoredIsThere(s *subject) {
	for i := range 300 {
		if s.failed() {
			return
		}
		s.anew()
		id, value := fmt.Sprint("set ", i), fmt.Sprint(i)
		s.set(id, value, hour)
		s.wantEntry(id, value)
		s.change("put "+id, put(value, hour))
		s.wantEntry("put "+id, value)
	}
}

// extendsDst checks Append and Load, which have the same terms.
func extendsDst(s *subject, read func(dst []byte, id string) ([]byte, bool)) {
	s.set("a", "value", hour)
	full := []byte("dst+")
	roomy := append(make([]byte, 0, 64), "dst+"...)
	for _, dst := range [][]byte{full[:len(full):len(full)], roomy} {
		for _, test := range []struct{ id, want string }{{"a", "dst+value"}, {"missing", "dst+"}} {
			got, found := read(dst, s.id(test.id))
			s.did("read %q into %q with room for %d more", test.id, dst, cap(dst)-len(dst))
			s.expect(string(got) == test.want, text(test.want), text(got))
			s.expect(found == (test.id == "a"), fmt.Sprintf("found: %v", test.id == "a"), fmt.Sprintf("found: %v", found))
			s.expect(string(dst) == "dst+", `dst still being "dst+"`, text(dst))
		}
	}
}

func peekFindsWhatAppendFinds(s *subject) {
	for _, stored := range []bool{false, true} {
		if stored {
			s.set("a", "1", hour)
		}
		for _, r := range s.readers() {
			value, found := s.read(r, "a")
			s.expect(found == stored && (string(value) == "1") == stored, answer("1", stored), answer(value, found))
		}
	}
}

func nothingElseMakesAnEntry(s *subject) {
	for _, r := range s.readers() {
		value, found := s.read(r, "a")
		s.expect(!found, "no entry: none was made", answer(value, found))
		s.wantNone("a", "none was made")
	}
	s.expect(!s.touch("a", hour), "false: none was made", "true")
	s.wantNone("a", "none was made")
	s.change("a", keep())
	s.wantNone("a", "none was made")
	s.change("a", remove())
	s.wantNone("a", "none was made")
	failing := fmt.Errorf("no")
	err := s.store.Update(s.id("a"), func([]byte, bool) (cache.Change, error) { return cache.Put([]byte("1"), hour), failing })
	s.did("Update(%q) by Put and the error %q = %v", "a", failing, err)
	s.wantNone("a", "the function returned an error")
}
