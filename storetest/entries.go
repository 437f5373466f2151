package storetest

import (
	"errors"
	"fmt"
	"strings"

	"github.com/holdfast-go/holdfast/cache"
)

var entryChecks = []check{
	{"IDs_of_any_bytes", ruleAnyBytes, func(s *store) {
		ids := []string{
			allBytes(), "a", "A", "a ", "a\x00", "a\x00b", "\x00", "\xff\xfe", "\u00e1", "a\u0301", "../a", "a/b", "a:b", "*", "%", "'", `"`, "\r\n",
			strings.Repeat("long", 50), strings.Repeat("long", 50) + "er",
		}
		for i, id := range ids {
			s.do(id, set(fmt.Sprint("the value of ID ", i), hour))
		}
		for i, id := range ids {
			s.want(id, entry(fmt.Sprint("the value of ID ", i)), s.readers()...)
		}
		s.do(ids[0], remove)
		s.want(ids[0], none)
		for i, id := range ids[1:] {
			s.want(id, entry(fmt.Sprint("the value of ID ", i+1)))
		}
	}},
	{"values_of_any_bytes", ruleAnyBytes, func(s *store) {
		for _, value := range []string{"", allBytes(), "\x00", "a\x00", " a ", "\r\n", "\xff\xfe", "nil", "null", strings.Repeat(allBytes(), 256)} {
			for id, write := range map[string]op{"set " + value[:min(9, len(value))]: set(value, hour), "put " + value[:min(9, len(value))]: put(value, hour)} {
				s.do(id, write)
				s.want(id, entry(value), s.finders()...)
			}
		}
		s.do("nil", set([]byte(nil), hour))
		s.want("nil", "")
	}},
	{"arguments_are_copied", ruleNoReference, func(s *store) {
		given := []byte("given")
		s.do("set", set(given, hour))
		s.do("put", put(given, hour))
		clobber(given)
		for _, id := range []string{"set", "put"} {
			s.note(id, "overwriting the argument")
			s.want(id, "given")
		}
	}},
	{"results_are_copies", ruleNoReference, func(s *store) {
		s.do("b", set("another", hour))
		for _, r := range s.readers() {
			s.do("a", set("stored", hour))
			clobber(s.wantBy(r, "a", "stored"))
			s.note("", "overwriting the result of "+r.name)
			s.want("a", "stored", s.readers()...)
			s.want("b", "another", s.readers()...)
			value := s.wantBy(r, "a", "stored")
			s.do("a", set("newer!", hour))
			s.equal(string(value), "stored", "the result of %s after another Set", r.name)
		}
	}},
	{"reads_see_own_writes", ruleOwnWrites, func(s *store) {
		s.do("another", set("0", hour))
		for _, r := range s.finders() {
			s.want("a", none, r)
			want := none
			for _, o := range []op{set("1", hour), set("longer", hour), set("2", hour), putNew, keep, remove, remove, keep, putNew, touch0} {
				if o.name != keep.name {
					want = o.leaves
				}
				s.do("a", o)
				s.wantBy(r, "a", want)
				s.wantBy(r, "another", "0")
			}
		}
	}},
	{"new_entries_stay", ruleSet, func(s *store) { // a store may evict others
		for i := range 300 {
			for way, o := range []op{setNew, putNew} {
				s.do(fmt.Sprint(i, way), o)
				s.want(fmt.Sprint(i, way), "new")
			}
		}
	}},
	{"only_Set_and_Put_make_entries", ruleMakers, func(s *store) {
		for _, o := range append(s.finders(), remove) {
			s.want("a", none, o)
		}
		s.Store.Update(s.ctx, s.prefix+"a", func([]byte, bool) (cache.Change, error) { return cache.Put([]byte("1"), hour), errors.New("no") })
		s.note("a", "Put with an error")
		s.want("a", none)
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
