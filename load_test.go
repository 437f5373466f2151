package holdfast_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
)

// With a Store, a session is read before the handler runs, so that no handler
// runs while the store is away. With a Cache, it is read at its first use.

// readLasts is how long a handler may wait before its first use of the session
// reads it again.
const readLasts = 100 * time.Millisecond

func TestEarlyRead(t *testing.T) {
	wait := func(d time.Duration) page {
		return func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
			time.Sleep(d)
			views(w, r, s)
		}
	}
	for name, test := range map[string]struct {
		page  page
		calls []string
	}{
		"session not used":  {nothing, []string{"Get"}},
		"used at once":      {views, []string{"Get", "Touch"}},
		"used within 0.1 s": {wait(readLasts), []string{"Get", "Touch"}},
		"used after 0.1 s":  {wait(readLasts + 1), []string{"Get", "Get", "Touch"}},
		"changed":           {count, []string{"Get", "Touch", "Update"}},
		"used twice after it": {func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
			wait(time.Minute)(w, r, s)
			s.Keys()
		}, []string{"Get", "Get", "Touch"}},
		"passive":               {views, []string{"Get"}},
		"passive, after 0.1 s":  {wait(readLasts + 1), []string{"Get", "Get"}},
		"without a first byte":  {func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { s.Keys() }, []string{"Get", "Touch"}},
		"in a second goroutine": {func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { inGoroutine(func() { s.Keys() }) }, []string{"Get", "Touch"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := newRecording(t)
				passive := func(r *http.Request) bool { return r.URL.Path == "/act" && strings.HasPrefix(name, "passive") }
				client := direct(t, holdfast.Options{Store: store, Passive: passive}, pages{"/": count, "/act": test.page})
				client.visit("/")
				assert.Equal(t, test.calls, store.during(func() { client.visit("/act") }))
			})
		})
	}
}

// A request whose ID has no session finds none later either.
func TestEarlyRead_unknown_ID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newRecording(t)
		client := direct(t, holdfast.Options{Store: store}, pages{"/slow": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			time.Sleep(time.Minute)
			assert.True(t, s.IsNew())
		}})
		assert.Equal(t, []string{"Get"}, store.during(func() { client.visitWith("session="+strings.Repeat("A", 43), "/slow") }))
	})
}

// setBack is a store whose clock is set back.
type setBack struct {
	holdfast.Store
	by time.Duration
}

func (s *setBack) Now() time.Time { return s.Store.Now().Add(-s.by) }

// An early read does not last longer because the store's clock was set back.
func TestEarlyRead_clock_set_back(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newRecording(t)
		clock := &setBack{Store: store}
		client := direct(t, holdfast.Options{Store: clock}, pages{"/": count, "/slow": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
			time.Sleep(10 * time.Second)
			clock.by = 30 * time.Second
			views(w, r, s)
		}})
		client.visit("/")
		assert.Equal(t, []string{"Get", "Get", "Touch"}, store.during(func() { client.visit("/slow") }))
	})
}

func inGoroutine(fn func()) {
	done := make(chan struct{})
	go func() { fn(); close(done) }()
	<-done
}

// The first read counts as a use, unless the request is passive. A read that
// must be right goes past local copies.
func TestReadMode(t *testing.T) {
	store := newRecording(t)
	passive := func(r *http.Request) bool { return r.URL.Path == "/poll" }
	_, client := userSite(t, holdfast.Options{Store: store, Passive: passive}, pages{"/poll": views,
		"/touch":  func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { assert.NoError(t, s.Touch()) },
		"/others": ending((*holdfast.Session).EndOthers),
		"/reload": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { assert.NoError(t, s.Reload()) }})
	client.visit("/login?user=ada")
	for path, want := range map[string][]holdfast.ReadMode{
		"/views": {holdfast.ReadUse}, "/poll": {holdfast.ReadPeek}, "/reload": {holdfast.ReadUse, holdfast.ReadFresh},
		"/touch":      {holdfast.ReadUse, holdfast.ReadPeek},
		"/others":     {holdfast.ReadUse, holdfast.ReadFresh},                    // a session that has ended must end no others
		"/regenerate": {holdfast.ReadUse, holdfast.ReadFresh, holdfast.ReadPeek}, // of the revocation, and before the cookie
	} {
		before := len(store.all())
		client.visit(path)
		var how []holdfast.ReadMode
		for _, c := range store.all()[before:] {
			if c.method == "Get" {
				how = append(how, c.how)
			}
		}
		assert.Equal(t, want, how, path)
	}
}

// The early read does not extend the session. Its use does.
func TestEarlyRead_does_not_extend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := direct(t, holdfast.Options{Store: newStore(t), IdleTimeout: time.Hour}, pages{"/": count, "/views": views, "/nothing": nothing})
		client.visit("/")
		time.Sleep(40 * time.Minute)
		assert.Empty(t, client.show("/nothing").Header().Get("Vary"), "the response does not depend on the session")
		time.Sleep(10 * time.Minute)
		assert.Equal(t, "1 true", client.visit("/views"))
		time.Sleep(50 * time.Minute)
		client.visit("/nothing")
		time.Sleep(10 * time.Minute)
		assert.Equal(t, "0 false", client.visit("/views"))
	})
}

// Until the handler uses the session, another request may end it. A passive
// request, and one whose session has a new ID, notice it 0.1 s after the early
// read at the latest, all others at once.
func TestLateUse_ended(t *testing.T) {
	kinds := map[string]func(*testing.T) holdfast.Options{
		"Cache": func(t *testing.T) holdfast.Options { return holdfast.Options{Cache: newCache(t)} },
		"Store": func(t *testing.T) holdfast.Options { return holdfast.Options{Store: newStore(t)} },
	}
	for suffix, passive := range map[string]bool{"": false, ", passive": true} {
		for _, end := range []string{"/destroy", "/regenerate"} {
			for kind, options := range kinds {
				t.Run(kind+end+suffix, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						o := options(t)
						o.Passive = func(r *http.Request) bool { return passive && r.URL.Path == "/poll" }
						var client *directClient
						_, client = userSite(t, o, pages{
							"/poll": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
								client.twin().visit(end)
								if kind == "Store" && (passive || end == "/regenerate") {
									time.Sleep(readLasts + 1)
								}
								fmt.Fprint(w, s.UserID())
							}})
						client.visit("/login?user=ada")
						assert.Empty(t, client.visit("/poll"))
					})
				})
			}
		}
	}
}

// The request sees the later values, and keeps the later idle timeout.
func TestLateUse_changed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var client *directClient
		client = direct(t, holdfast.Options{Store: newStore(t), IdleTimeout: time.Hour}, pages{"/": count, "/views": views,
			"/longer": setIdleTimeout(10 * time.Hour),
			"/slow": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
				client.twin().visit("/")
				client.twin().visit("/longer")
				time.Sleep(readLasts + 1)
				views(w, r, s)
			}})
		client.visit("/")
		assert.Equal(t, "2 true", client.visit("/slow"))
		time.Sleep(9 * time.Hour)
		assert.Equal(t, "2 true", client.visit("/views"), "the longer idle timeout stays")
	})
}

// A request that used the session as it was early loses no change of others.
func TestEarlyRead_merges(t *testing.T) {
	var client *directClient
	client = direct(t, holdfast.Options{Store: newStore(t)}, pages{"/": count, "/views": views,
		"/slow": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
			client.twin().visit("/")
			s.Set("other", 1)
			count(w, r, s)
		}})
	client.visit("/")
	assert.Equal(t, "3", client.visit("/slow"))
	assert.Equal(t, "3 true", client.visit("/views"))
}

// A read that panics says nothing about the session.
func TestLateUse_read_panics(t *testing.T) {
	for _, method := range []string{"Get", "Touch"} {
		t.Run(method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := newFailing(t)
				_, client := userSite(t, holdfast.Options{Store: store}, pages{
					"/act": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
						time.Sleep(readLasts + 1)
						store.failNext(method, panicked)
						assert.Panics(t, func() { s.UserID() })
						assert.Equal(t, "ada", s.UserID())
						s.Set("notice", "sorry")
					}})
				client.visit("/login?user=ada")
				assert.Empty(t, client.show("/act").Result().Cookies())
				assert.Equal(t, "ada", client.visit("/who"))
			})
		})
	}
}

// A second read that fails is the response's error.
func TestLateUse_read_fails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newFailing(t)
		_, client := userSite(t, holdfast.Options{Store: store}, pages{
			"/act": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
				time.Sleep(readLasts + 1)
				store.failNext("Get", refused)
				assert.Empty(t, s.UserID())
				assert.ErrorIs(t, s.Err(), holdfast.ErrUnavailable)
				s.Set("a", 1)
			}})
		client.visit("/login?user=ada")
		response := client.show("/act")
		assert.Equal(t, http.StatusServiceUnavailable, response.Code)
		assert.Empty(t, response.Result().Cookies())
		assert.Equal(t, "ada", client.visit("/who"))
	})
}

// Without its idle timeout restarted, the session might end before the next
// request. So the ErrorHandler answers, and nobody loses the session.
func TestTouch_fails_at_the_first_use(t *testing.T) {
	for _, fault := range []fault{refused, lost} {
		t.Run(string(fault), func(t *testing.T) {
			store := newFailing(t)
			var handled error
			_, client := userSite(t, holdfast.Options{Store: store, ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
				handled = err
				w.WriteHeader(http.StatusServiceUnavailable)
			}}, pages{
				"/act": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
					store.failNext("Touch", fault)
					assert.Equal(t, "ada", s.UserID(), "it has been read")
					assert.False(t, s.IsNew())
					assert.ErrorIs(t, s.Err(), errAway)
					s.Set("views", 7)
					assert.ErrorIs(t, s.Save(), errAway)
					assert.ErrorIs(t, s.Login("bob"), errAway)
				}})
			client.visit("/")
			client.visit("/login?user=ada")
			response := client.show("/act")
			assert.Equal(t, http.StatusServiceUnavailable, response.Code)
			assert.ErrorIs(t, handled, holdfast.ErrUnavailable)
			assert.Empty(t, response.Result().Cookies())
			assert.Equal(t, "ada", client.visit("/who"))
			assert.Equal(t, "1 true", client.visit("/views"))
		})
	}
}

// Reload and Destroy recover.
func TestTouch_fails_then(t *testing.T) {
	for name, test := range map[string]struct {
		then page
		who  string
	}{
		"Reload":  {func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { assert.NoError(t, s.Reload()) }, "ada"},
		"Destroy": {func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { assert.NoError(t, s.Destroy()) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			store := newFailing(t)
			_, client := userSite(t, holdfast.Options{Store: store}, pages{
				"/act": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
					store.failNext("Touch", refused)
					s.UserID()
					test.then(w, r, s)
					assert.NoError(t, s.Err())
				}})
			client.visit("/login?user=ada")
			require.Equal(t, http.StatusOK, client.twin().show("/act").Code)
			assert.Equal(t, test.who, client.visit("/who"))
		})
	}
}

// A Reload that cannot restart the idle timeout changes nothing.
func TestReload_touch_fails(t *testing.T) {
	store := newFailing(t)
	_, client := userSite(t, holdfast.Options{Store: store}, pages{
		"/act": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.UserID()
			store.failNext("Touch", refused)
			assert.ErrorIs(t, s.Reload(), errAway)
			assert.Equal(t, "ada", s.UserID())
			assert.ErrorIs(t, s.Err(), errAway)
			assert.NoError(t, s.Reload())
			assert.NoError(t, s.Err())
		}})
	client.visit("/login?user=ada")
	assert.Equal(t, http.StatusOK, client.show("/act").Code)
	assert.Equal(t, "ada", client.visit("/who"))
}
