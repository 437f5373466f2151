package storetest

import (
	"errors"
	"fmt"
	"strings"

	"github.com/holdfast-go/holdfast/cache"
)

var entryChecks = []check{
	{"IDs_are_any_bytes", ruleAnyBytes, anyHash, func(t tb, s *store) {
		ids := []string{
			allBytes(), "a", "A", "a ", "a\x00", "a\x00b", "\x00", "\xff\xfe", "\u00e1", "a\u0301", "../a", "a/b", "a:b", "*", "%", "'", `"`, "\r\n",
			strings.Repeat("long", 50), strings.Repeat("long", 50) + "er",
		}
		for i, id := range ids {
			s.set(t, fmt.Sprint("the value of ID ", i), hour, id)
		}
		for _, r := range s.readers() {
			for i, id := range ids {
				r.want(t, is(fmt.Sprint("the value of ID ", i)), "after Set of several IDs", id)
			}
		}
		s.update(t, cache.Remove(), ids[0])
		s.want(t, none, "after Remove", ids[0])
		for i, id := range ids[1:] {
			s.want(t, is(fmt.Sprint("the value of ID ", i+1)), "after Remove of another ID", id)
		}
	}},
	{"values_are_any_bytes", ruleAnyBytes, anyRecord, func(t tb, s *store) {
		values := []string{allBytes(), "\x00", "a\x00", " a ", "\r\n", "\xff\xfe", "nil", "null", strings.Repeat(allBytes(), 256)}
		for i, value := range values {
			set, updated := fmt.Sprint("set ", i), fmt.Sprint("put ", i)
			s.set(t, value, hour, set)
			s.update(t, put(value, hour), updated)
			for _, r := range s.readers() {
				r.want(t, is(value), "after Set", set)
				r.want(t, is(value), "after Put", updated)
			}
		}
	}},
	{"empty_values_are_values", ruleAnyBytes, "a program that stores only the ID would not find it",
		func(t tb, s *store) {
			s.set(t, "", hour, "set")
			s.update(t, put("", hour), "put")
			must(t, s.Set("nil", nil, hour), "Set of nil")
			for _, id := range []string{"set", "put", "nil"} {
				for _, r := range s.readersAndTouch() {
					r.want(t, is(""), "after an empty value was stored", id)
				}
			}
		}},
	{"Set_copies_its_argument", ruleNoReference, sharedBuffer, func(t tb, s *store) {
		given := []byte("given")
		must(t, s.Set("a", given, hour), "Set")
		clobber(given)
		s.want(t, is("given"), "after Set's argument was overwritten", "a")
	}},
	{"Put_copies_its_argument", ruleNoReference, sharedBuffer, func(t tb, s *store) {
		given := []byte("given")
		s.update(t, cache.Put(given, hour), "a")
		clobber(given)
		s.want(t, is("given"), "after Put's argument was overwritten", "a")
	}},
	{"reads_return_copies", ruleNoReference, sharedResult, func(t tb, s *store) {
		s.set(t, "stored", hour, "a")
		s.set(t, "another", hour, "b")
		for _, r := range s.readers() {
			clobber(r.want(t, is("stored"), "after Set", "a"))
			s.want(t, is("stored"), "after the result of "+r.name+" was overwritten", "a")
			s.want(t, is("another"), "after the result of "+r.name+" for another ID was overwritten", "b")
		}
	}},
	{"results_do_not_change_later", ruleNoReference,
		"a request that still reads a session would see it change when another request stores",
		func(t tb, s *store) {
			for _, r := range s.readers() {
				s.set(t, "first", hour, "a")
				value := r.want(t, is("first"), "after Set", "a")
				s.set(t, "newer", hour, "a")
				equal(t, string(value), "first", "the result of %s after another Set", r.name)
			}
		}},
	{"Set_stores_and_replaces", ruleSet, lostChange, func(t tb, s *store) {
		s.set(t, "1", hour, "a")
		s.set(t, "2", hour, "b")
		s.set(t, "a longer one", hour, "a")
		s.want(t, is("a longer one"), "after a second Set", "a")
		s.want(t, is("2"), "after Set of another ID", "b")
		s.set(t, "3", hour, "a")
		s.want(t, is("3"), "after a third Set", "a")
		s.want(t, none, "after Set of other IDs", "c")
	}},
	{"new_entries_stay", ruleSet,
		"a user who just logged in would not be; the store may evict other entries, but not the new one",
		func(t tb, s *store) {
			for i := range 300 {
				set, updated, value := fmt.Sprint("set ", i), fmt.Sprint("put ", i), fmt.Sprint(i)
				s.set(t, value, hour, set)
				s.want(t, is(value), "after Set", set)
				s.update(t, put(value, hour), updated)
				s.want(t, is(value), "after Put", updated)
			}
		}},
	{"Append_extends_dst", ruleAppend, dstLost, func(t tb, s *store) {
		extends(t, s, func(dst []byte, id string) ([]byte, bool, error) { return withoutError(s.Append(dst, id)) })
	}},
	{"Peek_finds_the_same_as_Append", rulePeek,
		"a stream that watches for the end of its session would be cut, or would never end",
		func(t tb, s *store) {
			for _, r := range s.readers() {
				r.want(t, none, "before Set", "a")
			}
			s.set(t, "1", hour, "a")
			for _, r := range s.readers() {
				r.want(t, is("1"), "after Set", "a")
			}
		}},
	{"only_Set_and_Put_make_entries", ruleMakers,
		"an attacker could choose a session ID (session fixation), and every stranger would use memory",
		func(t tb, s *store) {
			for _, r := range s.readersAndTouch() {
				r.wantNone(t, s, "before Set", "a")
			}
			s.update(t, cache.Remove(), "a")
			s.want(t, none, "after Remove of a missing ID", "a")
			s.Update("a", func([]byte, bool) (cache.Change, error) { return put("1", hour), errors.New("no") })
			s.want(t, none, "after Put with an error", "a")
		}},
	{"Remove_ends_an_entry", ruleEnd, stillLoggedIn, func(t tb, s *store) {
		for _, r := range s.readersAndTouch() {
			s.set(t, "1", hour, r.name)
			s.update(t, cache.Remove(), r.name)
			r.wantNone(t, s, "after Remove", r.name)
		}
	}},
}

// allBytes returns each byte once.
func allBytes() string {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	return string(all)
}

// clobber overwrites b up to its capacity: the store must not use the bytes
// after b's length either.
func clobber(b []byte) {
	b = b[:cap(b)]
	for i := range b {
		b[i] = '!'
	}
}

// extends passes a dst without room and a dst with room for the value.
func extends(t tb, s *store, read func(dst []byte, id string) ([]byte, bool, error)) {
	s.set(t, "value", hour, "a")
	for _, room := range []int{0, 60} {
		for id, want := range map[string]string{"a": "dst+value", "missing": "dst+"} {
			dst := append(make([]byte, 0, 4+room), "dst+"...)
			value, found, err := read(dst, id)
			must(t, err, "read of %q", id)
			equal(t, string(value), want, `read of %q into "dst+" with room for %d bytes`, id, room)
			equal(t, found, id == "a", "found for %q", id)
			equal(t, string(dst), "dst+", "dst after the read")
		}
	}
}
