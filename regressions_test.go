package holdfast_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/codec"
)

func TestAFloodWhosePagesWriteTwiceLeavesTheUsersWhoCameBack(t *testing.T) {
	twice := map[string]func(s *holdfast.Session){
		"Update, then Set":     func(s *holdfast.Session) { increment(s); s.Set("seen", true) },
		"Update, then Update":  func(s *holdfast.Session) { increment(s); increment(s) },
		"Update, then Pop":     func(s *holdfast.Session) { increment(s); s.Set("a", 1); holdfast.Pop[int](s, "a") },
		"Set, Save, then read": func(s *holdfast.Session) { s.Set("a", 1); s.Save(); holdfast.Get[int](s, "a") },
	}
	for name, write := range twice {
		t.Run(name, func(t *testing.T) {
			const users = 50
			c, err := cache.New(cache.Options{MaxBytes: 512 << 10})
			require.NoError(t, err)
			t.Cleanup(func() { c.Close() })
			site := direct(t, holdfast.Options{Store: c}, pages{"/views": views,
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
				assert.Same(t, before, client.cookie, "no new session for a user who has one")
			}
		})
	}
}

func increment(s *holdfast.Session) { holdfast.Update(s, "views", func(n int) int { return n + 1 }) }

// inquisitive is a log handler that adds who is logged in.
type inquisitive struct{ slog.Handler }

func (h inquisitive) Handle(ctx context.Context, r slog.Record) error {
	if s, ok := holdfast.FromContext(ctx); ok {
		r.AddAttrs(slog.String("user", s.UserID()))
	}
	return h.Handler.Handle(ctx, r)
}

func TestALogHandlerMayAskTheSession(t *testing.T) {
	logger := slog.New(inquisitive{slog.DiscardHandler})
	client := direct(t, holdfast.Options{Logger: logger, Carrier: holdfast.Cookie{Secure: holdfast.SecureAlways}}, pages{"/": count,
		"/bad": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { s.Set("bad", make(chan int)) }})
	assert.Equal(t, "1", client.visit("/"))
	client.visit("/bad")
}

func TestALoginThatFailsAfterALogoutRevivesNothing(t *testing.T) {
	var client *directClient
	fails := false
	newID := func(*http.Request) (string, error) {
		if fails {
			return "", errors.New("no entropy")
		}
		return rand.Text() + rand.Text(), nil
	}
	client = direct(t, holdfast.Options{NewID: newID}, pages{"/": count, "/destroy": destroy, "/views": views,
		"/login": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.Set("device", "phone")
			client.twin().visit("/destroy")
			fails = true
			assert.ErrorIs(t, s.Login("ada"), holdfast.ErrID)
			fails = false
		}})
	client.visit("/")
	old := client.twin()
	client.visit("/login")
	assert.Equal(t, "0 false", old.visit("/views"))
}

func TestALoginThatFailsLeavesTheValuesReadable(t *testing.T) {
	sealed, err := codec.NewSealed(codec.MsgPack{}, []byte("0123456789abcdef0123456789abcdef"))
	require.NoError(t, err)
	store := &away{Store: newCache(t)}
	client := direct(t, holdfast.Options{Store: store, Codec: sealed}, pages{"/views": views,
		"/login": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.Set("views", 5)
			store.away.Store(true)
			assert.ErrorIs(t, s.Login("ada"), errAway)
			store.away.Store(false)
			assert.Empty(t, s.UserID())
		}})
	client.visit("/login")
	assert.Equal(t, "5 true", client.visit("/views"))
}

func TestALoginOfAnotherUserInheritsNothing(t *testing.T) {
	client := direct(t, holdfast.Options{AbsoluteLifetime: 90 * 24 * time.Hour}, pages{
		"/ada": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			assert.NoError(t, s.Login("ada"))
			s.Set("cart", "tea")
			s.SetMaxAge(30 * 24 * time.Hour)
			s.SetExpires(time.Now().Add(24 * time.Hour))
		},
		"/bob": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			assert.NoError(t, s.Login("bob"))
			assert.Empty(t, s.Keys())
			assert.Equal(t, time.Hour, s.IdleTimeout())
			assert.WithinDuration(t, time.Now().Add(90*24*time.Hour), s.Expires(), time.Minute)
		}})
	client.visit("/ada")
	client.visit("/bob")
	assert.Zero(t, client.cookie.MaxAge)
}

func TestACookieFuncSeesTheRequestWithoutItsSession(t *testing.T) {
	choose := holdfast.CookieFunc(func(r *http.Request) holdfast.Cookie {
		_, ok := holdfast.FromContext(r.Context())
		assert.False(t, ok)
		return holdfast.Cookie{}
	})
	assert.Equal(t, "1", direct(t, holdfast.Options{Carrier: choose}, pages{"/": count}).visit("/"))
}

func TestAReloadLeavesANewSessionNew(t *testing.T) {
	client := direct(t, holdfast.Options{}, pages{"/": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		s.Set("a", 1)
		assert.NoError(t, s.Save())
		assert.NoError(t, s.Reload())
		assert.True(t, s.IsNew())
	}})
	client.visit("/")
}

func TestDestroyForgivesAnEarlierError(t *testing.T) {
	client := direct(t, holdfast.Options{}, pages{"/": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		s.Set("bad", make(chan int))
		assert.NoError(t, s.Destroy())
	}})
	assert.Equal(t, http.StatusOK, client.show("/").Code)
}

func TestAStreamIsNotEndedByAStoreThatIsAway(t *testing.T) {
	store := &away{Store: newCache(t)}
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

func TestALoginThatFailsIsNotStoredLaterWithTheChangesBeforeIt(t *testing.T) {
	store := &frail{Store: newCache(t)}
	client := direct(t, holdfast.Options{Store: store}, pages{"/": count,
		"/login": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.Set("a", 1)
			s.Set("b", 2)
			store.failNextSet.Store(true)
			assert.ErrorIs(t, s.Login("ada"), errAway)
		},
		"/who": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			a, _ := holdfast.Get[int](s, "a")
			fmt.Fprintf(w, "%d %q", a, s.UserID())
		}})
	client.visit("/")
	client.visit("/login")
	assert.Equal(t, `1 ""`, client.visit("/who"))
}

func TestAnUpdateThatIsCalledAgainCountsOnceBesideTheChangesBeforeIt(t *testing.T) {
	var client *directClient
	client = direct(t, holdfast.Options{}, pages{"/": count, "/views": views,
		"/other": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { s.Set("other", true) },
		"/update": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.Set("a", 1)
			s.Set("b", 2)
			calls := 0
			_, err := holdfast.Update(s, "views", func(n int) int {
				if calls++; calls == 1 {
					client.twin().visit("/other")
				}
				return n + 1
			})
			assert.NoError(t, err)
			assert.Equal(t, 2, calls)
		}})
	client.visit("/")
	client.visit("/update")
	assert.Equal(t, "2 true", client.visit("/views"))
}

func TestANumberOfOneDigitComesBackWithEveryCodec(t *testing.T) {
	sealed, err := codec.NewSealed(codec.MsgPack{}, []byte("0123456789abcdef0123456789abcdef"))
	require.NoError(t, err)
	for _, c := range []codec.Codec{codec.MsgPack{}, codec.JSON{}, sealed} {
		client := direct(t, holdfast.Options{Codec: c}, pages{"/": count, "/views": views})
		client.visit("/")
		assert.Equal(t, "1 true", client.visit("/views"), "%T: the byte 1 in MsgPack is the digit 1 of no other", c)
	}
}

func TestANewSessionIsNotTouchedHoweverSlowItsHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &counting{Store: newCache(t)}
		client := direct(t, holdfast.Options{Store: store}, pages{"/": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.Set("a", 1)
			w.Write([]byte("first byte"))
			time.Sleep(time.Minute)
		}})
		client.visit("/")
		assert.Zero(t, store.touches.Load(), "or a flood of visitors would seem to have come back")
	})
}

func TestDroppedChangesAreRemarkedOnceAndOnlyIfThereAreAny(t *testing.T) {
	for name, test := range map[string]struct {
		act  func(w http.ResponseWriter, s *holdfast.Session)
		want int
	}{
		"no changes":               {func(w http.ResponseWriter, s *holdfast.Session) {}, 0},
		"changes":                  {func(_ http.ResponseWriter, s *holdfast.Session) { s.Set("a", 1) }, 1},
		"changes and a body":       {func(w http.ResponseWriter, s *holdfast.Session) { s.Set("a", 1); w.Write([]byte("body")) }, 1},
		"changes after the header": {func(w http.ResponseWriter, s *holdfast.Session) { w.Write([]byte("body")); s.Set("a", 1) }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				var client *directClient
				client = direct(t, holdfast.Options{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))},
					pages{"/": count, "/destroy": destroy, "/act": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
						s.IsNew()
						client.twin().visit("/destroy")
						test.act(w, s)
						time.Sleep(time.Minute)
					}})
				client.visit("/")
				client.visit("/act")
				assert.Equal(t, test.want, strings.Count(log.String(), "before its changes"), log.String())
			})
		})
	}
}

func TestDestroyDoesNotMendACookieThatCannotWork(t *testing.T) {
	manager, _ := manage(t, holdfast.Options{Carrier: holdfast.CookieFunc(func(*http.Request) holdfast.Cookie {
		return holdfast.Cookie{Path: "no slash"}
	})})
	handler := manager.Handler(pages{"/": destroy}.handler())
	assert.Equal(t, http.StatusInternalServerError, record(handler, get("/")).Code)
}

func TestWhoeverRecoversFromAPanicOfACallbackCanAnswer(t *testing.T) {
	manager, _ := manage(t, holdfast.Options{NewID: func(*http.Request) (string, error) { panic("no entropy") }})
	page := pages{"/": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		s.Set("a", 1)
		w.Write([]byte("body"))
	}}.handler()
	handler := manager.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if recover() != nil {
				http.Error(w, "sorry", http.StatusInternalServerError)
			}
		}()
		page.ServeHTTP(w, r)
	}))

	response := record(handler, get("/"))

	assert.Equal(t, http.StatusInternalServerError, response.Code)
	assert.Equal(t, "sorry\n", response.Body.String())
	assert.Empty(t, response.Result().Cookies())
}

func TestARollingCookieIsNotSentAgainForASessionThatEndedDuringASlowHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var client *directClient
		client = direct(t, holdfast.Options{Carrier: holdfast.Cookie{Rolling: true}}, pages{"/": count, "/destroy": destroy,
			"/slow": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
				s.IsNew()
				client.twin().visit("/destroy")
				time.Sleep(2 * time.Second)
			}})
		client.visit("/")
		assert.Empty(t, client.show("/slow").Result().Cookies())
	})
}

func TestAChangeAfterTheHandlerHasReturnedIsStoredOrAnError(t *testing.T) {
	var late *holdfast.Session
	client := direct(t, holdfast.Options{}, pages{"/": count, "/destroy": destroy, "/views": views,
		"/keep": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { late = s; s.IsNew() }})

	client.visit("/keep")
	late.Set("views", 3)
	assert.ErrorIs(t, late.Err(), holdfast.ErrHeaderSent, "a new session has no cookie to be found by")

	client.visit("/")
	client.visit("/keep")
	late.Set("views", 7)
	assert.NoError(t, late.Err())
	assert.Equal(t, "7 true", client.visit("/views"))
	late.Delete("views")
	assert.Equal(t, "0 false", client.visit("/views"))

	client.visit("/destroy")
	late.Set("views", 8)
	assert.ErrorIs(t, late.Err(), holdfast.ErrEnded)
}

func TestWhatATimeoutHandlerLeavesBehindIsStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		manager, _ := manage(t, holdfast.Options{})
		page := pages{"/": count, "/views": views, "/slow": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.IsNew()
			time.Sleep(2 * time.Minute)
			s.Set("views", 7)
		}}.handler()
		client := &directClient{handler: manager.Handler(http.TimeoutHandler(page, time.Minute, "later"))}
		client.visit("/")
		assert.Equal(t, "later", client.visit("/slow"))
		time.Sleep(2 * time.Minute)
		assert.Equal(t, "7 true", client.visit("/views"))
	})
}
