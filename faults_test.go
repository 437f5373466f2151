package holdfast_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
)

// Each test here found a fault.

// The old ID is dead. Without the cookie, the client would lose its session.
func TestStoreAway_new_ID_is_sent(t *testing.T) {
	for name, act := range map[string]func(s *holdfast.Session) error{
		"Login":      func(s *holdfast.Session) error { return s.Login("ada") },
		"Regenerate": (*holdfast.Session).Regenerate,
		"Save":       func(s *holdfast.Session) error { s.Set("a", 1); return s.Save() },
	} {
		t.Run(name, func(t *testing.T) {
			store := newAway(t)
			store.only = "Get"
			client := direct(t, holdfast.Options{Store: store}, pages{"/": count,
				"/act": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
					assert.NoError(t, act(s))
					store.away.Store(true)
				}})
			if name != "Save" {
				client.visit("/")
			}
			assert.Len(t, client.show("/act").Result().Cookies(), 1)
		})
	}
}

// A failed read does not mean that the session has ended.
func TestStoreAway_read_fails(t *testing.T) {
	store := newAway(t)
	store.only = "Get"
	client := direct(t, holdfast.Options{Store: store, Carrier: holdfast.Cookie{Rolling: true}}, pages{"/": count, "/views": views,
		"/act": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.IsNew()
			store.away.Store(true)
			fmt.Fprint(w, "first byte")
			store.away.Store(false)
			assert.NoError(t, s.Touch())
			s.Set("views", 7)
		}})
	client.visit("/")
	assert.Empty(t, client.show("/act").Result().Cookies())
	assert.Equal(t, "7 true", client.visit("/views"))
}

func TestDamagedRecord_Login_fails(t *testing.T) {
	fail := false
	n := 0
	newID := func(*http.Request) (string, error) {
		if fail {
			return "", errors.New("no entropy")
		}
		n++
		return fmt.Sprintf("%043d", n), nil
	}
	c := newCache(t)
	client := direct(t, holdfast.Options{Cache: c, NewID: newID}, pages{"/": count,
		"/login": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			fail = true
			assert.Error(t, s.Login("ada"))
			fail = false
			s.Set("notice", "try again")
		},
		"/late": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			fmt.Fprint(w, "first byte")
			assert.ErrorIs(t, s.Login("ada"), holdfast.ErrHeaderSent)
			assert.ErrorIs(t, s.Err(), holdfast.ErrRecord)
		}})
	client.visit("/")
	damage(t, c, time.Hour)
	old := client.cookie.Value
	assert.Equal(t, http.StatusInternalServerError, client.show("/login").Code)
	assert.Equal(t, old, client.cookie.Value, "the response sets no new ID")
	client.visit("/late")
	assert.Equal(t, 1, c.Len(), "the record is still there")
}

// A logout with a replaced ID reports that it did not end the session, and does
// not take away the newer cookie.
func TestTombstone_Destroy_with_the_old_ID(t *testing.T) {
	var client *directClient
	moves := func() { client.visit("/regenerate") }
	for name, used := range map[string]bool{"used before": true, "used after": false} {
		t.Run(name, func(t *testing.T) {
			client = direct(t, holdfast.Options{}, pages{"/": count, "/views": views, "/regenerate": regenerate,
				"/late": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
					if used {
						s.IsNew()
					}
					moves()
					assert.ErrorIs(t, s.Destroy(), holdfast.ErrEnded)
					s.Set("a", 1)
				}})
			client.visit("/")
			late := client.twin()
			assert.Empty(t, late.show("/late").Result().Cookies())
			assert.Equal(t, "1 true", client.visit("/views"))
		})
	}
}

// The second of two logouts at once has nothing to end.
func TestDestroy_twice(t *testing.T) {
	var client *directClient
	client = direct(t, holdfast.Options{}, pages{"/": count, "/destroy": destroy,
		"/late": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.IsNew()
			client.twin().visit("/destroy")
			assert.NoError(t, s.Destroy())
		}})
	client.visit("/")
	client.visit("/late")
}

// alwaysTouched is a store whose Touch always reports an entry.
type alwaysTouched struct{ holdfast.Store }

func (s alwaysTouched) Touch(ctx context.Context, id string, ttl time.Duration) (bool, error) {
	_, err := s.Store.Touch(ctx, id, ttl)
	return true, err
}

// A Manager with a shorter lifetime does not accept a session past that
// lifetime.
func TestLifetime_of_a_shorter_Manager(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := alwaysTouched{newStore(t)}
		_, long := userSite(t, holdfast.Options{Store: store, IdleTimeout: 20 * time.Hour}, nil)
		_, short := userSite(t, holdfast.Options{Store: store, AbsoluteLifetime: time.Hour}, nil)
		long.visit("/login?user=ada")
		time.Sleep(2 * time.Hour)
		short.cookie = long.cookie
		assert.Empty(t, short.visit("/who"))
	})
}

// Changes after the ErrorHandler's response follow the rules of any response.
func TestChangesAfterError(t *testing.T) {
	t.Run("by a goroutine", func(t *testing.T) {
		store := newAway(t)
		var kept *holdfast.Session
		client := direct(t, holdfast.Options{Store: store}, pages{"/": count, "/views": views,
			"/fail": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
				s.Set("x", 1)
				kept = s
				store.away.Store(true)
			}})
		client.visit("/")
		require.Equal(t, http.StatusServiceUnavailable, client.show("/fail").Code)
		store.away.Store(false)
		kept.Set("views", 7)
		assert.NoError(t, kept.Err())
		assert.Equal(t, "7 true", client.visit("/views"))
	})
	t.Run("by the ErrorHandler", func(t *testing.T) {
		store := newAway(t)
		client := direct(t, holdfast.Options{Store: store, ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			store.away.Store(false)
			s, _ := holdfast.FromContext(r.Context())
			assert.NoError(t, s.Reload())
			s.Set("views", 9)
			w.WriteHeader(http.StatusServiceUnavailable)
		}}, pages{"/": count, "/views": views})
		client.visit("/")
		store.away.Store(true)
		require.Equal(t, http.StatusServiceUnavailable, client.show("/").Code)
		assert.Equal(t, "9 true", client.visit("/views"))
	})
	t.Run("without the failed ones", func(t *testing.T) {
		store := newAway(t)
		client := direct(t, holdfast.Options{Store: store, ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			store.away.Store(false)
			s, _ := holdfast.FromContext(r.Context())
			assert.NoError(t, s.Save())
			w.WriteHeader(http.StatusServiceUnavailable)
		}}, pages{"/": count, "/views": views,
			"/pay": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
				s.Set("views", 100)
				store.away.Store(true)
			}})
		client.visit("/")
		require.Equal(t, http.StatusServiceUnavailable, client.show("/pay").Code)
		assert.Equal(t, "1 true", client.visit("/views"))
	})
}

func TestPanic_in_the_commit(t *testing.T) {
	store := newFailing(t)
	manager, _ := manage(t, holdfast.Options{Store: store})
	handler := manager.Handler(pages{"/": count, "/views": views,
		"/act": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			assert.NoError(t, s.Regenerate())
			s.Set("a", 1)
			store.failNext("Update", panicked)
		}}.handler())
	client := &directClient{handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if recover() != nil {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		}()
		handler.ServeHTTP(w, r)
	})}
	client.visit("/")
	response := client.show("/act")
	assert.Equal(t, http.StatusServiceUnavailable, response.Code)
	assert.Len(t, response.Result().Cookies(), 1)
	assert.Equal(t, "1 true", client.visit("/views"))
}

// Login and Regenerate fail for a session that expires first.
func TestSetExpires_then_a_new_ID(t *testing.T) {
	for name, act := range map[string]func(s *holdfast.Session) error{
		"Login":      func(s *holdfast.Session) error { return s.Login("ada") },
		"Regenerate": (*holdfast.Session).Regenerate,
	} {
		t.Run(name, func(t *testing.T) {
			_, client := userSite(t, holdfast.Options{}, pages{
				"/end": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
					s.SetExpires(time.Now().Add(-time.Hour))
					assert.ErrorIs(t, act(s), holdfast.ErrEnded)
				}})
			client.visit("/login?user=ada")
			before := client.twin()
			cookies := client.show("/end").Result().Cookies()
			require.Len(t, cookies, 1)
			assert.Negative(t, cookies[0].MaxAge)
			assert.Empty(t, before.visit("/who"))
		})
	}
}

func TestSessions_LastSeen_endless(t *testing.T) {
	for name, o := range map[string]holdfast.Options{
		"options":      {AbsoluteLifetime: math.MaxInt64, IdleTimeout: math.MaxInt64},
		"idle timeout": {AbsoluteLifetime: math.MaxInt64},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				manager, client := userSite(t, o, pages{"/forever": setIdleTimeout(math.MaxInt64)})
				client.visit("/login?user=ada")
				client.visit("/forever")
				time.Sleep(time.Hour)
				infos, err := manager.Sessions(t.Context(), "ada")
				require.NoError(t, err)
				require.Len(t, infos, 1)
				assert.WithinDuration(t, time.Now(), infos[0].LastSeen, time.Hour)
			})
		})
	}
}

// An equal value must not decide how long a stream lasts.
func TestUpdate_without_change_is_activity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := direct(t, holdfast.Options{IdleTimeout: time.Hour}, pages{"/views": views, "/": count,
			"/stream": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
				for range 4 {
					time.Sleep(30 * time.Minute)
					_, err := holdfast.Update(s, "online", func(bool) bool { return true })
					assert.NoError(t, err)
				}
			}})
		client.visit("/")
		client.visit("/stream")
		assert.Equal(t, "1 true", client.visit("/views"))
	})
}

// A logout must not leave the browser with another session that it presents.
func TestDestroy_every_cookie_of_the_request(t *testing.T) {
	_, client := userSite(t, holdfast.Options{}, nil)
	first, second := client.anonymous(), client.anonymous()
	first.visit("/login?user=ada")
	second.visit("/login?user=ada")
	both := "session=" + first.cookie.Value + "; session=" + second.cookie.Value
	require.Equal(t, "ada", client.visitWith(both, "/who"))
	client.visitWith(both, "/destroy")
	assert.Empty(t, client.visitWith(both, "/who"))
	assert.Empty(t, second.visit("/who"))
}

// Malformed cookies do not hide a session cookie behind them.
func TestDuplicateCookies_malformed(t *testing.T) {
	client := direct(t, holdfast.Options{}, pages{"/": count, "/views": views})
	client.visit("/")
	mine := "session=" + client.cookie.Value
	assert.Equal(t, "1 true", client.visitWith(strings.Repeat("session=x; ", 10)+mine, "/views"))
}

func TestDamagedRecord_Reload_has_no_values(t *testing.T) {
	c := newCache(t)
	_, client := userSite(t, holdfast.Options{Cache: c}, pages{
		"/reload": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			require.Equal(t, "ada", s.UserID())
			damage(t, c, time.Hour)
			assert.ErrorIs(t, s.Reload(), holdfast.ErrRecord)
			assert.Empty(t, s.UserID())
			assert.Empty(t, s.Keys())
			assert.NoError(t, s.Login("bob"))
		}})
	client.visit("/login?user=ada")
	client.visit("/reload")
	assert.Equal(t, "bob", client.visit("/who"))
}

// The values that the request had set before are not stored in a new session
// either.
func TestLogin_failing_begins_no_session(t *testing.T) {
	for name, looks := range map[string]bool{"late": false, "moved meanwhile": true} {
		t.Run(name, func(t *testing.T) {
			store := newFailing(t)
			var client *directClient
			_, client = userSite(t, holdfast.Options{Store: store}, pages{
				"/again": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
					if looks {
						s.Set("secret", "of ada")
					}
					client.visit("/regenerate")
					store.failNext("Set", refused)
					assert.Error(t, s.Login("bob"))
					s.Set("notice", "try again")
				}})
			client.visit("/login?user=ada")
			assert.Empty(t, client.twin().show("/again").Result().Cookies(), "the client has a newer cookie")
		})
	}
}

func TestReload_that_panics(t *testing.T) {
	for _, method := range []string{"Get", "Touch"} {
		for name, meanwhile := range map[string]string{"": "ada", "/destroy": ""} {
			t.Run(method+name, func(t *testing.T) {
				store := newFailing(t)
				var client *directClient
				_, client = userSite(t, holdfast.Options{Store: store}, pages{
					"/reload": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
						s.UserID()
						store.failNext(method, panicked)
						assert.Panics(t, func() { s.Reload() })
						if name != "" {
							client.twin().visit(name)
						}
						s.Set("a", 1)
					}})
				client.visit("/login?user=ada")
				client.twin().visit("/reload")
				assert.Equal(t, meanwhile, client.visit("/who"))
			})
		}
	}
}

func TestReload_clears_the_error(t *testing.T) {
	client := direct(t, holdfast.Options{}, pages{"/": count,
		"/act": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.Set("x", make(chan int))
			assert.ErrorIs(t, s.Err(), holdfast.ErrValue)
			assert.NoError(t, s.Reload())
			assert.NoError(t, s.Err())
			s.Set("x", 1)
			assert.NoError(t, s.Save())
		}})
	client.visit("/")
	assert.Equal(t, http.StatusOK, client.show("/act").Code)
}

// The handler must run, since nothing else can replace the record.
func TestDamagedRecord_before_the_handler(t *testing.T) {
	c := newCache(t)
	_, client := userSite(t, holdfast.Options{Store: holdfast.InCache(c)}, nil)
	client.visit("/")
	damage(t, c, time.Hour)
	assert.Equal(t, http.StatusOK, client.show("/login?user=ada").Code)
	assert.Equal(t, "ada", client.visit("/who"))
}

func TestEndOthers_with_the_old_ID(t *testing.T) {
	_, client := userSite(t, holdfast.Options{}, pages{
		"/others": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			_, err := s.EndOthers()
			assert.ErrorIs(t, err, holdfast.ErrEnded)
			_, err = s.EndAll()
			assert.ErrorIs(t, err, holdfast.ErrEnded)
		}})
	client.visit("/login?user=ada")
	late := client.twin()
	client.visit("/regenerate")
	late.visit("/others")
	assert.Equal(t, "ada", client.visit("/who"))
}

// A request whose session was just ended by EndOthers calls it too.
func TestEndOthers_by_an_ended_session(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var good *directClient
		_, good = userSite(t, holdfast.Options{}, pages{
			"/others": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) { fmt.Fprint(w, ended(s.EndOthers())) },
			"/slow": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
				assert.Equal(t, "ada", s.UserID())
				assert.Equal(t, "1 <nil>", good.visit("/others"))
				_, err := s.EndOthers()
				assert.ErrorIs(t, err, holdfast.ErrEnded)
			}})
		bad := good.anonymous()
		good.visit("/login?user=ada")
		time.Sleep(time.Second)
		bad.visit("/login?user=ada")
		bad.visit("/slow")
		good.visit("/regenerate")
		assert.Equal(t, "ada", good.visit("/who"), "it was spared")
	})
}

func ended(n int, err error) string { return fmt.Sprint(n, err) }

func TestDestroy_that_fails_ends_nothing(t *testing.T) {
	store := newFailing(t)
	_, client := userSite(t, holdfast.Options{Store: store}, pages{
		"/logout": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.UserID()
			store.calls, store.failAt = 0, 2
			assert.ErrorIs(t, s.Destroy(), errAway)
			assert.Equal(t, "ada", s.UserID())
		}})
	first, second := client.anonymous(), client.anonymous()
	first.visit("/login?user=ada")
	second.visit("/login?user=ada")
	client.visitWith("session="+first.cookie.Value+"; session="+second.cookie.Value, "/logout")
	assert.Equal(t, "ada", first.visit("/who"))
}

func TestDestroy_after_the_own_end(t *testing.T) {
	client := direct(t, holdfast.Options{}, pages{"/": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		s.Set("a", 1)
		s.SetExpires(time.Now().Add(-time.Hour))
		assert.ErrorIs(t, s.Save(), holdfast.ErrEnded)
		assert.NoError(t, s.Destroy())
		s.Set("b", 1)
		assert.NoError(t, s.Save())
	}})
	client.visit("/")
}

func TestDestroy_ends_the_fifth_session_too(t *testing.T) {
	_, client := userSite(t, holdfast.Options{}, nil)
	var cookies []string
	for range 5 {
		c := client.anonymous()
		c.visit("/login?user=ada")
		cookies = append(cookies, "session="+c.cookie.Value)
	}
	client.visitWith(strings.Join(cookies, "; "), "/destroy")
	assert.Empty(t, client.visitWith(strings.Join(cookies[1:], "; "), "/who"))
}

// Nobody would know the ID of the copy.
func TestRegenerate_that_panics_leaves_no_copy(t *testing.T) {
	store := newFailing(t)
	manager, client := userSite(t, holdfast.Options{Store: store}, pages{
		"/act": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.UserID()
			store.failNext("Get", panicked) // it looks for a revocation, after the copy
			assert.Panics(t, func() { s.Regenerate() })
		}})
	client.visit("/login?user=ada")
	client.visit("/act")
	infos, err := manager.Sessions(t.Context(), "ada")
	require.NoError(t, err)
	assert.Len(t, infos, 1)
	assert.Equal(t, "ada", client.visit("/who"))
}
