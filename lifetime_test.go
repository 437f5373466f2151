package holdfast_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
)

// Time is virtual. Requests call the handler directly, because a network would
// stop the clock of the bubble.
func TestLifetime(t *testing.T) {
	options := holdfast.Options{IdleTimeout: time.Hour, AbsoluteLifetime: 5 * time.Hour}
	t.Run("activity restarts idle timeout", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			client := direct(t, options, pages{"/": count, "/views": views})
			client.visit("/")
			for range 3 {
				time.Sleep(time.Hour - 1)
				require.Equal(t, "1 true", client.visit("/views"))
			}
		})
	})
	t.Run("idle session ends", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			client := direct(t, options, pages{"/": count, "/views": views})
			client.visit("/")
			time.Sleep(time.Hour)
			require.Equal(t, "0 false", client.visit("/views"))
		})
	})
	t.Run("absolute lifetime caps activity", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			client := direct(t, options, pages{"/": count, "/views": views})
			client.visit("/")
			for range 9 {
				time.Sleep(30 * time.Minute)
				require.NotEqual(t, "1", client.visit("/"))
			}
			time.Sleep(30*time.Minute - 1)
			require.Equal(t, "10 true", client.visit("/views"))
			time.Sleep(time.Nanosecond)
			require.Equal(t, "0 false", client.visit("/views"))
		})
	})
	for name, body := range map[string]string{"writes": "first byte", "is silent": ""} {
		t.Run("end of a handler that "+name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := direct(t, options, pages{"/": count, "/views": views,
					"/slow": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
						s.IsNew()
						if body != "" {
							w.Write([]byte(body))
						}
						time.Sleep(30 * time.Minute)
					}})
				client.visit("/")
				client.visit("/slow")
				time.Sleep(45 * time.Minute)
				require.Equal(t, "1 true", client.visit("/views"))
			})
		})
	}
	t.Run("first byte is activity", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			client := direct(t, options, pages{"/": count, "/views": views,
				"/stream": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
					s.IsNew()
					time.Sleep(40 * time.Minute)
					w.Write([]byte("first byte"))
					time.Sleep(40 * time.Minute)
				}})
			client.visit("/")
			client.visit("/stream")
			time.Sleep(10 * time.Minute)
			require.Equal(t, "1 true", client.visit("/views"))
		})
	})
	t.Run("Regenerate does not extend it", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			client := direct(t, options, pages{"/": count, "/views": views,
				"/regenerate": regenerate})
			client.visit("/")
			for range 5 {
				time.Sleep(59 * time.Minute)
				client.visit("/regenerate")
			}
			require.Equal(t, "1 true", client.visit("/views"))
			time.Sleep(5 * time.Minute)
			require.Equal(t, "0 false", client.visit("/views"))
		})
	})
	t.Run("SetIdleTimeout shortens", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			client := direct(t, options, pages{"/": count, "/views": views,
				"/shorten": setIdleTimeout(time.Minute)})
			client.visit("/")
			client.visit("/shorten")
			for range 3 {
				time.Sleep(time.Minute - 1)
				require.Equal(t, "1 true", client.visit("/views"))
			}
			time.Sleep(time.Minute)
			require.Equal(t, "0 false", client.visit("/views"))
		})
	})
	t.Run("SetIdleTimeout extends", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			client := direct(t, options, pages{"/": count, "/views": views,
				"/remember": setIdleTimeout(3 * time.Hour)})
			client.visit("/")
			client.visit("/remember")
			require.Equal(t, 3*60*60, client.cookie.MaxAge)
			time.Sleep(3*time.Hour - 1)
			require.Equal(t, "1 true", client.visit("/views"))
			time.Sleep(2*time.Hour + 1)
			require.Equal(t, "0 false", client.visit("/views"), "the absolute lifetime stays")
		})
	})
}

func TestLifetime_expired_ID_is_not_reused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(t)
		client := direct(t, holdfast.Options{Cache: c, IdleTimeout: time.Minute}, pages{"/": count})
		client.visit("/")
		old := client.cookie.Value
		time.Sleep(time.Minute)
		assert.Zero(t, c.Len())
		assert.Equal(t, "1", client.visit("/"))
		assert.NotEqual(t, old, client.cookie.Value)
	})
}

// A request that begins within the idle timeout keeps its session.
func TestLifetime_slow_request(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := direct(t, holdfast.Options{IdleTimeout: time.Hour}, pages{"/": count, "/views": views,
			"/slow": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
				s.IsNew()
				time.Sleep(2 * time.Minute)
			}})
		client.visit("/")
		time.Sleep(59 * time.Minute)
		client.visit("/slow")
		assert.Equal(t, "1 true", client.visit("/views"))
	})
}

func TestTouch_in_a_long_handler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := direct(t, holdfast.Options{IdleTimeout: time.Hour}, pages{"/": count, "/views": views,
			"/long": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
				for range 5 {
					time.Sleep(50 * time.Minute)
					require.NoError(t, s.Touch())
				}
			}})
		client.visit("/")
		client.visit("/long")
		assert.Equal(t, "1 true", client.visit("/views"))
	})
}

func TestTouch_absolute_lifetime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var err error
		client := direct(t, holdfast.Options{IdleTimeout: time.Hour, AbsoluteLifetime: 90 * time.Minute}, pages{"/": count, "/views": views,
			"/long": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
				time.Sleep(50 * time.Minute)
				require.NoError(t, s.Touch())
				time.Sleep(40 * time.Minute)
				err = s.Touch()
			}})
		client.visit("/")
		client.visit("/long")
		assert.ErrorIs(t, err, holdfast.ErrEnded)
		assert.Equal(t, "0 false", client.visit("/views"))
	})
}

func TestSetIdleTimeout(t *testing.T) {
	// The idle timeout of one session stays as set, and no other session has
	// it.
	t.Run("of one session", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			client := direct(t, holdfast.Options{IdleTimeout: time.Hour}, pages{"/": count, "/views": views, "/age": setIdleTimeout(10 * time.Minute)})
			other := client.anonymous()
			client.visit("/")
			other.visit("/")
			client.visit("/age")
			for range 3 {
				time.Sleep(9 * time.Minute)
				require.Equal(t, "1 true", client.visit("/views"), "each request restarts the ten minutes")
			}
			time.Sleep(10 * time.Minute)
			assert.Equal(t, "0 false", client.visit("/views"))
			assert.Equal(t, "1 true", other.visit("/views"))
		})
	})
	// The cookie outlives the browser session.
	t.Run("persistent cookie", func(t *testing.T) {
		client := direct(t, holdfast.Options{}, pages{"/": count, "/age": setIdleTimeout(90 * time.Second)})
		client.visit("/")
		assert.Zero(t, client.cookie.MaxAge)
		client.visit("/age")
		assert.Equal(t, 90, client.cookie.MaxAge)
		assert.False(t, client.cookie.Expires.IsZero())
	})
	t.Run("read back", func(t *testing.T) {
		idle := func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) { fmt.Fprint(w, s.IdleTimeout()) }
		client := direct(t, holdfast.Options{IdleTimeout: time.Hour}, pages{"/": count, "/idle": idle,
			"/soon": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
				s.SetIdleTimeout(10 * time.Minute)
				idle(w, r, s)
			},
			"/default": setIdleTimeout(0)})
		client.visit("/")
		assert.Equal(t, "1h0m0s", client.visit("/idle"))
		assert.Equal(t, "10m0s", client.visit("/soon"))
		assert.Equal(t, "10m0s", client.visit("/idle"))
		client.visit("/default")
		assert.Equal(t, "1h0m0s", client.visit("/idle"))
	})
	// Zero restores the idle timeout of the Manager.
	t.Run("zero", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			client := direct(t, holdfast.Options{IdleTimeout: time.Hour}, pages{"/": count, "/views": views,
				"/soon": setIdleTimeout(10 * time.Minute), "/default": setIdleTimeout(0)})
			client.visit("/")
			client.visit("/soon")
			require.Equal(t, 600, client.cookie.MaxAge)
			client.visit("/default")
			assert.Zero(t, client.cookie.MaxAge)
			assert.Zero(t, client.cookie.Expires)
			time.Sleep(59 * time.Minute)
			assert.Equal(t, "1 true", client.visit("/views"))
		})
	})
	// The response fails.
	t.Run("below a second", func(t *testing.T) {
		for _, age := range []time.Duration{-1, 1, time.Second - 1, -time.Hour} {
			client := direct(t, holdfast.Options{}, pages{"/": count, "/age": setIdleTimeout(age)})
			client.visit("/")
			assert.Equal(t, http.StatusInternalServerError, client.show("/age").Code, age)
		}
	})
}

// A slow read does not undo an idle timeout that was set meanwhile.
func TestSetIdleTimeout_slow_request(t *testing.T) {
	for name, test := range map[string]struct {
		age, away time.Duration
		want      string
	}{
		"longer":  {3 * time.Hour, 2 * time.Hour, "1 true"},
		"shorter": {time.Minute, 2 * time.Minute, "0 false"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				loaded, proceed := make(chan struct{}), make(chan struct{})
				client := direct(t, holdfast.Options{IdleTimeout: time.Hour}, pages{"/": count, "/views": views,
					"/slow": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
						s.IsNew()
						close(loaded)
						<-proceed
					},
					"/age": setIdleTimeout(test.age),
				})
				client.visit("/")
				done := make(chan struct{})
				slow := client.twin()
				go func() { slow.visit("/slow"); close(done) }()
				<-loaded
				client.visit("/age")
				close(proceed)
				<-done

				time.Sleep(test.away)

				assert.Equal(t, test.want, client.visit("/views"))
			})
		})
	}
}

func TestSetExpires(t *testing.T) {
	t.Run("despite activity", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			end := time.Now().Add(25 * time.Minute)
			client := direct(t, holdfast.Options{}, pages{"/": count, "/views": views,
				"/expires": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
					s.SetExpires(end)
					assert.True(t, s.Expires().Equal(end))
				}})
			client.visit("/")
			client.visit("/expires")
			for range 4 {
				time.Sleep(6 * time.Minute)
				require.Equal(t, "1 true", client.visit("/views"))
			}
			time.Sleep(time.Minute)
			assert.Equal(t, "0 false", client.visit("/views"))
		})
	})
	t.Run("cookie", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			end := time.Now().Add(20 * time.Minute)
			client := direct(t, holdfast.Options{}, pages{"/": count,
				"/expires": setExpires(end)})
			client.visit("/")
			client.visit("/expires")
			assert.Equal(t, 20*60, client.cookie.MaxAge)
			assert.Equal(t, end.UTC(), client.cookie.Expires)
		})
	})
	// The zero time removes the expiry.
	t.Run("zero", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			client := direct(t, holdfast.Options{}, pages{"/": count, "/views": views,
				"/soon": setExpires(time.Now().Add(time.Minute)), "/never": setExpires(time.Time{})})
			client.visit("/")
			client.visit("/soon")
			client.visit("/never")
			time.Sleep(time.Minute)
			assert.Equal(t, "1 true", client.visit("/views"))
		})
	})
	t.Run("absolute lifetime", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			client := direct(t, holdfast.Options{AbsoluteLifetime: time.Hour}, pages{"/": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
				s.SetExpires(time.Now().Add(1000 * time.Hour))
				assert.True(t, s.Expires().Equal(s.Created().Add(time.Hour)))
			}})
			client.visit("/")
		})
	})
	// A stored session ends at once.
	t.Run("in the past", func(t *testing.T) {
		c := newCache(t)
		client := direct(t, holdfast.Options{Cache: c}, pages{"/": count, "/views": views,
			"/past": setExpires(time.Unix(0, 0))})
		client.visit("/")
		assert.Equal(t, http.StatusOK, client.show("/past").Code)
		assert.Zero(t, c.Len())
		assert.Negative(t, client.cookie.MaxAge, "the response removes the cookie")
	})
	// The session is not stored, and the response does not fail.
	t.Run("in the past, new session", func(t *testing.T) {
		manager, site := manage(t, holdfast.Options{})
		handler := manager.Handler(pages{"/": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.Set("a", 1)
			s.SetExpires(time.Now().Add(-time.Second))
		}}.handler())
		assert.Equal(t, http.StatusOK, record(handler, get("/")).Code)
		assert.Zero(t, site.cache.Len())
	})
	t.Run("in the year 9999", func(t *testing.T) {
		client := direct(t, holdfast.Options{}, pages{"/": count, "/views": views,
			"/never": setExpires(time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC))})
		client.visit("/")
		client.visit("/never")
		assert.Equal(t, "1 true", client.visit("/views"))
	})
}

// A page that polls must not keep its session alive for ever.
func TestPassive_does_not_extend(t *testing.T) {
	passive := func(r *http.Request) bool { return r.URL.Path != "/" && r.URL.Path != "/views" }
	options := holdfast.Options{IdleTimeout: time.Hour, Passive: passive, Carrier: holdfast.Cookie{Rolling: true}}
	for name, poll := range map[string]page{
		"it reads": views,
		"it is slow": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
			views(w, r, s)
			time.Sleep(10 * time.Second)
		},
		"it saves nothing": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
			if !s.IsNew() {
				s.Set("views", 1)
				assert.NoError(t, s.Save())
			}
			views(w, r, s)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := direct(t, options, pages{"/": count, "/views": views, "/poll": poll})
				client.visit("/")
				for range 5 {
					time.Sleep(11 * time.Minute)
					response := client.show("/poll")
					assert.Equal(t, "1 true", response.Body.String(), "it has its session")
					assert.Empty(t, response.Result().Cookies())
				}
				time.Sleep(5 * time.Minute)
				assert.Equal(t, "0 false", client.visit("/poll"))
			})
		})
	}
	t.Run("others do", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			client := direct(t, options, pages{"/": count, "/views": views})
			client.visit("/")
			time.Sleep(55 * time.Minute)
			assert.Len(t, client.show("/views").Result().Cookies(), 1)
			time.Sleep(55 * time.Minute)
			assert.Equal(t, "1 true", client.visit("/views"))
		})
	})
	t.Run("explicit acts", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			client := direct(t, options, pages{"/": count, "/views": views,
				"/touch": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { assert.NoError(t, s.Touch()) },
				"/write": count, "/login": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { s.Login("ada") }})
			client.visit("/")
			for _, page := range []string{"/touch", "/write", "/login"} {
				time.Sleep(55 * time.Minute)
				client.visit(page)
			}
			time.Sleep(55 * time.Minute)
			assert.Equal(t, "2 true", client.visit("/views"))
		})
	})
}

// A passive request does not promote its session, so a flood evicts it.
func TestPassive_is_no_use(t *testing.T) {
	for _, polls := range []bool{true, false} {
		c := newCacheOf(t, 256<<10)
		client := direct(t, holdfast.Options{Cache: c, Passive: func(r *http.Request) bool { return polls && r.URL.Path == "/poll" }},
			pages{"/": count, "/views": views, "/poll": views})
		client.visit("/")
		client.visit("/poll")
		for range 5000 {
			client.anonymous().visit("/")
		}
		assert.Equal(t, map[bool]string{true: "0 false", false: "1 true"}[polls], client.visit("/views"))
	}
}
