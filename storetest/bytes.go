package storetest

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/holdfast-go/holdfast/cache"
)

// What IDs and values may be, and whose memory they are.

var bytesPromises = []promise{
	{
		name: "IDs are any bytes", says: saysAnyBytes,
		because: "sessions are stored under hashes, which have any byte in them; two that are taken for one show a user another user's session",
		check:   idsAreAnyBytes,
	},
	{
		name: "values are any bytes", says: saysAnyBytes,
		because: "a record is a binary header and encoded values; with one byte changed the session is lost, or is another",
		check:   valuesAreAnyBytes,
	},
	{
		name: "an empty value is a value", says: saysAnyBytes,
		because: "whoever stored nothing but the entry itself would find that it is not there",
		check:   emptyValueIsAValue,
	},
	{
		name: "Set keeps a copy", says: saysNoReference,
		because: "buffers are used again for the next request, whose user's data would appear in this session",
		check:   setKeepsACopy,
	},
	{
		name: "Put keeps a copy", says: saysNoReference,
		because: "buffers are used again for the next request, whose user's data would appear in this session",
		check:   putKeepsACopy,
	},
	{
		name: "what reads return is a copy", says: saysNoReference,
		because: "a handler that changes what it was given would change the session of all requests, without a lock",
		check:   readsReturnACopy,
	},
	{
		name: "what reads returned stays as it was", says: saysNoReference,
		because: "a request that is still reading a session would see it change under its hands when another stores",
		check:   returnedStaysAsItWas,
	},
	{
		name: "what Update's function sees is a copy", says: saysOld,
		because: "a change that the function builds in place, and then drops with an error or Keep, would be stored all the same",
		check:   updateShowsACopy,
	},
}

// allBytes is each byte once.
func allBytes() string {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	return string(all)
}

func idsAreAnyBytes(s *subject) {
	ids := []string{
		allBytes(), "a", "A", "a ", "a\x00", "a\x00b", "\x00", "\xff\xfe", "\u00e1", "a\u0301", "../a", "a/b", "a:b", "*", "%", "'", `"`, "\r\n",
		strings.Repeat("long", 50), strings.Repeat("long", 50) + "er",
	}
	for i, id := range ids {
		s.set(id, fmt.Sprint("the value of ID ", i), hour)
	}
	for i, id := range ids {
		for _, r := range s.readers() {
			value, found := s.read(r, id)
			want := fmt.Sprint("the value of ID ", i)
			s.expect(found && string(value) == want, text(want), answer(value, found))
		}
	}
	s.change(ids[0], remove())
	s.wantNone(ids[0], "it was removed")
	for i, id := range ids[1:] {
		s.wantEntry(id, fmt.Sprint("the value of ID ", i+1))
	}
}

func valuesAreAnyBytes(s *subject) {
	values := []string{allBytes(), "\x00", "a\x00", " a ", "\r\n", "\xff\xfe", "nil", "null", strings.Repeat(allBytes(), 256)}
	for i, value := range values {
		id := fmt.Sprint(i)
		s.set(id, value, hour)
		s.change("put "+id, put(value, hour))
		for _, r := range s.readers() {
			for _, id := range []string{id, "put " + id} {
				got, found := s.read(r, id)
				s.expect(found && string(got) == value, text(value), answer(got, found))
			}
		}
	}
}

func emptyValueIsAValue(s *subject) {
	s.set("set", "", hour)
	s.change("put", put("", hour))
	err := s.store.Set(s.id("nil"), nil, hour)
	s.didTo("nil", "Set(%q, nil, %v) = %v", "nil", hour, err)
	s.expectNil(err)
	for _, id := range []string{"set", "put", "nil"} {
		for _, r := range s.readers() {
			value, found := s.read(r, id)
			s.expect(found && len(value) == 0, text(""), answer(value, found))
		}
		s.expect(s.touch(id, hour), "true", "false")
	}
}

func clobber(b []byte) {
	b = b[:cap(b)] // what lies behind is not the caller's either
	for i := range b {
		b[i] = '!'
	}
}

func setKeepsACopy(s *subject) {
	given := []byte("given")
	err := s.store.Set(s.id("a"), given, hour)
	s.did("Set(%q, given, %v), then the bytes of given overwritten", "a", hour)
	s.expectNil(err)
	clobber(given)
	s.wantEntry("a", "given")
}

func putKeepsACopy(s *subject) {
	given := []byte("given")
	err := s.store.Update(s.id("a"), func([]byte, bool) (cache.Change, error) { return cache.Put(given, hour), nil })
	s.did("Update(%q) by Put(given, %v), then the bytes of given overwritten", "a", hour)
	s.expectNil(err)
	clobber(given)
	s.wantEntry("a", "given")
}

func readsReturnACopy(s *subject) {
	s.set("a", "stored", hour)
	s.set("b", "beside", hour)
	for _, r := range s.readers() {
		value, _ := s.read(r, "a")
		s.did("the bytes that %s returned overwritten", r.name)
		clobber(value)
		s.wantEntry("a", "stored")
		s.wantEntry("b", "beside")
	}
}

func returnedStaysAsItWas(s *subject) {
	for _, r := range s.readers() {
		s.anew()
		s.set("a", "first", hour)
		value, _ := s.read(r, "a")
		s.set("a", "newer", hour)
		s.did("look again at what %s returned before", r.name)
		s.expect(bytes.Equal(value, []byte("first")), text("first"), text(value))
	}
}

func updateShowsACopy(s *subject) {
	s.set("a", "stored", hour)
	err := s.store.Update(s.id("a"), func(old []byte, _ bool) (cache.Change, error) {
		clobber(old)
		return cache.Keep(), nil
	})
	s.did("Update(%q), what its function saw overwritten, Keep()", "a")
	s.expectNil(err)
	s.wantEntry("a", "stored")
}
