package gorilla_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/securecookie"
	"github.com/gorilla/sessions"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/plug/gorilla"
)

const name = "session"

var (
	key      = bytes.Repeat([]byte("k"), 32)
	otherKey = bytes.Repeat([]byte("o"), 32)
)

func newCache(t *testing.T) *cache.Cache {
	t.Helper()
	c, err := cache.New(cache.Options{MaxBytes: 1 << 20})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

func newStore(t *testing.T, c *cache.Cache, keyPairs ...[]byte) *gorilla.Store {
	t.Helper()
	if keyPairs == nil {
		keyPairs = [][]byte{key}
	}
	s, err := gorilla.NewStore(c, "shop", keyPairs...)
	require.NoError(t, err)
	return s
}

// browser is a client: the cookies that it has, by name.
type browser map[string]string

// request returns a new request with the browser's cookies.
func (b browser) request() *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	for name, value := range b {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	return r
}

// receive takes over the cookies of a response, and returns them.
func (b browser) receive(w *httptest.ResponseRecorder) []*http.Cookie {
	cookies := w.Result().Cookies()
	for _, cookie := range cookies {
		if b[cookie.Name] = cookie.Value; cookie.MaxAge < 0 {
			delete(b, cookie.Name)
		}
	}
	return cookies
}

// visit is one request: it opens the session, has it changed and saves it.
func (b browser) visit(t *testing.T, s *gorilla.Store, change func(*sessions.Session)) []*http.Cookie {
	t.Helper()
	r := b.request()
	session, err := s.Get(r, name)
	require.NoError(t, err)
	return b.save(t, r, session, change)
}

func (b browser) save(t *testing.T, r *http.Request, session *sessions.Session, change func(*sessions.Session)) []*http.Cookie {
	t.Helper()
	change(session)
	w := httptest.NewRecorder()
	require.NoError(t, session.Save(r, w))
	return b.receive(w)
}

func set(key, value any) func(*sessions.Session) {
	return func(s *sessions.Session) { s.Values[key] = value }
}

func end(s *sessions.Session) { s.Options.MaxAge = -1 }

func renew(s *sessions.Session) { s.ID = "" }

// values opens the session and returns what is in it, and its IsNew.
func (b browser) values(t *testing.T, s *gorilla.Store) (map[any]any, bool) {
	t.Helper()
	session, err := s.Get(b.request(), name)
	require.NoError(t, err)
	return session.Values, session.IsNew
}

func assertHas(t *testing.T, b browser, s *gorilla.Store, key, want any) {
	t.Helper()
	values, isNew := b.values(t, s)
	assert.False(t, isNew)
	assert.Equal(t, want, values[key])
}

func assertFresh(t *testing.T, b browser, s *gorilla.Store) {
	t.Helper()
	values, isNew := b.values(t, s)
	assert.True(t, isNew)
	assert.Empty(t, values)
}

func TestSavedSessionIsReadAgain(t *testing.T) {
	s, b := newStore(t, newCache(t)), browser{}
	b.visit(t, s, set("user", "alice"))
	assertHas(t, b, s, "user", "alice")
}

func TestSessionOfAVisitorWithoutACookieIsNew(t *testing.T) {
	c := newCache(t)
	session, err := newStore(t, c).New(browser{}.request(), name)
	require.NoError(t, err)
	assert.True(t, session.IsNew)
	assert.Empty(t, session.ID)
	assert.Equal(t, name, session.Name())
	assert.Zero(t, c.Len())
}

func TestGetReturnsOneSessionPerRequestAndNewAnother(t *testing.T) {
	s, r := newStore(t, newCache(t)), browser{}.request()
	first, _ := s.Get(r, name)
	second, _ := s.Get(r, name)
	another, _ := s.New(r, name)
	assert.Same(t, first, second)
	assert.NotSame(t, first, another)
}

func TestDefaultsAreGorillas(t *testing.T) {
	s, theirs := newStore(t, newCache(t)), sessions.NewFilesystemStore(t.TempDir(), key)
	assert.Equal(t, theirs.Options, s.Options)
}

func TestSessionsStartWithTheStoresOptionsButOwnThem(t *testing.T) {
	s := newStore(t, newCache(t))
	s.Options.Domain = "example.com"
	s.MaxAge(60)
	session, _ := s.New(browser{}.request(), name)
	assert.Equal(t, 60, session.Options.MaxAge)
	assert.Equal(t, "example.com", session.Options.Domain)
	session.Options.Domain = "changed"
	assert.Equal(t, "example.com", s.Options.Domain)
}

func TestIDIs256RandomBitsThatOnlyTheServerChooses(t *testing.T) {
	s := newStore(t, newCache(t))
	ids := map[string]bool{}
	for range 100 {
		b := browser{}
		b.visit(t, s, func(session *sessions.Session) {})
		session, _ := s.Get(b.request(), name)
		assert.Len(t, session.ID, 43) // base64 of 32 bytes
		ids[session.ID] = true
	}
	assert.Len(t, ids, 100)
}

func TestForgedCookiesGetANewSessionAndAnError(t *testing.T) {
	s, b := newStore(t, newCache(t)), browser{}
	b.visit(t, s, set("user", "alice"))
	signedByAnother, err := securecookie.EncodeMulti(name, "chosen-by-the-client", securecookie.New(otherKey, nil))
	require.NoError(t, err)

	for what, value := range map[string]string{
		"not signed":                "chosen-by-the-client",
		"signed with another key":   signedByAnother,
		"of another session's name": mustEncode(t, "another", "id"),
		"cut short":                 b[name][:len(b[name])-8],
		"empty":                     "",
		"too long":                  strings.Repeat("x", 1<<14),
	} {
		t.Run(what, func(t *testing.T) {
			session, err := s.New(browser{name: value}.request(), name)
			require.Error(t, err)
			require.NotNil(t, session)
			assert.True(t, session.IsNew)
			assert.Empty(t, session.ID)
			assert.Empty(t, session.Values)
			assert.NotContains(t, err.Error(), "chosen-by-the-client")
		})
	}
}

func mustEncode(t *testing.T, name, id string) string {
	t.Helper()
	value, err := securecookie.EncodeMulti(name, id, securecookie.New(key, nil))
	require.NoError(t, err)
	return value
}

func TestVisitorWithAForgedCookieCanStartASession(t *testing.T) {
	s, b := newStore(t, newCache(t)), browser{name: "forged"}
	r := b.request()
	session, err := s.Get(r, name)
	require.Error(t, err)
	b.save(t, r, session, set("user", "alice"))
	assertHas(t, b, s, "user", "alice")
}

func TestEncryptionKeyHidesTheID(t *testing.T) {
	c := newCache(t)
	s, b := newStore(t, c, key, bytes.Repeat([]byte("e"), 32)), browser{}
	b.visit(t, s, set("user", "alice"))
	assertHas(t, b, s, "user", "alice")
	var id string
	assert.Error(t, securecookie.DecodeMulti(name, b[name], &id, securecookie.New(key, nil)))
}

func TestKeysCanBeRotated(t *testing.T) {
	c, b := newCache(t), browser{}
	old, both, fresh := newStore(t, c, key), newStore(t, c, otherKey, nil, key), newStore(t, c, otherKey)
	b.visit(t, old, set("user", "alice"))

	b.visit(t, both, set("seen", true)) // reads with the old key, writes with the new one

	assertHas(t, b, fresh, "user", "alice")
	_, err := old.New(b.request(), name)
	assert.Error(t, err)
}

func TestUnusableKeysAreRefused(t *testing.T) {
	c := newCache(t)
	for what, keys := range map[string][][]byte{
		"none":                         {},
		"an empty one":                 {[]byte("")},
		"nil":                          {nil},
		"an encryption key of 5 bytes": {key, []byte("12345")},
		"an empty second pair":         {key, nil, nil},
	} {
		t.Run(what, func(t *testing.T) {
			s, err := gorilla.NewStore(c, "shop", keys...)
			assert.ErrorIs(t, err, gorilla.ErrKeys)
			assert.Nil(t, s)
			assert.NotContains(t, err.Error(), "12345")
		})
	}
}

func TestNewStorePanicsWithoutACache(t *testing.T) {
	assert.Panics(t, func() { gorilla.NewStore(nil, "shop", key) })
}

// basket is a type such as applications register for their sessions.
type basket struct{ Items []string }

func init() { gob.Register(basket{}) }

func TestTypesRegisteredWithGobGoOnWorking(t *testing.T) {
	s, b := newStore(t, newCache(t)), browser{}
	b.visit(t, s, set(7, basket{[]string{"tea"}}))
	assertHas(t, b, s, 7, basket{[]string{"tea"}})
}

func TestValuesAreStoredAsSecurecookieWouldEncodeThem(t *testing.T) {
	c := newCache(t)
	browser{}.visit(t, newStore(t, c), set("user", "alice"))
	want, err := securecookie.GobEncoder{}.Serialize(map[any]any{"user": "alice"})
	require.NoError(t, err)
	for _, record := range c.All() {
		assert.Equal(t, want, record[1:])
	}
	assert.Equal(t, 1, c.Len())
}

// jsonSerializer stores sessions whose keys are strings.
type jsonSerializer struct{}

func (jsonSerializer) Serialize(src any) ([]byte, error) {
	values := map[string]any{}
	for key, value := range src.(map[any]any) {
		values[key.(string)] = value
	}
	return json.Marshal(values)
}

func (jsonSerializer) Deserialize(src []byte, dst any) error {
	values := map[string]any{}
	if err := json.Unmarshal(src, &values); err != nil {
		return err
	}
	for key, value := range values {
		(*dst.(*map[any]any))[key] = value
	}
	return nil
}

func TestSerializerCanBeReplaced(t *testing.T) {
	c, b := newCache(t), browser{}
	s := newStore(t, c)
	s.Serializer = jsonSerializer{}
	b.visit(t, s, set("user", "alice"))
	assertHas(t, b, s, "user", "alice")
	for _, record := range c.All() {
		assert.Contains(t, string(record), `{"user":"alice"}`)
	}
}

func TestSessionThatCannotBeDecodedIsNewWithAnError(t *testing.T) {
	s, b := newStore(t, newCache(t)), browser{}
	b.visit(t, s, set("user", "alice"))
	s.Serializer = jsonSerializer{}
	session, err := s.New(b.request(), name)
	assert.Error(t, err)
	require.NotNil(t, session)
	assert.True(t, session.IsNew)
	assert.Empty(t, session.ID)
	assert.Empty(t, session.Values)
}

func TestSessionThatCannotBeEncodedIsNotStored(t *testing.T) {
	c := newCache(t)
	s, r, w := newStore(t, c), browser{}.request(), httptest.NewRecorder()
	session, _ := s.Get(r, name)
	session.Values["f"] = func() {}
	assert.Error(t, session.Save(r, w))
	assert.Empty(t, w.Result().Cookies())
	assert.Zero(t, c.Len())
}

func TestSessionLivesForItsMaxAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := newStore(t, newCache(t)), browser{}
		b.visit(t, s, func(session *sessions.Session) { session.Options.MaxAge = 60 })
		time.Sleep(time.Minute - time.Nanosecond)
		_, isNew := b.values(t, s)
		assert.False(t, isNew)
		time.Sleep(time.Nanosecond)
		assertFresh(t, b, s)
	})
}

func TestSaveStartsTheMaxAgeAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := newStore(t, newCache(t)), browser{}
		s.MaxAge(60)
		for range 5 {
			b.visit(t, s, set("user", "alice"))
			time.Sleep(time.Minute - time.Nanosecond)
			assertHas(t, b, s, "user", "alice")
		}
	})
}

func TestBrowserSessionTTLAllowsMaxAge0(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := newStore(t, newCache(t)), browser{}
		s.BrowserSessionTTL = time.Minute
		s.MaxAge(0)
		cookies := b.visit(t, s, set("user", "alice"))
		assert.Zero(t, cookies[0].MaxAge)
		assert.True(t, cookies[0].Expires.IsZero())
		time.Sleep(time.Minute - time.Nanosecond)
		assertHas(t, b, s, "user", "alice")
		time.Sleep(time.Nanosecond)
		assertFresh(t, b, s)
	})
}

func TestBrowserSessionEndsAtANegativeMaxAge(t *testing.T) {
	s, b := newStore(t, newCache(t)), browser{}
	s.BrowserSessionTTL = time.Minute
	s.MaxAge(0)
	b.visit(t, s, set("user", "alice"))
	kept := browser{name: b[name]}
	b.visit(t, s, end)
	assertFresh(t, kept, s)
}

func TestCookieIsNotTooOldWhileItsSessionLives(t *testing.T) {
	var old string
	synctest.Test(t, func(t *testing.T) { old = mustEncode(t, name, "id") }) // in the year 2000
	_, err := newStore(t, newCache(t)).New(browser{name: old}.request(), name)
	assert.NoError(t, err)
}

func TestHugeMaxAgeIsForEver(t *testing.T) {
	s, b := newStore(t, newCache(t)), browser{}
	b.visit(t, s, func(session *sessions.Session) {
		session.Values["user"] = "alice"
		session.Options.MaxAge = math.MaxInt
	})
	assertHas(t, b, s, "user", "alice")
}

func TestNegativeMaxAgeEndsTheSessionAndItsCookie(t *testing.T) {
	s, b := newStore(t, newCache(t)), browser{}
	b.visit(t, s, set("user", "alice"))
	kept := browser{name: b[name]} // who has a copy of the cookie

	cookies := b.visit(t, s, end)

	require.Len(t, cookies, 1)
	assert.Negative(t, cookies[0].MaxAge)
	assert.Empty(t, cookies[0].Value)
	assertFresh(t, kept, s)
}

// A negative TTL allows no browser sessions either.
func TestMaxAge0EndsTheSession(t *testing.T) {
	for what, ttl := range map[string]time.Duration{"no_TTL": 0, "negative_TTL": -1} {
		t.Run(what, func(t *testing.T) {
			s, b := newStore(t, newCache(t)), browser{}
			s.BrowserSessionTTL = ttl
			s.Options.Domain = "example.com"
			b.visit(t, s, set("user", "alice"))
			kept := browser{name: b[name]}

			cookies := b.visit(t, s, func(session *sessions.Session) {
				session.Options.MaxAge = 0
			})

			require.Len(t, cookies, 1)
			assert.Negative(t, cookies[0].MaxAge)
			assert.Empty(t, cookies[0].Value)
			assert.Equal(t, "example.com", cookies[0].Domain)
			assertFresh(t, b, s)
			assertFresh(t, kept, s)
		})
	}
}

// A message to the user who logged out must not log the user in again.
func TestEndEmptiesTheValues(t *testing.T) {
	for what, age := range map[string]int{"MaxAge_0": 0, "MaxAge_-1": -1} {
		t.Run(what, func(t *testing.T) {
			s, b := newStore(t, newCache(t)), browser{}
			b.visit(t, s, set("user", "alice"))

			r := b.request()
			session, _ := s.Get(r, name)
			values := session.Values // as a middleware may have kept it
			b.save(t, r, session, maxAge(age))
			assert.Empty(t, session.Values)
			assert.Empty(t, values)

			b.save(t, r, session, func(session *sessions.Session) {
				session.Options.MaxAge = 60
				session.Values["message"] = "bye"
			})
			assertHas(t, b, s, "message", "bye")
			assertHas(t, b, s, "user", nil)
		})
	}
}

func TestEndOfASessionWithoutValues(t *testing.T) {
	s, b := newStore(t, newCache(t)), browser{}
	cookies := b.visit(t, s, func(session *sessions.Session) {
		session.Values = nil
		session.Options.MaxAge = -1
	})
	assert.Len(t, cookies, 1)
}

func TestEndLeavesTheOptionsAsTheyWere(t *testing.T) {
	s, r := newStore(t, newCache(t)), browser{}.request()
	session, _ := s.Get(r, name)
	browser{}.save(t, r, session, func(session *sessions.Session) {
		session.Options.MaxAge = 0
	})
	assert.Zero(t, session.Options.MaxAge)
}

func TestEndOfANewSessionStoresNothing(t *testing.T) {
	c := newCache(t)
	browser{}.visit(t, newStore(t, c), end)
	assert.Zero(t, c.Len())
}

func TestSessionIsEndedWhateverItsIDFieldSays(t *testing.T) {
	s, b := newStore(t, newCache(t)), browser{}
	b.visit(t, s, set("user", "alice"))
	kept := browser{name: b[name]}
	b.visit(t, s, func(session *sessions.Session) { renew(session); end(session) })
	assertFresh(t, kept, s)
}

func TestSessionSavedAfterItsEndIsAnotherOne(t *testing.T) {
	s, b := newStore(t, newCache(t)), browser{}
	b.visit(t, s, set("user", "alice"))
	kept := browser{name: b[name]}

	r := b.request()
	session, _ := s.Get(r, name)
	b.save(t, r, session, end)
	b.save(t, r, session, func(session *sessions.Session) {
		session.Options.MaxAge = 60
		session.Values = map[any]any{"bye": true}
	})

	assertHas(t, b, s, "bye", true)
	assertFresh(t, kept, s)
}

func TestIDOfAnEndedSessionIsNotUsedAgain(t *testing.T) {
	s, b := newStore(t, newCache(t)), browser{}
	b.visit(t, s, set("user", "alice"))
	kept := browser{name: b[name]}
	b.visit(t, s, end)

	kept.visit(t, s, set("user", "bob"))

	assertHas(t, kept, s, "user", "bob")
	assert.NotEqual(t, b[name], kept[name])
}

func TestLateSaveDoesNotBringBackAnEndedSession(t *testing.T) {
	s, b := newStore(t, newCache(t)), browser{}
	b.visit(t, s, set("user", "alice"))
	late := browser{name: b[name]}
	r := late.request()
	session, _ := s.Get(r, name)
	b.visit(t, s, end)

	cookies := late.save(t, r, session, set("late", true))

	assert.Empty(t, cookies)
	assertFresh(t, late, s)
}

func TestLateSaveDoesNotBringBackAnExpiredSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := newStore(t, newCache(t)), browser{}
		s.MaxAge(60)
		b.visit(t, s, set("user", "alice"))
		r := b.request()
		session, _ := s.Get(r, name)
		time.Sleep(time.Minute)
		b.save(t, r, session, set("late", true))
		assertFresh(t, b, s)
	})
}

func TestLateRenewalDoesNotBringBackAnEndedSession(t *testing.T) {
	s, b := newStore(t, newCache(t)), browser{}
	b.visit(t, s, set("user", "alice"))
	late := browser{name: b[name]}
	r := late.request()
	session, _ := s.Get(r, name)
	b.visit(t, s, end)

	cookies := late.save(t, r, session, renew)

	assert.Empty(t, cookies)
	assertFresh(t, late, s)
}

func TestRenewalKeepsTheValuesUnderAnotherID(t *testing.T) {
	s, b := newStore(t, newCache(t)), browser{}
	b.visit(t, s, set("basket", "tea"))
	before := browser{name: b[name]}

	b.visit(t, s, func(session *sessions.Session) { renew(session); session.Values["user"] = "alice" })

	assertHas(t, b, s, "basket", "tea")
	assertHas(t, b, s, "user", "alice")
	assertFresh(t, before, s)
}

func TestRenewedSessionCanBeSavedOnInTheSameRequest(t *testing.T) {
	s, b := newStore(t, newCache(t)), browser{}
	b.visit(t, s, set("basket", "tea"))
	r := b.request()
	session, _ := s.Get(r, name)
	b.save(t, r, session, renew)
	b.save(t, r, session, set("user", "alice"))
	assertHas(t, b, s, "user", "alice")
}

func TestNewSessionCanBeSavedTwiceInARequest(t *testing.T) {
	s, b := newStore(t, newCache(t)), browser{}
	r := b.request()
	session, _ := s.Get(r, name)
	b.save(t, r, session, set("a", 1))
	id := session.ID
	b.save(t, r, session, set("b", 2))
	assert.Equal(t, id, session.ID)
	assertHas(t, b, s, "b", 2)
}

func TestIDThatTheApplicationChoseIsKept(t *testing.T) {
	s, b := newStore(t, newCache(t)), browser{}
	b.visit(t, s, func(session *sessions.Session) {
		session.ID = "chosen by the application"
		session.Values["user"] = "alice"
	})
	assertHas(t, b, s, "user", "alice")
}

func TestSessionMadeByHandIsStored(t *testing.T) {
	s, b := newStore(t, newCache(t)), browser{}
	session := sessions.NewSession(s, name)
	b.save(t, b.request(), session, func(session *sessions.Session) {
		session.Options.MaxAge = 60
		session.Values["user"] = "alice"
	})
	assertHas(t, b, s, "user", "alice")
}

func TestSessionsOfDifferentNamesAreApart(t *testing.T) {
	s, b := newStore(t, newCache(t)), browser{}
	r, w := b.request(), httptest.NewRecorder()
	one, _ := s.Get(r, "one")
	two, _ := s.Get(r, "two")
	one.Values["k"], two.Values["k"] = 1, 2
	require.NoError(t, sessions.Save(r, w))
	b.receive(w)

	r = b.request()
	one, _ = s.Get(r, "one")
	two, _ = s.Get(r, "two")
	assert.Equal(t, 1, one.Values["k"])
	assert.Equal(t, 2, two.Values["k"])
}

func TestStoresOfDifferentPrefixesAreApart(t *testing.T) {
	c, b := newCache(t), browser{}
	shop := newStore(t, c)
	blog, err := gorilla.NewStore(c, "blog", key)
	require.NoError(t, err)
	b.visit(t, shop, set("user", "alice"))
	assertFresh(t, b, blog)
}

func TestCacheHoldsNoID(t *testing.T) {
	c, b := newCache(t), browser{}
	s := newStore(t, c)
	b.visit(t, s, set("user", "alice"))
	session, _ := s.Get(b.request(), name)
	require.NotEmpty(t, session.ID)
	for key, record := range c.All() {
		assert.NotContains(t, key+string(record), session.ID)
	}
}

func TestSessionTooLargeForTheCacheIsAnError(t *testing.T) {
	s, r, w := newStore(t, newCache(t)), browser{}.request(), httptest.NewRecorder()
	session, _ := s.Get(r, name)
	session.Values["large"] = strings.Repeat("x", 1<<20)
	assert.ErrorIs(t, session.Save(r, w), cache.ErrTooLarge)
	assert.Empty(t, w.Result().Cookies())
	assert.Empty(t, session.ID)
}

func TestRenewalTooLargeKeepsTheSession(t *testing.T) {
	s, b := newStore(t, newCache(t)), browser{}
	b.visit(t, s, set("user", "alice"))
	r := b.request()
	session, _ := s.Get(r, name)
	renew(session)
	session.Values["large"] = strings.Repeat("x", 2<<20)
	assert.ErrorIs(t, session.Save(r, httptest.NewRecorder()), cache.ErrTooLarge)
	assertHas(t, b, s, "user", "alice")
}

// encodedLength is the length of values as the store encodes them.
func encodedLength(t *testing.T, values map[any]any) int {
	t.Helper()
	data, err := securecookie.GobEncoder{}.Serialize(values)
	require.NoError(t, err)
	return len(data)
}

func TestMaxLengthIsTheLongestSession(t *testing.T) {
	s, b := newStore(t, newCache(t)), browser{}
	s.MaxLength(encodedLength(t, map[any]any{"user": "alice"}))
	b.visit(t, s, set("user", "alice"))

	r, w := b.request(), httptest.NewRecorder()
	session, _ := s.Get(r, name)
	session.Values["user"] = "alice1"
	err := session.Save(r, w)

	assert.ErrorIs(t, err, gorilla.ErrTooLong)
	assert.NotContains(t, err.Error(), "alice")
	assert.Empty(t, w.Result().Cookies())
	assertHas(t, b, s, "user", "alice")
}

func TestMaxLengthRefusesARenewalAsAWhole(t *testing.T) {
	s, b := newStore(t, newCache(t)), browser{}
	b.visit(t, s, set("user", "alice"))
	s.MaxLength(1)

	r := b.request()
	session, _ := s.Get(r, name)
	renew(session)
	assert.ErrorIs(t, session.Save(r, httptest.NewRecorder()), gorilla.ErrTooLong)

	assert.Empty(t, session.ID)
	assertHas(t, b, s, "user", "alice")
}

func TestMaxLengthLimitsOnlyWhatIsSaved(t *testing.T) {
	s, b := newStore(t, newCache(t)), browser{}
	b.visit(t, s, set("user", "alice"))
	s.MaxLength(1)
	assertHas(t, b, s, "user", "alice")
	b.visit(t, s, end)
	assertFresh(t, b, s)
}

func TestMaxLengthIsUnlimitedUnlessSet(t *testing.T) {
	s, b := newStore(t, newCache(t)), browser{}
	large := strings.Repeat("x", 200_000)
	b.visit(t, s, set("large", large))
	assertHas(t, b, s, "large", large)
}

func TestClosedCacheIsHarmless(t *testing.T) {
	c, b := newCache(t), browser{}
	s := newStore(t, c)
	b.visit(t, s, set("user", "alice"))
	require.NoError(t, c.Close())

	assertFresh(t, b, s)
	r, w := b.request(), httptest.NewRecorder()
	session, _ := s.Get(r, name)
	assert.ErrorIs(t, session.Save(r, w), cache.ErrClosed)
	session.Options.MaxAge = -1
	assert.NoError(t, session.Save(r, w))
}
