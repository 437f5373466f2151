package storetest

import (
	"errors"
	"fmt"
	"strings"

	"github.com/holdfast-go/holdfast/cache"
)

var entryChecks = []check{
	{"IDs_of_any_bytes", ruleAnyBytes, "sessions are stored under hashes, and one user would get another user's session", func(t tb, s *store) {
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
		removeOp.must(t, s, ids[0])
		s.want(t, none, "after Remove", ids[0])
		for i, id := range ids[1:] {
			s.want(t, is(fmt.Sprint("the value of ID ", i+1)), "after Remove of another ID", id)
		}
	}},
	{"values_of_any_bytes", ruleAnyBytes, "a record is a binary header and encoded values, and each byte counts", func(t tb, s *store) {
		values := []string{"", allBytes(), "\x00", "a\x00", " a ", "\r\n", "\xff\xfe", "nil", "null", strings.Repeat(allBytes(), 256)}
		for i, value := range values {
			set, updated := fmt.Sprint("set ", i), fmt.Sprint("put ", i)
			s.set(t, value, hour, set)
			must(t, s.change(updated, put(value, hour)), "Put of %.48q", value)
			for _, r := range s.readersAndTouch() {
				r.want(t, is(value), "after Set", set)
				r.want(t, is(value), "after Put", updated)
			}
		}
		must(t, s.Set("nil", nil, hour), "Set of nil")
		s.want(t, is(""), "after Set of nil", "nil")
	}},
	{"arguments_are_copied", ruleNoReference, "programs use buffers again, so another user's data would appear in this session", func(t tb, s *store) {
		set, updated := []byte("given"), []byte("given")
		must(t, s.Set("set", set, hour), "Set")
		must(t, s.change("put", cache.Put(updated, hour)), "Put")
		clobber(set)
		clobber(updated)
		s.want(t, is("given"), "after the argument was overwritten", "set", "put")
	}},
	{"results_are_copies", ruleNoReference, "a handler that changes its copy would change the session of all requests", func(t tb, s *store) {
		s.set(t, "another", hour, "b")
		for _, r := range s.readers() {
			s.set(t, "stored", hour, "a")
			clobber(r.want(t, is("stored"), "after Set", "a"))
			for _, again := range s.readers() {
				again.want(t, is("stored"), "after the result of "+r.name+" was overwritten", "a")
				again.want(t, is("another"), "after the result of "+r.name+" for another ID was overwritten", "b")
			}
			value := r.want(t, is("stored"), "after other reads", "a")
			s.set(t, "newer!", hour, "a")
			equal(t, string(value), "stored", "the result of %s after another Set", r.name)
		}
	}},
	{"reads_see_own_writes", ruleOwnWrites, lostChange, func(t tb, s *store) {
		set := func(value string) op {
			return op{"Set of " + value, func(s *store, id string) error { return s.Set(id, []byte(value), hour) }}
		}
		s.set(t, "0", hour, "another")
		for _, r := range s.readersAndTouch() {
			r.wantNone(t, s, "before Set", "a")
			for _, write := range []struct {
				op
				want entry
			}{
				{set("1"), is("1")}, {set("longer"), is("longer")}, {set("2"), is("2")}, {putOp, is("new")}, {keepOp, is("new")},
				{removeOp, none}, {removeOp, none}, {keepOp, none}, {putOp, is("new")}, {touchEndOp, none},
			} {
				write.must(t, s, "a")
				r.want(t, write.want, "after "+write.name, "a")
				r.want(t, is("0"), "after "+write.name+" of another ID", "another")
			}
		}
	}},
	{"new_entries_stay", ruleSet, "a user who just logged in would not be; a store may evict other entries only", func(t tb, s *store) {
		for i := range 300 {
			id := fmt.Sprint(i)
			setOp.must(t, s, "set "+id)
			putOp.must(t, s, "put "+id)
			s.want(t, is("new"), "after Set or Put", "set "+id, "put "+id)
		}
	}},
	{"only_Set_and_Put_make_entries", ruleMakers, "an attacker could choose a session ID (session fixation)", func(t tb, s *store) {
		for _, r := range s.readersAndTouch() {
			r.wantNone(t, s, "before Set", "a")
		}
		removeOp.must(t, s, "a")
		s.want(t, none, "after Remove of a missing ID", "a")
		s.Update("a", func([]byte, bool) (cache.Change, error) { return put("1", hour), errors.New("no") })
		s.want(t, none, "after Put with an error", "a")
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
