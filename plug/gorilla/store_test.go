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

// browser is a client. It maps the names of its cookies to their values.
type browser map[string]string

// request returns a new request with the browser's cookies.
func (b browser) request() *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	for name, value := range b {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	return r
}

// receive stores the cookies of a response and returns them.
func (b browser) receive(w *httptest.ResponseRecorder) []*http.Cookie {
	cookies := w.Result().Cookies()
	for _, cookie := range cookies {
		if b[cookie.Name] = cookie.Value; cookie.MaxAge < 0 {
			delete(b, cookie.Name)
		}
	}
	return cookies
}

// visit makes one request, in which the handler reads the session, applies
// change and saves the session.
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

// values reads the session and returns its Values and its IsNew.
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

func TestSave_then_get(t *testing.T) {
	s, b := newStore(t, newCache(t)), browser{}
	b.visit(t, s, set("user", "alice"))
	assertHas(t, b, s, "user", "alice")
}

func TestNew_without_a_cookie(t *testing.T) {
	c := newCache(t)
	session, err := newStore(t, c).New(browser{}.request(), name)
	require.NoError(t, err)
	assert.True(t, session.IsNew)
	assert.Empty(t, session.ID)
	assert.Equal(t, name, session.Name())
	assert.Zero(t, c.Len())
}

func TestGet_returns_one_session_per_request(t *testing.T) {
	s, r := newStore(t, newCache(t)), browser{}.request()
	first, _ := s.Get(r, name)
	second, _ := s.Get(r, name)
	another, _ := s.New(r, name)
	assert.Same(t, first, second)
	assert.NotSame(t, first, another)
}

func TestOptions_have_gorillas_defaults(t *testing.T) {
	s, theirs := newStore(t, newCache(t)), sessions.NewFilesystemStore(t.TempDir(), key)
	assert.Equal(t, theirs.Options, s.Options)
}

func TestOptions_are_copied_to_each_session(t *testing.T) {
	s := newStore(t, newCache(t))
	s.Options.Domain = "example.com"
	s.MaxAge(60)
	session, _ := s.New(browser{}.request(), name)
	assert.Equal(t, 60, session.Options.MaxAge)
	assert.Equal(t, "example.com", session.Options.Domain)
	session.Options.Domain = "changed"
	assert.Equal(t, "example.com", s.Options.Domain)
}

func TestID_has_256_random_bits(t *testing.T) {
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

func TestNew_of_forged_cookies(t *testing.T) {
	s, b := newStore(t, newCache(t)), browser{}
	b.visit(t, s, set("user", "alice"))
	for what, value := range map[string]string{
		"not signed":                "chosen-by-the-client",
		"signed with another key":   cookieValue(t, otherKey, name, "chosen-by-the-client"),
		"of another session's name": cookieValue(t, key, "another", "id"),
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

// cookieValue returns the value of a cookie with id that key signed.
func cookieValue(t *testing.T, key []byte, name, id string) string {
	t.Helper()
	value, err := securecookie.EncodeMulti(name, id, securecookie.New(key, nil))
	require.NoError(t, err)
	return value
}

func TestSave_despite_a_forged_cookie(t *testing.T) {
	s, b := newStore(t, newCache(t)), browser{name: "forged"}
	r := b.request()
	session, err := s.Get(r, name)
	require.Error(t, err)
	b.save(t, r, session, set("user", "alice"))
	assertHas(t, b, s, "user", "alice")
}

func TestKeys_encrypt_the_ID(t *testing.T) {
	c := newCache(t)
	s, b := newStore(t, c, key, bytes.Repeat([]byte("e"), 32)), browser{}
	b.visit(t, s, set("user", "alice"))
	assertHas(t, b, s, "user", "alice")
	var id string
	assert.Error(t, securecookie.DecodeMulti(name, b[name], &id, securecookie.New(key, nil)))
}

func TestKeys_rotate(t *testing.T) {
	c, b := newCache(t), browser{}
	old, both, fresh := newStore(t, c, key), newStore(t, c, otherKey, nil, key), newStore(t, c, otherKey)
	b.visit(t, old, set("user", "alice"))

	b.visit(t, both, set("seen", true)) // reads with key, writes with otherKey

	assertHas(t, b, fresh, "user", "alice")
	_, err := old.New(b.request(), name)
	assert.Error(t, err)
}

func TestKeys_that_are_unusable(t *testing.T) {
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
			if len(keys) > 0 {
				assert.ErrorContains(t, err, "16, 24 or 32 bytes")
			}
		})
	}
}

func TestNewStore_panics_without_a_cache(t *testing.T) {
	assert.Panics(t, func() { gorilla.NewStore(nil, "shop", key) })
}

// basket is a type that an application registers for its sessions.
type basket struct{ Items []string }

func init() { gob.Register(basket{}) }

func TestSave_of_types_registered_with_gob(t *testing.T) {
	s, b := newStore(t, newCache(t)), browser{}
	b.visit(t, s, set(7, basket{[]string{"tea"}}))
	assertHas(t, b, s, 7, basket{[]string{"tea"}})
}

func TestSave_encodes_as_securecookie(t *testing.T) {
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

func TestSerializer_of_the_application(t *testing.T) {
	c, b := newCache(t), browser{}
	s := newStore(t, c)
	s.Serializer = jsonSerializer{}
	b.visit(t, s, set("user", "alice"))
	assertHas(t, b, s, "user", "alice")
	for _, record := range c.All() {
		assert.Contains(t, string(record), `{"user":"alice"}`)
	}
}

func TestNew_of_values_that_cannot_be_decoded(t *testing.T) {
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

func TestSave_of_values_that_cannot_be_encoded(t *testing.T) {
	c := newCache(t)
	s, r, w := newStore(t, c), browser{}.request(), httptest.NewRecorder()
	session, _ := s.Get(r, name)
	session.Values["f"] = func() {}
	assert.Error(t, session.Save(r, w))
	assert.Empty(t, w.Result().Cookies())
	assert.Zero(t, c.Len())
}

func TestMaxAge_is_the_TTL(t *testing.T) {
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

func TestMaxAge_restarts_at_each_save(t *testing.T) {
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

func TestBrowserSessionTTL_allows_MaxAge_0(t *testing.T) {
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

func TestBrowserSessionTTL_and_a_negative_MaxAge(t *testing.T) {
	s, b := newStore(t, newCache(t)), browser{}
	s.BrowserSessionTTL = time.Minute
	s.MaxAge(0)
	b.visit(t, s, set("user", "alice"))
	kept := browser{name: b[name]}
	b.visit(t, s, end)
	assertFresh(t, kept, s)
}

func TestNew_of_an_old_cookie(t *testing.T) {
	var old string
	synctest.Test(t, func(t *testing.T) {
		old = cookieValue(t, key, name, "id") // in the year 2000
	})
	_, err := newStore(t, newCache(t)).New(browser{name: old}.request(), name)
	assert.NoError(t, err)
}

func TestMaxAge_that_is_huge(t *testing.T) {
	s, b := newStore(t, newCache(t)), browser{}
	b.visit(t, s, func(session *sessions.Session) {
		session.Values["user"] = "alice"
		session.Options.MaxAge = math.MaxInt
	})
	assertHas(t, b, s, "user", "alice")
}

func TestEnd_at_a_negative_MaxAge(t *testing.T) {
	s, b := newStore(t, newCache(t)), browser{}
	b.visit(t, s, set("user", "alice"))
	kept := browser{name: b[name]} // a browser with a copy of the cookie

	cookies := b.visit(t, s, end)

	require.Len(t, cookies, 1)
	assert.Negative(t, cookies[0].MaxAge)
	assert.Empty(t, cookies[0].Value)
	assertFresh(t, kept, s)
}

// A negative BrowserSessionTTL allows no browser sessions, as 0 does.
func TestEnd_at_MaxAge_0(t *testing.T) {
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
func TestEnd_empties_the_values(t *testing.T) {
	for what, age := range map[string]int{"MaxAge_0": 0, "MaxAge_-1": -1} {
		t.Run(what, func(t *testing.T) {
			s, b := newStore(t, newCache(t)), browser{}
			b.visit(t, s, set("user", "alice"))

			r := b.request()
			session, _ := s.Get(r, name)
			values := session.Values // a middleware may hold this map
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

func TestEnd_without_values(t *testing.T) {
	s, b := newStore(t, newCache(t)), browser{}
	cookies := b.visit(t, s, func(session *sessions.Session) {
		session.Values = nil
		session.Options.MaxAge = -1
	})
	assert.Len(t, cookies, 1)
}

func TestEnd_keeps_the_options(t *testing.T) {
	s, r := newStore(t, newCache(t)), browser{}.request()
	session, _ := s.Get(r, name)
	browser{}.save(t, r, session, func(session *sessions.Session) {
		session.Options.MaxAge = 0
	})
	assert.Zero(t, session.Options.MaxAge)
}

func TestEnd_of_a_new_session(t *testing.T) {
	c := newCache(t)
	browser{}.visit(t, newStore(t, c), end)
	assert.Zero(t, c.Len())
}

func TestEnd_with_an_empty_ID(t *testing.T) {
	s, b := newStore(t, newCache(t)), browser{}
	b.visit(t, s, set("user", "alice"))
	kept := browser{name: b[name]}
	b.visit(t, s, func(session *sessions.Session) { renew(session); end(session) })
	assertFresh(t, kept, s)
}

func TestEnd_then_save(t *testing.T) {
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

func TestEnd_retires_the_ID(t *testing.T) {
	s, b := newStore(t, newCache(t)), browser{}
	b.visit(t, s, set("user", "alice"))
	kept := browser{name: b[name]}
	b.visit(t, s, end)

	kept.visit(t, s, set("user", "bob"))

	assertHas(t, kept, s, "user", "bob")
	assert.NotEqual(t, b[name], kept[name])
}

func TestLateSave_of_an_ended_session(t *testing.T) {
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

func TestLateSave_of_an_expired_session(t *testing.T) {
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

func TestLateSave_that_renews_an_ended_session(t *testing.T) {
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

func TestRenewal_keeps_the_values(t *testing.T) {
	s, b := newStore(t, newCache(t)), browser{}
	b.visit(t, s, set("basket", "tea"))
	before := browser{name: b[name]}

	b.visit(t, s, func(session *sessions.Session) { renew(session); session.Values["user"] = "alice" })

	assertHas(t, b, s, "basket", "tea")
	assertHas(t, b, s, "user", "alice")
	assertFresh(t, before, s)
}

func TestRenewal_then_save_in_one_request(t *testing.T) {
	s, b := newStore(t, newCache(t)), browser{}
	b.visit(t, s, set("basket", "tea"))
	r := b.request()
	session, _ := s.Get(r, name)
	b.save(t, r, session, renew)
	b.save(t, r, session, set("user", "alice"))
	assertHas(t, b, s, "user", "alice")
}

func TestSave_twice_in_one_request(t *testing.T) {
	s, b := newStore(t, newCache(t)), browser{}
	r := b.request()
	session, _ := s.Get(r, name)
	b.save(t, r, session, set("a", 1))
	id := session.ID
	b.save(t, r, session, set("b", 2))
	assert.Equal(t, id, session.ID)
	assertHas(t, b, s, "b", 2)
}

func TestSave_under_an_ID_of_the_application(t *testing.T) {
	s, b := newStore(t, newCache(t)), browser{}
	b.visit(t, s, func(session *sessions.Session) {
		session.ID = "chosen by the application"
		session.Values["user"] = "alice"
	})
	assertHas(t, b, s, "user", "alice")
}

func TestSave_of_a_session_made_by_hand(t *testing.T) {
	s, b := newStore(t, newCache(t)), browser{}
	session := sessions.NewSession(s, name)
	b.save(t, b.request(), session, func(session *sessions.Session) {
		session.Options.MaxAge = 60
		session.Values["user"] = "alice"
	})
	assertHas(t, b, s, "user", "alice")
}

func TestGet_of_two_names(t *testing.T) {
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

func TestNewStore_with_another_prefix(t *testing.T) {
	c, b := newCache(t), browser{}
	shop := newStore(t, c)
	blog, err := gorilla.NewStore(c, "blog", key)
	require.NoError(t, err)
	b.visit(t, shop, set("user", "alice"))
	assertFresh(t, b, blog)
}

func TestID_is_not_in_the_cache(t *testing.T) {
	c, b := newCache(t), browser{}
	s := newStore(t, c)
	b.visit(t, s, set("user", "alice"))
	session, _ := s.Get(b.request(), name)
	require.NotEmpty(t, session.ID)
	for key, record := range c.All() {
		assert.NotContains(t, key+string(record), session.ID)
	}
}

func TestSave_too_large_for_the_cache(t *testing.T) {
	s, r, w := newStore(t, newCache(t)), browser{}.request(), httptest.NewRecorder()
	session, _ := s.Get(r, name)
	session.Values["large"] = strings.Repeat("x", 1<<20)
	assert.ErrorIs(t, session.Save(r, w), cache.ErrTooLarge)
	assert.Empty(t, w.Result().Cookies())
	assert.Empty(t, session.ID)
}

func TestRenewal_too_large_for_the_cache(t *testing.T) {
	s, b := newStore(t, newCache(t)), browser{}
	b.visit(t, s, set("user", "alice"))
	r := b.request()
	session, _ := s.Get(r, name)
	renew(session)
	session.Values["large"] = strings.Repeat("x", 2<<20)
	assert.ErrorIs(t, session.Save(r, httptest.NewRecorder()), cache.ErrTooLarge)
	assertHas(t, b, s, "user", "alice")
}

// encodedLength returns the length of values as the store encodes them.
func encodedLength(t *testing.T, values map[any]any) int {
	t.Helper()
	data, err := securecookie.GobEncoder{}.Serialize(values)
	require.NoError(t, err)
	return len(data)
}

func TestMaxLength_is_the_longest_session(t *testing.T) {
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

func TestMaxLength_refuses_a_renewal(t *testing.T) {
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

func TestMaxLength_limits_saves_only(t *testing.T) {
	s, b := newStore(t, newCache(t)), browser{}
	b.visit(t, s, set("user", "alice"))
	s.MaxLength(1)
	assertHas(t, b, s, "user", "alice")
	b.visit(t, s, end)
	assertFresh(t, b, s)
}

func TestMaxLength_default(t *testing.T) {
	s, b := newStore(t, newCache(t)), browser{}
	large := strings.Repeat("x", 200_000)
	b.visit(t, s, set("large", large))
	assertHas(t, b, s, "large", large)
}

func TestStore_on_a_closed_cache(t *testing.T) {
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
