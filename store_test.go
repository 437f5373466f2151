package holdfast_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
)

// Requests fail while the store is away. Afterwards the session is still there.
// A client may try again if the store cannot be reached.
func TestStoreAway_for_a_while(t *testing.T) {
	for name, test := range map[string]struct {
		err        error
		code       int
		retryAfter string
	}{
		"ErrUnavailable": {errAway, http.StatusServiceUnavailable, "1"},
		"another error":  {errBroken, http.StatusInternalServerError, ""},
	} {
		t.Run(name, func(t *testing.T) {
			store := newAway(t)
			store.err = test.err
			client := direct(t, holdfast.Options{Store: store}, pages{"/": count, "/views": views})
			client.visit("/")

			store.away.Store(true)
			for _, path := range []string{"/", "/views"} {
				response := client.show(path)
				assert.Equal(t, test.code, response.Code, path)
				assert.Equal(t, http.StatusText(test.code)+"\n", response.Body.String(), path)
				assert.Equal(t, test.retryAfter, response.Header().Get("Retry-After"), path)
				assert.Empty(t, response.Result().Cookies(), path)
			}
			store.away.Store(false)

			assert.Equal(t, "2", client.visit("/"))
		})
	}
}

// The ErrorHandler receives the error of the store.
func TestErrorHandler_writes_the_response(t *testing.T) {
	c := newCache(t)
	site := serve(t, holdfast.Options{Cache: c, ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
		http.Error(w, fmt.Sprint(errors.Is(err, cache.ErrClosed)), http.StatusServiceUnavailable)
	}}, pages{"/": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		s.Set("a", 1)
		_, err := w.Write([]byte("all is well"))
		assert.ErrorIs(t, err, cache.ErrClosed)
	}})
	c.Close()

	failed := site.browser().visit("/")

	assert.Equal(t, http.StatusServiceUnavailable, failed.StatusCode)
	assert.Equal(t, "true\n", failed.text)
	assert.Nil(t, failed.cookie())
}

// A handler that saw a stranger in place of its user would act on that.
func TestStoreAway_handler_does_not_run(t *testing.T) {
	store := newAway(t)
	ran := 0
	client := direct(t, holdfast.Options{Store: store}, pages{"/": count,
		"/act": func(http.ResponseWriter, *http.Request, *holdfast.Session) { ran++ }})
	client.visit("/")
	client.visit("/act")
	assert.Equal(t, 1, ran, "control: it runs while the store is there")

	store.away.Store(true)
	response := client.show("/act")

	assert.Equal(t, 1, ran)
	assert.Equal(t, http.StatusServiceUnavailable, response.Code)
	assert.Empty(t, response.Result().Cookies())
	assert.Equal(t, "Cookie", response.Header().Get("Vary"))
}

// A request without a well-formed ID needs no store.
func TestStoreAway_visitor_without_an_ID(t *testing.T) {
	store := newAway(t)
	store.away.Store(true)
	client := direct(t, holdfast.Options{Store: store}, pages{"/": nothing})
	assert.Equal(t, http.StatusOK, client.show("/").Code)
	client.cookie = &http.Cookie{Name: "session", Value: "no ID"}
	assert.Equal(t, http.StatusOK, client.show("/").Code)
	client.cookie = &http.Cookie{Name: "session", Value: strings.Repeat("A", 43)}
	assert.Equal(t, http.StatusServiceUnavailable, client.show("/").Code)
}

// A damaged record is found only when the handler uses the session.
func TestDamagedRecord_Err(t *testing.T) {
	c := newCache(t)
	var readErr, saveErr error
	client := direct(t, holdfast.Options{Cache: c}, pages{"/": count,
		"/err": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.Keys()
			readErr, saveErr = s.Err(), s.Save()
		}})
	client.visit("/")
	damage(t, c, time.Hour)
	assert.Equal(t, http.StatusInternalServerError, client.show("/err").Code)
	assert.ErrorIs(t, readErr, holdfast.ErrRecord)
	assert.ErrorIs(t, saveErr, holdfast.ErrRecord)
}

// damage makes all records unreadable and gives them a TTL.
func damage(t *testing.T, c *cache.Cache, ttl time.Duration) {
	t.Helper()
	for id := range c.All() {
		require.NoError(t, c.Set(id, []byte("not a record"), ttl))
	}
}

// Login, a handler or the ErrorHandler can drop a damaged record.
func TestDamagedRecord_dropped(t *testing.T) {
	destroyIfDamaged := func(s *holdfast.Session) {
		if errors.Is(s.Err(), holdfast.ErrRecord) {
			s.Destroy()
		}
	}
	for name, test := range map[string]struct {
		options holdfast.Options
		page    func(t *testing.T, s *holdfast.Session)
		code    int
	}{
		"by Login": {page: func(t *testing.T, s *holdfast.Session) { assert.NoError(t, s.Login("ada")) }, code: http.StatusOK},
		"by a handler": {page: func(t *testing.T, s *holdfast.Session) {
			s.Keys()
			destroyIfDamaged(s)
		}, code: http.StatusOK},
		"by the ErrorHandler": {holdfast.Options{ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			s, _ := holdfast.FromContext(r.Context())
			destroyIfDamaged(s)
			w.WriteHeader(http.StatusServiceUnavailable)
		}}, func(t *testing.T, s *holdfast.Session) { s.Keys() }, http.StatusServiceUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCache(t)
			test.options.Cache = c
			client := direct(t, test.options, pages{"/": count,
				"/drop": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { test.page(t, s) }})
			client.visit("/")
			old := client.twin()
			damage(t, c, time.Hour)
			if test.options.ErrorHandler == nil {
				require.Equal(t, http.StatusInternalServerError, old.show("/").Code, "the record stays damaged")
			}

			assert.Equal(t, test.code, client.show("/drop").Code)

			assert.Equal(t, http.StatusOK, client.show("/").Code)
			assert.Equal(t, "1", old.visit("/"), "the old ID has no session")
		})
	}
}

func TestStoreAway_Save(t *testing.T) {
	store := newAway(t)
	client := direct(t, holdfast.Options{Store: store}, pages{"/": count, "/views": views,
		"/save": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.Set("views", 5)
			store.away.Store(true)
			assert.ErrorIs(t, s.Save(), errAway)
			store.away.Store(false)
			assert.NoError(t, s.Save())
		}})
	client.visit("/")
	client.visit("/save")
	assert.Equal(t, "5 true", client.visit("/views"))
}

func TestStoreAway_Reload(t *testing.T) {
	store := newAway(t)
	client := direct(t, holdfast.Options{Store: store}, pages{"/": count,
		"/reload": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
			s.Keys()
			store.away.Store(true)
			assert.ErrorIs(t, s.Reload(), errAway)
			assert.ErrorIs(t, s.Err(), errAway)
			store.away.Store(false)
			assert.NoError(t, s.Reload())
			assert.NoError(t, s.Err())
			views(w, r, s)
		}})
	client.visit("/")
	assert.Equal(t, "1 true", client.visit("/reload"))
}

func TestDamagedRecord_Reload(t *testing.T) {
	c := newCache(t)
	client := direct(t, holdfast.Options{Cache: c}, pages{"/": count,
		"/reload": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
			var key, sound string
			for k, v := range c.All() {
				key, sound = k, string(v)
			}
			damage(t, c, time.Hour)
			s.Keys()
			assert.ErrorIs(t, s.Reload(), holdfast.ErrRecord)
			c.Set(key, []byte(sound), time.Hour)
			assert.NoError(t, s.Reload())
			assert.NoError(t, s.Err())
			views(w, r, s)
		},
		"/deleted": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
			damage(t, c, time.Hour)
			s.Keys()
			for key := range c.All() {
				c.Delete(key)
			}
			assert.NoError(t, s.Reload())
			count(w, r, s)
		}})
	client.visit("/")
	assert.Equal(t, "1 true", client.visit("/reload"))
	old := client.cookie.Value
	assert.Equal(t, "1", client.visit("/deleted"))
	assert.NotEqual(t, old, client.cookie.Value, "an ID without a session is not adopted")
}

func TestStoreAway_Destroy(t *testing.T) {
	store := newAway(t)
	errs := make(chan error, 1)
	client := direct(t, holdfast.Options{Store: store}, pages{"/": count,
		"/destroy": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			store.away.Store(true)
			errs <- s.Destroy()
		}})
	client.visit("/")
	client.visit("/destroy")
	assert.ErrorIs(t, <-errs, errAway)
}

// A failed Touch does not end a stream. The next Touch may succeed.
func TestStoreAway_Touch(t *testing.T) {
	store := newAway(t)
	client := direct(t, holdfast.Options{Store: store}, pages{"/": count,
		"/touch": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.IsNew()
			store.away.Store(true)
			assert.ErrorIs(t, s.Touch(), errAway)
			store.away.Store(false)
			assert.NoError(t, s.Touch())
		}})
	client.visit("/")
	client.visit("/touch")
}

// The response fails, and the session stays as it was.
func TestCommit_value_too_large(t *testing.T) {
	var handled error
	client := direct(t, holdfast.Options{ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
		handled = err
		w.WriteHeader(http.StatusInternalServerError)
	}}, pages{"/": count, "/views": views, "/large": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		s.Set("views", 100)
		s.Set("large", make([]byte, 2<<20))
	}})
	client.visit("/")
	assert.Equal(t, http.StatusInternalServerError, client.show("/large").Code)
	assert.ErrorIs(t, handled, cache.ErrTooLarge)
	assert.Equal(t, "1 true", client.visit("/views"))
	assert.Equal(t, http.StatusInternalServerError, client.anonymous().show("/large").Code)
}

func TestSmallestCache_keeps_the_latest_session(t *testing.T) {
	c := newCacheOf(t, 4<<10)
	client := direct(t, holdfast.Options{Cache: c}, pages{"/": count})
	for range 100 {
		latest := client.anonymous()
		require.Equal(t, "1", latest.visit("/"))
		require.Equal(t, "2", latest.visit("/"))
	}
	assert.LessOrEqual(t, c.Stats().Bytes.Total(), int64(4<<10))
}

// A flood does not exceed the cap, and does not evict a user who came back.
func TestFlood_cap_and_returning_user(t *testing.T) {
	const maxBytes = 2 << 20
	c := newCacheOf(t, maxBytes)
	client := direct(t, holdfast.Options{Cache: c}, pages{"/": count})
	client.visit("/")
	client.visit("/")
	for range 50_000 {
		client.anonymous().visit("/")
	}
	assert.Positive(t, c.Stats().EvictedForCapacity)
	assert.LessOrEqual(t, c.Stats().Bytes.Total(), int64(maxBytes))
	assert.Equal(t, "3", client.visit("/"))
}

// A visitor whose one page writes several times is no user who came back.
// A user who has just logged in counts as one who came back.
func TestFlood_new_login(t *testing.T) {
	for name, begin := range map[string]string{"new session": "", "known session": "/"} {
		t.Run(name, func(t *testing.T) {
			_, client := userSite(t, holdfast.Options{Cache: newCacheOf(t, 256<<10)}, nil)
			if begin != "" {
				client.visit(begin)
			}
			client.visit("/login?user=ada")
			for range 5000 {
				client.anonymous().visit("/")
			}
			assert.Equal(t, "ada", client.visit("/who"))
		})
	}
}

func TestFlood_double_writes(t *testing.T) {
	twice := map[string]func(s *holdfast.Session){
		"Update, then Set":     func(s *holdfast.Session) { increment(s); s.Set("seen", true) },
		"Update, then Update":  func(s *holdfast.Session) { increment(s); increment(s) },
		"Update, then Pop":     func(s *holdfast.Session) { increment(s); s.Set("a", 1); holdfast.Pop[int](s, "a") },
		"Set, Save, then read": func(s *holdfast.Session) { s.Set("a", 1); s.Save(); holdfast.Get[int](s, "a") },
	}
	for name, write := range twice {
		t.Run(name, func(t *testing.T) {
			const users = 50
			c := newCacheOf(t, 512<<10)
			site := direct(t, holdfast.Options{Cache: c}, pages{"/views": views,
				"/": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { write(s) }})
			clients := make([]*directClient, users)
			for i := range clients {
				clients[i] = site.anonymous()
				clients[i].visit("/")
				clients[i].visit("/views")
			}

			for range 10_000 {
				site.anonymous().visit("/")
			}

			require.Positive(t, c.Stats().EvictedForCapacity)
			for _, client := range clients {
				before := client.cookie
				client.visit("/")
				assert.Same(t, before, client.cookie, "the user keeps their session")
			}
		})
	}
}

func TestDamagedRecord_fails_the_response(t *testing.T) {
	c := newCache(t)
	client := direct(t, holdfast.Options{Cache: c}, pages{"/": count})
	client.visit("/")
	damage(t, c, time.Hour)
	assert.Equal(t, http.StatusInternalServerError, client.show("/").Code)
}

// Requests do not extend a damaged record.
func TestDamagedRecord_expires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(t)
		client := direct(t, holdfast.Options{Cache: c}, pages{"/": count})
		client.visit("/")
		damage(t, c, 10*time.Minute)
		time.Sleep(10*time.Minute - 1)
		require.Equal(t, http.StatusInternalServerError, client.show("/").Code)
		time.Sleep(time.Nanosecond)
		assert.Equal(t, http.StatusOK, client.show("/").Code)
	})
}

// The changes are stored, and Regenerate moves the session.
func TestUpdateCalledTwice(t *testing.T) {
	for name, act := range map[string]func(s *holdfast.Session) error{
		"Save":       (*holdfast.Session).Save,
		"Regenerate": (*holdfast.Session).Regenerate,
	} {
		t.Run(name, func(t *testing.T) {
			c := newCache(t)
			client := direct(t, holdfast.Options{Store: &twice{Store: holdfast.InCache(c)}, NewID: ownID}, pages{"/": count, "/views": views,
				"/act": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
					s.Set("views", 5)
					assert.NoError(t, act(s))
				}})
			client.visit("/")
			client.visit("/act")
			assert.Equal(t, "5 true", client.visit("/views"))
			assert.Equal(t, 1, sessionsIn(c))
		})
	}
}

// A session destroyed between the two calls stays destroyed.
func TestUpdateCalledTwice_and_Destroy(t *testing.T) {
	for name, act := range map[string]func(s *holdfast.Session) error{
		"Save":       (*holdfast.Session).Save,
		"Regenerate": (*holdfast.Session).Regenerate,
	} {
		t.Run(name, func(t *testing.T) {
			c := newCache(t)
			store := &twice{Store: holdfast.InCache(c)}
			client := direct(t, holdfast.Options{Store: store, NewID: ownID}, pages{"/": count, "/destroy": destroy,
				"/act": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
					s.Set("views", 5)
					assert.ErrorIs(t, act(s), holdfast.ErrEnded)
				}})
			client.visit("/")
			store.between = func() { client.twin().visit("/destroy") }
			response := client.show("/act")
			assert.Empty(t, response.Result().Cookies())
			assert.Zero(t, c.Len())
		})
	}
}

func ownID(*http.Request) (string, error) { return rand.Text() + rand.Text(), nil }

// A store gives up when the client has disconnected. The log has no error for
// it.
func TestLog_client_disconnected(t *testing.T) {
	for name, disconnected := range map[string]bool{"disconnected": true, "connected": false} {
		t.Run(name, func(t *testing.T) {
			var log strings.Builder
			givesUp := &hooked{newStore(t), func(c call, _ func() error) error { return cmp.Or(c.ctx.Err(), errAway) }}
			manager, _ := manage(t, holdfast.Options{Store: givesUp, Logger: slog.New(slog.NewTextHandler(&log, nil))})
			handler := manager.Handler(pages{"/": count}.handler())
			r := withCookie("/", strings.Repeat("A", 43))
			ctx, cancel := context.WithCancel(r.Context())
			if disconnected {
				cancel()
			}
			defer cancel()
			record(handler, r.WithContext(ctx))
			assert.Equal(t, !disconnected, strings.Contains(log.String(), "level=ERROR"), log.String())
		})
	}
}

// indexed is a store that finds a user's sessions by an index of their tags.
type indexed struct {
	hooked
	mu    sync.Mutex
	byTag map[string]map[string]bool // IDs
	asked int                        // scans that the index answered
}

func newIndexed(t testing.TB) *indexed {
	s := &indexed{byTag: map[string]map[string]bool{}}
	s.hooked = hooked{newStore(t), func(_ call, carryOut func() error) error { return carryOut() }}
	return s
}

// note adds an entry to the index. The index is a superset, as in a database
// whose index and entries do not change together.
func (s *indexed) note(id string, value []byte) {
	if tag, ok := holdfast.UserTag(value); ok {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.byTag[string(tag)] == nil {
			s.byTag[string(tag)] = map[string]bool{}
		}
		s.byTag[string(tag)][id] = true
	}
}

func (s *indexed) Set(ctx context.Context, id string, value []byte, ttl time.Duration) error {
	s.note(id, value)
	return s.Store.Set(ctx, id, value, ttl)
}

func (s *indexed) Update(ctx context.Context, id string, fn func([]byte, bool) (cache.Change, error)) error {
	return s.Store.Update(ctx, id, func(old []byte, found bool) (cache.Change, error) {
		change, err := fn(old, found)
		if value, _, stores := change.Stores(); stores {
			s.note(id, value)
		}
		return change, err
	})
}

func (s *indexed) ScanValues(ctx context.Context, prefix []byte) iter.Seq2[cache.Entry, error] {
	const tagLen = 9
	if len(prefix) != tagLen {
		return s.Store.ScanValues(ctx, prefix)
	}
	return func(yield func(cache.Entry, error) bool) {
		s.asked++
		for entry, err := range s.Store.ScanValues(ctx, nil) {
			if err != nil || s.byTag[string(prefix)][entry.ID] && bytes.HasPrefix(entry.Value, prefix) {
				if !yield(entry, err) {
					return
				}
			}
		}
	}
}

// zeroTag is a user whose hash begins with zeros, as the tag of a visitor is.
const zeroTag = "user-2532539"

func TestUserTag_as_an_index(t *testing.T) {
	for _, user := range []string{"ada", zeroTag} {
		t.Run(user, func(t *testing.T) {
			store := newIndexed(t)
			manager, client := userSite(t, holdfast.Options{Store: store}, nil)
			users := func() (n int) {
				infos, err := manager.Sessions(t.Context(), user)
				require.NoError(t, err)
				return len(infos)
			}
			first, second, third := client.anonymous(), client.anonymous(), client.anonymous()
			client.visit("/")
			client.anonymous().visit("/login?user=bob")
			assert.Zero(t, users())
			first.visit("/login?user=" + user)
			second.visit("/")
			second.visit("/login?user=" + user)
			third.visit("/login?user=bob")
			third.visit("/login?user=" + user)
			assert.Equal(t, 3, users())
			first.visit("/regenerate")
			second.visit("/")
			assert.Equal(t, 3, users())
			third.visit("/login?user=bob")
			assert.Equal(t, 2, users())
			second.visit("/destroy")
			assert.Equal(t, 1, users())

			n, err := manager.EndUser(t.Context(), user)
			require.NoError(t, err)
			assert.Equal(t, 1, n)
			assert.Zero(t, users())
			assert.Empty(t, first.visit("/who"))
			assert.Equal(t, "bob", third.visit("/who"))
			assert.Positive(t, store.asked)
			all, err := manager.Len(t.Context())
			require.NoError(t, err)
			assert.Equal(t, 3, all, "a visitor and two sessions of bob")
		})
	}
}

// The tag of a record is the prefix with which Sessions scans for its user.
func TestUserTag_is_the_prefix_of_a_scan(t *testing.T) {
	for _, user := range []string{"ada", "bob", zeroTag} {
		c := newCache(t)
		store := &matcher{Store: holdfast.InCache(c)}
		manager, client := userSite(t, holdfast.Options{Store: store}, nil)
		client.visit("/login?user=" + user)
		_, err := manager.Sessions(t.Context(), user)
		require.NoError(t, err)
		_, err = manager.Len(t.Context())
		require.NoError(t, err)
		for _, value := range c.All() {
			tag, ok := holdfast.UserTag(value)
			assert.True(t, ok, user)
			assert.Equal(t, store.prefixes[0], tag, user)
			assert.Len(t, tag, 9)
			assert.Equal(t, len(tag), cap(tag), "to append to a tag changes no record")
		}
		assert.Less(t, len(store.prefixes[1]), 9, "the prefix of all sessions")
	}
}

// Everything else in a store has no user.
func TestUserTag_of_no_session_with_a_user(t *testing.T) {
	c := newCache(t)
	manager, client := userSite(t, holdfast.Options{Cache: c}, nil)
	without := func(name string) {
		assert.Positive(t, c.Len(), name)
		for id, value := range c.All() {
			tag, ok := holdfast.UserTag(value)
			assert.False(t, ok, name)
			assert.Empty(t, tag, name)
			c.Delete(id)
		}
	}
	client.visit("/")
	without("a visitor")
	client.visit("/")
	old := client.cookie.Value
	client.visit("/regenerate")
	client.visitWith("session="+client.cookie.Value, "/destroy")
	require.NotEqual(t, old, client.cookie.Value)
	without("a tombstone")
	_, err := manager.EndUser(t.Context(), "ada")
	require.NoError(t, err)
	without("a revocation")

	client.anonymous().visit("/login?user=ada")
	for _, value := range c.All() {
		_, ok := holdfast.UserTag(value)
		require.True(t, ok)
		tag, ok := holdfast.UserTag(value[:9])
		assert.True(t, ok, "a whole tag is its own")
		assert.Equal(t, value[:9], tag)
		_, ok = holdfast.UserTag(value[:8])
		assert.False(t, ok, "too short")
		_, ok = holdfast.UserTag(append([]byte{value[0] + 1}, value[1:]...))
		assert.False(t, ok, "another version")
	}
	for _, foreign := range []string{"", "\x01", "r", "e", strings.Repeat("\xff", 100), "{\"user\":\"ada\"}", strings.Repeat("s", 1000)} {
		_, ok := holdfast.UserTag([]byte(foreign))
		assert.False(t, ok, "%q", foreign)
	}
}
