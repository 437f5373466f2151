package holdfast_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/codec"
)

// Regenerate keeps the values under a new ID. The old ID has no session.
func TestRegenerate(t *testing.T) {
	for name, c := range map[string]codec.Codec{"MsgPack": codec.MsgPack{}, "JSON": codec.JSON{}, "Sealed": sealed(t, firstKey)} {
		t.Run(name, func(t *testing.T) {
			site := serve(t, holdfast.Options{Codec: c}, pages{"/": count, "/views": views,
				"/login": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
					s.Set("user", "ada")
					before := s.ID()
					if err := s.Regenerate(); err != nil {
						http.Error(w, err.Error(), http.StatusInternalServerError)
						return
					}
					user, _ := holdfast.Get[string](s, "user")
					fmt.Fprint(w, user, " ", s.ID() != before)
				}})
			ada := site.browser()
			old := ada.visit("/").cookie()

			assert.Equal(t, "ada true", ada.visit("/login").text)

			assert.Equal(t, "2", ada.visit("/").text)
			assert.Equal(t, "0 false", site.with(old.String(), "/views").text)
			assert.Equal(t, 1, sessionsIn(site.cache))
		})
	}
}

func TestRegenerate_new_session(t *testing.T) {
	client := direct(t, holdfast.Options{}, pages{"/": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
		s.Set("a", 1)
		before := s.ID()
		s.Regenerate()
		fmt.Fprint(w, s.ID() != before, s.Keys())
	}, "/keys": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) { fmt.Fprint(w, s.Keys()) }})
	assert.Equal(t, "true [a]", client.visit("/"))
	assert.Equal(t, "[a]", client.visit("/keys"))
}

// The session stays as it was.
func TestRegenerate_NewID_fails(t *testing.T) {
	fails := false
	client := direct(t, holdfast.Options{NewID: func(r *http.Request) (string, error) {
		if fails {
			return "", errors.New("no")
		}
		return strings.Repeat("a", 22), nil
	}}, pages{"/": count, "/regenerate": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		fmt.Fprint(w, errors.Is(s.Regenerate(), holdfast.ErrID))
	}})
	client.visit("/")
	fails = true
	assert.Equal(t, "true", client.visit("/regenerate"))
	assert.Equal(t, "2", client.visit("/"))
}

// Regenerate fails and does not loop.
func TestRegenerate_NewID_repeats_the_ID(t *testing.T) {
	store := newFailing(t)
	store.failAt, store.forever = 1000, true // a loop would end there
	var err error
	client := direct(t, holdfast.Options{Store: store, NewID: func(*http.Request) (string, error) { return strings.Repeat("A", 22), nil }},
		pages{"/": count, "/views": views,
			"/regenerate": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { err = s.Regenerate() }})
	client.visit("/")
	client.visit("/regenerate")
	assert.ErrorIs(t, err, holdfast.ErrID)
	assert.Equal(t, "1 true", client.visit("/views"), "the session is unchanged")
}

// The session stays as it was.
func TestRegenerate_too_large(t *testing.T) {
	c := newCache(t)
	var regenErr error
	client := direct(t, holdfast.Options{Cache: c}, pages{"/": count, "/views": views,
		"/large": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.Set("large", make([]byte, 2<<20))
			regenErr = s.Regenerate()
			s.Reload()
		}})
	client.visit("/")
	client.visit("/large")
	assert.ErrorIs(t, regenErr, cache.ErrTooLarge)
	assert.Equal(t, "1 true", client.visit("/views"))
	assert.Equal(t, 1, c.Len())
}

// Code around Handler may recover and respond. The old ID is dead, so the
// client needs the new one.
func TestPanic_after_Regenerate(t *testing.T) {
	for name, page := range map[string]func(s *holdfast.Session){
		"Regenerate": func(s *holdfast.Session) { s.Regenerate() },
		"Login":      func(s *holdfast.Session) { s.Login("ada") },
	} {
		t.Run(name, func(t *testing.T) {
			manager, _ := manage(t, holdfast.Options{})
			handler := manager.Handler(pages{"/": count, "/views": views,
				"/panic": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
					page(s)
					s.Set("views", 100)
					panic("boom")
				}}.handler())
			client := &directClient{handler: recovering(handler)}
			client.visit("/")
			old := client.cookie.Value
			response := client.show("/panic")
			assert.Equal(t, http.StatusInternalServerError, response.Code)
			assert.NotEqual(t, old, client.cookie.Value)
			assert.Equal(t, []string{"Cookie"}, response.Header()["Vary"])
			assert.Equal(t, "1 true", client.visit("/views"), "later changes are dropped")
		})
	}
}

func TestPanic_after_Destroy(t *testing.T) {
	manager, _ := manage(t, holdfast.Options{})
	handler := manager.Handler(pages{"/": count,
		"/panic": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.Destroy()
			panic("boom")
		}}.handler())
	client := &directClient{handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { recover() }()
		handler.ServeHTTP(w, r)
	})}
	client.visit("/")
	client.visit("/panic")
	assert.Negative(t, client.cookie.MaxAge)
}

// A value sealed with a lost key cannot move to a new ID.
func TestRegenerate_values_of_a_lost_key(t *testing.T) {
	c := newCache(t)
	site := func(key []byte) *directClient {
		return direct(t, holdfast.Options{Cache: c, Codec: sealed(t, key)}, pages{"/": count, "/views": views, "/regenerate": regenerate,
			"/login": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
				fmt.Fprint(w, s.Login("ada"), s.Keys())
			},
			"/clear": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
				s.Clear()
				fmt.Fprint(w, s.Regenerate())
			},
			"/replace": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
				s.Set("views", 7)
				fmt.Fprint(w, s.Regenerate())
			},
			"/new": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) { fmt.Fprint(w, s.Regenerate()) }})
	}
	for page, want := range map[string]string{
		"/login":   "<nil> []",
		"/clear":   "<nil>",
		"/replace": "<nil>",
		"/new":     "holdfast: invalid value under \"views\" cannot be bound to a new ID: codec: sealed value cannot be opened",
	} {
		before := site(firstKey)
		before.visit("/")
		after := &directClient{handler: site(secondKey).handler, cookie: before.cookie}
		require.Equal(t, "0 false", after.visit("/views"))
		assert.Equal(t, want, after.visit(page), page)
	}
}

// An error of the store does not say whether the old record has moved. If it
// has, the client needs the new ID.
func TestRegenerate_reply_lost(t *testing.T) {
	for name, act := range map[string]func(s *holdfast.Session) error{
		"Regenerate": (*holdfast.Session).Regenerate,
		"Login":      func(s *holdfast.Session) error { return s.Login("ada") },
	} {
		t.Run(name, func(t *testing.T) {
			store := newFailing(t)
			manager, client := userSite(t, holdfast.Options{Store: store}, pages{
				"/act": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
					s.IsNew()
					store.failNext("Update", lost)
					assert.NoError(t, act(s))
				}})
			client.visit("/login?user=ada")
			old := client.twin()
			client.visit("/act")
			assert.True(t, store.failed)
			assert.NotEqual(t, old.cookie.Value, client.cookie.Value)
			assert.Equal(t, "ada", client.visit("/who"))
			assert.Empty(t, old.visit("/who"))
			n, err := manager.Len(t.Context())
			require.NoError(t, err)
			assert.Equal(t, 1, n)
		})
	}
}

// Another request has replaced the ID meanwhile. So the copy is of no use.
func TestRegenerate_reply_lost_of_the_second(t *testing.T) {
	var client *directClient
	store := newFailing(t)
	manager, client := userSite(t, holdfast.Options{Store: store}, pages{
		"/act": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.IsNew()
			store.hook = func(c call, carryOut func() error) error {
				if c.method != "Update" {
					return carryOut()
				}
				store.hook = store.next
				_ = carryOut() // with a function that decides to move the session
				return errAway
			}
			store.Store = &overtaken{store.Store, func() { client.visit("/regenerate") }}
			assert.ErrorIs(t, s.Regenerate(), holdfast.ErrUnavailable)
		}})
	client.visit("/login?user=ada")
	client.twin().visit("/act")
	assert.Equal(t, "ada", client.visit("/who"))
	n, err := manager.Len(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 1, n)
}

// overtaken is a store whose next Update another request overtakes: it calls
// its function, but stores nothing.
type overtaken struct {
	holdfast.Store
	overtake func()
}

func (s *overtaken) Update(ctx context.Context, id string, fn func([]byte, bool) (cache.Change, error)) error {
	overtake := s.overtake
	if overtake == nil {
		return s.Store.Update(ctx, id, fn)
	}
	s.overtake = nil
	old, found, err := s.Store.Get(ctx, id, holdfast.ReadFresh)
	if err != nil {
		return err
	}
	overtake()
	_, err = fn(old, found)
	return err
}

// While nobody knows whether the old record has moved, the copy may be the only
// one. So it stays.
func TestRegenerate_reply_lost_and_away(t *testing.T) {
	store := newFailing(t)
	manager, client := userSite(t, holdfast.Options{Store: store}, pages{
		"/act": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.IsNew()
			isAway := false
			store.hook = func(c call, carryOut func() error) error {
				if isAway && c.method == "Get" {
					return errAway
				}
				err := carryOut()
				if isAway = isAway || c.method == "Update"; isAway {
					return errAway
				}
				return err
			}
			assert.ErrorIs(t, s.Regenerate(), holdfast.ErrUnavailable)
		}})
	client.visit("/login?user=ada")
	assert.Empty(t, client.show("/act").Result().Cookies())
	store.hook = store.next
	n, err := manager.Len(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 1, n)
}
