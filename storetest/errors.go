package storetest

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/holdfast-go/holdfast/cache"
)

// Errors that the suite can cause: by arguments that many stores refuse, and
// by closing the store.

var errorPromises = []promise{
	{
		name: "what cannot be stored is an error", says: saysErrors,
		because: "a request would be answered with success though its session is lost",
		check:   whatCannotBeStoredIsAnError,
	},
	{
		name: "errors contain no ID and no value", says: saysErrors,
		because: "errors end in logs; an ID there lets its reader take over the session, and values are the user's secrets",
		check:   errorsTellNoSecret,
	},
	{
		name: "a closed store returns errors", says: saysErrors, part: closer,
		because: "a server that is shutting down would answer with success though the session is lost",
		check:   closedStoreReturnsErrors,
	},
	{
		name: "errors of a closed store contain no ID and no value", says: saysErrors, part: closer,
		because: "errors end in logs; an ID there lets its reader take over the session, and values are the user's secrets",
		check: func(s *subject) {
			s.close()
			for _, a := range attempts(s) {
				s.wantNoSecretIn(a)
			}
		},
	},
}

// attempt is a call that a store may refuse.
type attempt struct {
	call
	id, value string
	ends      bool // at once: its ttl is not positive
}

// attempts are calls with ordinary arguments, and with such as many stores
// cannot take.
func attempts(s *subject) []attempt {
	const ordinary = "secret-value"
	arguments := []struct {
		retold, id, value string
		ttl               time.Duration
	}{
		{"ordinary arguments", "secret-id", ordinary, hour},
		{"a ttl of 0", "secret-id", ordinary, 0},
		{"a ttl below 0", "secret-id", ordinary, -hour},
		{"an ID of 1 MiB", strings.Repeat("secret-id", 1<<20/len("secret-id")), ordinary, hour},
		{"a value of 4 MiB", "secret-id", strings.Repeat(ordinary, 4<<20/len(ordinary)), hour},
	}
	var all []attempt
	for _, a := range arguments {
		id := s.id(a.id)
		set := call{"Set with " + a.retold, func() error { return s.store.Set(id, []byte(a.value), a.ttl) }}
		update := call{"Update by a Put with " + a.retold, func() error {
			return s.store.Update(id, func([]byte, bool) (cache.Change, error) { return cache.Put([]byte(a.value), a.ttl), nil })
		}}
		all = append(all, attempt{set, id, a.value, a.ttl <= 0}, attempt{update, id, a.value, a.ttl <= 0})
	}
	return all
}

func whatCannotBeStoredIsAnError(s *subject) {
	for _, a := range attempts(s) {
		if s.failed() {
			return
		}
		s.anew()
		err := a.make()
		s.did("%s = %v", a.retold, err)
		if err == nil && !a.ends {
			got, found := s.store.Peek(a.id)
			s.expect(found && string(got) == a.value, "an error, or the value", answer(got, found))
		}
	}
}

func errorsTellNoSecret(s *subject) {
	for _, a := range attempts(s) {
		s.wantNoSecretIn(a)
	}
}

func (s *subject) wantNoSecretIn(a attempt) {
	if s.failed() {
		return
	}
	s.anew()
	err := a.make()
	s.did("%s", a.retold)
	if err != nil {
		message := fmt.Sprintf("%v %+v", err, err)
		secret := secretIn(message, a.id)
		s.expect(secret == "", "an error without ID and value", fmt.Sprintf("the error %s, with %s", text(message), secret))
	}
}

// secretIn says what message gives away, if it does, in whatever spelling.
func secretIn(message, id string) string {
	secrets := []struct{ name, secret string }{
		{"the ID", "secret-id"},
		{"the value", "secret-value"},
		{"the ID", id[:20]}, // its random part
	}
	for _, s := range secrets {
		spellings := []string{
			s.secret,
			hex.EncodeToString([]byte(s.secret)),
			strings.Trim(fmt.Sprint([]byte(s.secret)), "[]"), // as %v prints bytes
			base64.StdEncoding.EncodeToString([]byte(s.secret[:len(s.secret)/3*3])),
		}
		for _, spelling := range spellings {
			if strings.Contains(strings.ToLower(message), strings.ToLower(spelling)) {
				return s.name
			}
		}
	}
	return ""
}

func (s *subject) close() {
	err := s.store.(interface{ Close() error }).Close()
	s.did("Close() = %v", err)
	s.expectNil(err)
}

func closedStoreReturnsErrors(s *subject) {
	s.set("a", "1", hour)
	s.close()
	err := s.store.Set(s.id("a"), []byte("2"), hour)
	s.did("Set(%q, %q, %v)", "a", "2", hour)
	s.expect(err != nil, "an error: the store is closed", "no error")
	for _, c := range []change{put("2", hour), remove()} {
		err := s.store.Update(s.id("a"), func([]byte, bool) (cache.Change, error) { return c.Change, nil })
		s.did("Update(%q) by %s", "a", c.retold)
		s.expect(err != nil, "an error: the store is closed", "no error")
	}
}
