package holdfast_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
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
	"github.com/holdfast-go/holdfast/codec"
)

// These tests see the whole from outside: a real server, real cookie jars, and
// sessions in a real cache.

// count shows how often this session was counted.
func count(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
	views, err := holdfast.Update(s, "views", func(n int) int { return n + 1 })
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	fmt.Fprint(w, views)
}

func views(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
	n, ok := holdfast.Get[int](s, "views")
	fmt.Fprint(w, n, " ", ok)
}

func destroy(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
	if err := s.Destroy(); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

func TestThe42ndVisitSays42AndAnotherBrowserStartsAfresh(t *testing.T) {
	site := serve(t, holdfast.Options{}, pages{"/": count})
	ada := site.browser()
	for range 41 {
		ada.visit("/")
	}
	assert.Equal(t, "42", ada.visit("/").text)
	assert.Equal(t, "1", site.browser().visit("/").text)
}

func TestParallelVisitsOfOneBrowserAllCount(t *testing.T) {
	site := serve(t, holdfast.Options{}, pages{"/": count})
	ada := site.browser()
	require.Equal(t, "1", ada.visit("/").text)
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() { ada.visit("/") })
	}
	wg.Wait()
	assert.Equal(t, "102", ada.visit("/").text)
}

func TestConcurrentRequestsThatChangeDifferentKeysLoseNothing(t *testing.T) {
	arrived := make(chan struct{}, 2)
	together := make(chan struct{})
	change := func(key string) func(http.ResponseWriter, *http.Request, *holdfast.Session) {
		return func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.Set(key, s.Keys()) // both have loaded the session before either commits
			arrived <- struct{}{}
			<-together
		}
	}
	site := serve(t, holdfast.Options{}, pages{
		"/":  count,
		"/a": change("a"),
		"/b": change("b"),
		"/keys": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			fmt.Fprint(w, len(s.Keys()))
		},
	})
	ada := site.browser()
	ada.visit("/")
	var wg sync.WaitGroup
	wg.Go(func() { ada.visit("/a") })
	wg.Go(func() { ada.visit("/b") })
	<-arrived
	<-arrived
	close(together)
	wg.Wait()
	assert.Equal(t, "3", ada.visit("/keys").text)
}

func TestADestroyedSessionIsNotBroughtBackByASlowRequest(t *testing.T) {
	slow := map[string]func(s *holdfast.Session){
		"that reads":                  func(s *holdfast.Session) { holdfast.Get[int](s, "views") },
		"that sets a value":           func(s *holdfast.Session) { s.Set("late", true) },
		"that updates a value":        func(s *holdfast.Session) { holdfast.Update(s, "views", func(n int) int { return n + 1 }) },
		"that saves":                  func(s *holdfast.Session) { s.Set("late", true); s.Save() },
		"that touches":                func(s *holdfast.Session) { s.Touch() },
		"that regenerates":            func(s *holdfast.Session) { s.Regenerate() },
		"that clears and regenerates": func(s *holdfast.Session) { s.Clear(); s.Set("late", true); s.Regenerate() },
	}
	for name, act := range slow {
		t.Run(name, func(t *testing.T) {
			arrived, proceed := make(chan struct{}), make(chan struct{})
			site := serve(t, holdfast.Options{}, pages{
				"/": count, "/destroy": destroy, "/views": views,
				"/slow": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
					s.IsNew()
					close(arrived)
					<-proceed
					act(s)
				},
			})
			ada := site.browser()
			old := ada.visit("/").cookie().String()
			var late shown
			done := make(chan struct{})
			go func() { late = site.with(old, "/slow"); close(done) }()
			<-arrived

			ada.visit("/destroy")
			assert.Equal(t, "1", ada.visit("/").text, "a new session begins while the slow request goes on")
			close(proceed)
			<-done

			assert.Equal(t, http.StatusOK, late.StatusCode)
			assert.Nil(t, late.cookie(), "the slow request sets no cookie")
			assert.Equal(t, "0 false", site.with(old, "/views").text, "the old ID is dead")
			assert.Equal(t, 1, site.cache.Len())
		})
	}
}

func TestDestroyMakesTheBrowserForgetTheCookie(t *testing.T) {
	site := serve(t, holdfast.Options{}, pages{"/": count, "/destroy": destroy})
	ada := site.browser()
	ada.visit("/")

	cookie := ada.visit("/destroy").cookie()

	require.NotNil(t, cookie)
	assert.Empty(t, cookie.Value)
	assert.Negative(t, cookie.MaxAge)
	assert.Zero(t, site.cache.Len())
}

func TestValuesSetAfterDestroyBeginANewSession(t *testing.T) {
	site := serve(t, holdfast.Options{}, pages{"/": count, "/views": views,
		"/restart": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
			destroy(w, r, s)
			s.Set("views", 100)
		}})
	ada := site.browser()
	old := ada.visit("/").cookie()

	renewed := ada.visit("/restart").cookie()

	assert.NotEqual(t, old.Value, renewed.Value)
	assert.Equal(t, "101", ada.visit("/").text)
	assert.Equal(t, "0 false", site.with(old.String(), "/views").text)
}

func TestRegenerateKeepsTheValuesUnderANewIDAndEndsTheOld(t *testing.T) {
	sealed, err := codec.NewSealed(codec.MsgPack{}, []byte("0123456789abcdef0123456789abcdef"))
	require.NoError(t, err)
	for name, c := range map[string]codec.Codec{"MsgPack": codec.MsgPack{}, "JSON": codec.JSON{}, "Sealed": sealed} {
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
			assert.Equal(t, 1, site.cache.Len())
		})
	}
}

func TestAnIDThatTheServerDidNotIssueIsNotAdopted(t *testing.T) {
	site := serve(t, holdfast.Options{}, pages{"/": count})
	presented := strings.Repeat("A", 43)

	cookie := site.with("session="+presented, "/").cookie()

	require.NotNil(t, cookie)
	assert.NotEqual(t, presented, cookie.Value)
	assert.Equal(t, "1", site.with("session="+presented, "/").text)
}

func TestMalformedIDsNeverReachTheStore(t *testing.T) {
	id := strings.Repeat("A", 43)
	for _, presented := range []string{
		"", "A", id[1:], id + "A", "../" + id[3:], id[1:] + "\x00", id[1:] + "%", id[1:] + "=", id[1:] + "+", `"` + id + `"`, strings.Repeat("A", 1<<16),
	} {
		store := &spy{Store: newCache(t)}
		client := direct(t, holdfast.Options{Store: store}, pages{"/views": views})
		assert.Equal(t, "0 false", client.visitWith("session="+presented, "/views"))
		assert.Zero(t, store.reads.Load(), "%.50q", presented)
	}
}

func TestOfDuplicateCookiesTheFirstCounts(t *testing.T) {
	site := serve(t, holdfast.Options{}, pages{"/": count})
	ada := site.browser().visit("/").cookie().String()
	other := "session=" + strings.Repeat("A", 43)

	assert.Equal(t, "2", site.with(ada+"; "+other, "/").text)
	assert.Equal(t, "1", site.with(other+"; "+ada, "/").text)
}

func TestTheStoredKeyIsNotTheIDAndLogsNobodyIn(t *testing.T) {
	site := serve(t, holdfast.Options{}, pages{"/": count, "/views": views})
	id := site.browser().visit("/").cookie().Value
	for key, record := range site.cache.All() {
		assert.NotContains(t, key, id)
		assert.NotContains(t, string(record), id)
		for _, presented := range []string{
			hex.EncodeToString([]byte(key)), base64.RawURLEncoding.EncodeToString([]byte(key)),
		} {
			assert.Equal(t, "0 false", site.with("session="+presented, "/views").text)
		}
	}
}

func TestAnonymousRequestsStoreNothingAndGetNoCookie(t *testing.T) {
	site := serve(t, holdfast.Options{}, pages{"/views": views, "/nothing": func(http.ResponseWriter, *http.Request, *holdfast.Session) {},
		"/cleared": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { s.Set("a", 1); s.Delete("a") }})
	for _, path := range []string{"/views", "/nothing", "/cleared"} {
		shown := site.browser().visit(path)
		assert.Empty(t, shown.Header.Values("Set-Cookie"), path)
		assert.Zero(t, site.cache.Len(), path)
	}
}

func TestTheCookieIsAsStrictAsTheConnectionAllows(t *testing.T) {
	t.Run("plain HTTP", func(t *testing.T) {
		site := serve(t, holdfast.Options{}, pages{"/": count})
		header := site.browser().visit("/").Header.Get("Set-Cookie")
		assert.Regexp(t, `^session=[\w-]{43}; Path=/; HttpOnly; SameSite=Lax$`, header)
	})
	t.Run("TLS", func(t *testing.T) {
		site, client := serveTLS(t, holdfast.Options{}, pages{"/": count})
		ada := &browser{client, site}
		assert.Regexp(t, `^__Host-session=[\w-]{43}; Path=/; HttpOnly; Secure; SameSite=Lax$`, ada.visit("/").Header.Get("Set-Cookie"))
		assert.Equal(t, "2", ada.visit("/").text)
	})
	t.Run("TLS with a path", func(t *testing.T) {
		site, client := serveTLS(t, holdfast.Options{Carrier: holdfast.Cookie{Path: "/app"}}, pages{"/app/": count})
		ada := &browser{client, site}
		assert.Regexp(t, `^__Secure-session=`, ada.visit("/app/").Header.Get("Set-Cookie"))
		assert.Equal(t, "2", ada.visit("/app/").text)
	})
	t.Run("over TLS a cookie that plain HTTP could have planted does not count", func(t *testing.T) {
		site, client := serveTLS(t, holdfast.Options{}, pages{"/": count})
		ada := &browser{client, site}
		planted := strings.TrimPrefix(ada.visit("/").cookie().String(), "__Host-")
		request, _ := http.NewRequest(http.MethodGet, site.url, nil)
		request.Header.Set("Cookie", planted)
		response, err := client.Transport.RoundTrip(request)
		require.NoError(t, err)
		assert.Equal(t, "1", read(t, response).text)
	})
}

func TestOneSetCookieOfOursAndTheHandlersOwnAreKept(t *testing.T) {
	site := serve(t, holdfast.Options{}, pages{"/": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
		http.SetCookie(w, &http.Cookie{Name: "theme", Value: "dark"})
		s.Set("a", 1)
		s.Save()
		s.Regenerate()
		s.Set("b", 2)
		w.Write(nil)
		w.Write(nil)
	}})
	cookies := site.browser().visit("/").Header.Values("Set-Cookie")
	require.Len(t, cookies, 2)
	assert.Equal(t, "theme=dark", cookies[0])
	assert.Regexp(t, "^session=", cookies[1])
}

func TestTheCookieIsSentOnceAndNotOnEveryResponse(t *testing.T) {
	site := serve(t, holdfast.Options{}, pages{"/": count, "/views": views})
	ada := site.browser()
	require.NotNil(t, ada.visit("/").cookie())
	assert.Nil(t, ada.visit("/").cookie())
	assert.Nil(t, ada.visit("/views").cookie())
}

func TestResponsesTellCachesWhatTheyMayDo(t *testing.T) {
	site := serve(t, holdfast.Options{}, pages{"/": count, "/views": views,
		"/public": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			w.Header().Set("Cache-Control", "public")
		},
		"/varies": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			w.Header().Set("Vary", "Accept, cookie")
			s.IsNew()
		},
		"/eager": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			w.Header().Set("Cache-Control", "public")
			s.Set("a", 1)
		}})
	for path, want := range map[string]struct{ vary, cacheControl string }{
		"/":       {"Cookie", "no-store"},
		"/views":  {"Cookie", ""},
		"/public": {"", "public"},
		"/varies": {"Accept, cookie", ""},
		"/eager":  {"Cookie", "no-store"},
	} {
		header := site.browser().visit(path).Header
		assert.Equal(t, want.vary, strings.Join(header.Values("Vary"), "|"), path)
		assert.Equal(t, want.cacheControl, header.Get("Cache-Control"), path)
	}
}

func TestTheSessionIsStoredBeforeTheFirstByteLeaves(t *testing.T) {
	writes := map[string]func(w http.ResponseWriter, r *http.Request){
		"Write":       func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("x")) },
		"WriteString": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "x") },
		"ReadFrom":    func(w http.ResponseWriter, _ *http.Request) { io.Copy(w, strings.NewReader("x")) },
		"WriteHeader": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
		"Redirect":    func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusSeeOther) },
		"Flush":       func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush() },
		"Controller":  func(w http.ResponseWriter, _ *http.Request) { http.NewResponseController(w).Flush() },
	}
	for name, write := range writes {
		t.Run(name, func(t *testing.T) {
			var site *site
			stored := make(chan int, 1)
			site = serve(t, holdfast.Options{}, pages{"/": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
				s.Set("a", 1)
				write(w, r)
				stored <- site.cache.Len()
			}})
			response := site.with("", "/")
			assert.NotNil(t, response.cookie())
			assert.Equal(t, 1, <-stored)
		})
	}
}

func TestAnInformationalHeaderDoesNotBeginTheResponse(t *testing.T) {
	site := serve(t, holdfast.Options{}, pages{"/": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
		w.WriteHeader(http.StatusEarlyHints)
		s.Set("a", 1)
	}})
	assert.NotNil(t, site.with("", "/").cookie())
}

func TestAChangeAfterTheFirstByteIsStored(t *testing.T) {
	site := serve(t, holdfast.Options{}, pages{"/": count, "/views": views,
		"/late": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			w.Write([]byte("first byte"))
			s.Set("views", 1000)
		}})
	ada := site.browser()
	ada.visit("/")
	ada.visit("/late")
	assert.Equal(t, "1000 true", ada.visit("/views").text)
}

func TestWhatNeedsACookieAfterTheFirstByteIsAnError(t *testing.T) {
	errs := make(chan error, 2)
	site := serve(t, holdfast.Options{}, pages{"/": count,
		"/new": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			w.Write([]byte("first byte"))
			s.Set("a", 1)
			errs <- s.Save()
		},
		"/regenerate": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			w.Write([]byte("first byte"))
			errs <- s.Regenerate()
		}})
	site.browser().visit("/new")
	assert.ErrorIs(t, <-errs, holdfast.ErrHeaderSent)
	assert.Zero(t, site.cache.Len())

	ada := site.browser()
	ada.visit("/")
	ada.visit("/regenerate")
	assert.ErrorIs(t, <-errs, holdfast.ErrHeaderSent)
	assert.Equal(t, "2", ada.visit("/").text, "the session is as it was")
}

func TestANewSessionTooLateForItsCookieIsLoggedAndNotLostInSilence(t *testing.T) {
	done := make(chan struct{})
	manager, site := manage(t, holdfast.Options{})
	handler := manager.Handler(pages{"/": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		w.Write([]byte("first byte"))
		s.Set("a", 1)
	}}.handler())
	site.serveHandler(func(w http.ResponseWriter, r *http.Request) {
		defer close(done)
		handler.ServeHTTP(w, r)
	})
	site.with("", "/")
	<-done
	assert.Contains(t, site.log.String(), holdfast.ErrHeaderSent.Error())
}

func TestTheWriterHasTheAbilitiesOfTheOneItWraps(t *testing.T) {
	type abilities struct{ flush, hijack bool }
	seen := make(chan abilities, 1)
	page := pages{"/": func(w http.ResponseWriter, _ *http.Request, _ *holdfast.Session) {
		_, flush := w.(http.Flusher)
		_, hijack := w.(http.Hijacker)
		seen <- abilities{flush, hijack}
	}}
	manager, site := manage(t, holdfast.Options{})
	handler := manager.Handler(page.handler())
	for want, wrap := range map[abilities]func(w http.ResponseWriter) http.ResponseWriter{
		{true, true}:  func(w http.ResponseWriter) http.ResponseWriter { return w },
		{true, false}: func(w http.ResponseWriter) http.ResponseWriter { return struct{ flushOnly }{w.(flushOnly)} },
		{false, true}: func(w http.ResponseWriter) http.ResponseWriter { return struct{ hijackOnly }{w.(hijackOnly)} },
		{}:            func(w http.ResponseWriter) http.ResponseWriter { return struct{ http.ResponseWriter }{w} },
	} {
		site.serveHandler(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(wrap(w), r) })
		site.with("", "/")
		assert.Equal(t, want, <-seen)
	}
}

func TestAbilitiesOfDifferentWritersUnderneathAddUp(t *testing.T) {
	manager, site := manage(t, holdfast.Options{})
	seen := make(chan bool, 1)
	handler := manager.Handler(pages{"/": func(w http.ResponseWriter, _ *http.Request, _ *holdfast.Session) {
		_, both := w.(interface {
			http.Flusher
			http.Hijacker
		})
		seen <- both
	}}.handler())
	site.serveHandler(func(w http.ResponseWriter, r *http.Request) {
		handler.ServeHTTP(flushesOver{w.(flushOnly), struct{ hijackOnly }{w.(hijackOnly)}}, r)
	})
	site.with("", "/")
	assert.True(t, <-seen)
}

// flushesOver is a writer that flushes and wraps another one.
type flushesOver struct {
	flushOnly
	inner http.ResponseWriter
}

func (w flushesOver) Unwrap() http.ResponseWriter { return w.inner }

type flushOnly interface {
	http.ResponseWriter
	http.Flusher
}

type hijackOnly interface {
	http.ResponseWriter
	http.Hijacker
}

func TestAHijackedConnectionIsTheHandlersAndTheSessionIsStored(t *testing.T) {
	site := serve(t, holdfast.Options{}, pages{"/": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		s.Set("a", 1)
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		fmt.Fprintf(rw, "HTTP/1.1 200 OK\r\nSet-Cookie: %s\r\nContent-Length: 6\r\n\r\nby me\n", w.Header().Get("Set-Cookie"))
		rw.Flush()
	}})
	shown := site.with("", "/")
	assert.Equal(t, "by me\n", shown.text)
	assert.NotNil(t, shown.cookie())
	assert.Equal(t, 1, site.cache.Len())
}

// Time is virtual here: the requests go to the handler directly, since a
// network would hold the clock of the bubble.
func TestIdleTimeoutAndAbsoluteLifetime(t *testing.T) {
	options := holdfast.Options{IdleTimeout: time.Hour, AbsoluteLifetime: 5 * time.Hour}
	t.Run("activity restarts the idle timeout", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			client := direct(t, options, pages{"/": count, "/views": views})
			client.visit("/")
			for range 3 {
				time.Sleep(time.Hour - 1)
				require.Equal(t, "1 true", client.visit("/views"))
			}
		})
	})
	t.Run("idleness ends it", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			client := direct(t, options, pages{"/": count, "/views": views})
			client.visit("/")
			time.Sleep(time.Hour)
			require.Equal(t, "0 false", client.visit("/views"))
		})
	})
	t.Run("constant activity does not pass the absolute lifetime", func(t *testing.T) {
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
	for name, body := range map[string]string{"after its first byte": "first byte", "and it has written nothing": ""} {
		t.Run("a slow handler's end is activity too, "+name, func(t *testing.T) {
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
	t.Run("so is its first byte", func(t *testing.T) {
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
	t.Run("regeneration does not prolong the absolute lifetime", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			client := direct(t, options, pages{"/": count, "/views": views,
				"/regenerate": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { s.Regenerate() }})
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
	t.Run("SetMaxAge can shorten the idle timeout of one session", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			client := direct(t, options, pages{"/": count, "/views": views,
				"/shorten": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { s.SetMaxAge(time.Minute) }})
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
	t.Run("SetMaxAge gives one session its own idle timeout", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			client := direct(t, options, pages{"/": count, "/views": views,
				"/remember": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { s.SetMaxAge(3 * time.Hour) }})
			client.visit("/")
			client.visit("/remember")
			require.Equal(t, 3*60*60, client.cookie.MaxAge)
			time.Sleep(3*time.Hour - 1)
			require.Equal(t, "1 true", client.visit("/views"))
			time.Sleep(2*time.Hour + 1)
			require.Equal(t, "0 false", client.visit("/views"), "but not its own absolute lifetime")
		})
	})
}

func TestAValueThatCannotBeEncodedFailsTheResponseAndStoresNothing(t *testing.T) {
	site := serve(t, holdfast.Options{}, pages{"/": count, "/views": views,
		"/bad": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.Set("views", 1000)
			s.Set("bad", make(chan int))
			fmt.Fprint(w, "all is well")
		}})
	ada := site.browser()
	ada.visit("/")

	bad := ada.visit("/bad")

	assert.Equal(t, http.StatusInternalServerError, bad.StatusCode)
	assert.NotContains(t, bad.text, "all is well")
	assert.Equal(t, "1 true", ada.visit("/views").text)
	assert.Contains(t, site.log.String(), "chan int")
}

func TestAStoreErrorIsAnErrorResponseThatTheApplicationMayWrite(t *testing.T) {
	c := newCache(t)
	site := serve(t, holdfast.Options{Store: c, ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
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

func TestAPanicInTheHandlerStoresNothingAndReachesTheServer(t *testing.T) {
	manager, site := manage(t, holdfast.Options{})
	handler := manager.Handler(pages{"/": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		s.Set("a", 1)
		panic("boom")
	}}.handler())
	site.serveHandler(func(w http.ResponseWriter, r *http.Request) {
		defer func() { fmt.Fprint(w, recover()) }()
		handler.ServeHTTP(w, r)
	})
	assert.Equal(t, "boom", site.with("", "/").text)
	assert.Zero(t, site.cache.Len())
}

// verbs are those of fmt by which something may come to be printed.
var verbs = []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%t"}

type aKey struct{}

func TestNoIDIsPrinted(t *testing.T) {
	site := serve(t, holdfast.Options{}, pages{"/": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
		s.Set("a", "secret-value")
		id, ctx := s.ID(), r.Context()
		for name, value := range map[string]any{
			"a session": s, "a context": ctx, "a writer": w, "a request": r,
			"a context around it": context.WithValue(ctx, aKey{}, 1),
			"a slice":             []*holdfast.Session{s},
			// fmt asks no Format of what is in an unexported field.
			"a session in a struct": struct{ s *holdfast.Session }{s},
			"a session as any":      struct{ a any }{s},
			"behind a pointer":      &struct{ s *holdfast.Session }{s},
			"a context in a struct": struct{ c context.Context }{ctx},
			"a writer in a struct":  &struct{ w http.ResponseWriter }{w},
		} {
			for _, verb := range verbs {
				printed := fmt.Sprintf(verb, value)
				assert.NotContains(t, printed, id, "%s, %s", name, verb)
				assert.NotContains(t, printed, fmt.Sprintf("%x", id), "%s, %s", name, verb)
				assert.NotContains(t, printed, "secret", "%s, %s", name, verb)
			}
		}
	}})
	site.browser().visit("/")
}

func TestAManagerPrintsNoKeyWhereverItLies(t *testing.T) {
	key := []byte("0123456789abcdef0123456789abcdef")
	manager, err := holdfast.New(holdfast.Options{Keys: [][]byte{key}})
	require.NoError(t, err)
	defer manager.Close()
	for name, value := range map[string]any{
		"itself":           manager,
		"in a struct":      struct{ m *holdfast.Manager }{manager},
		"behind a pointer": &struct{ m *holdfast.Manager }{manager},
	} {
		for _, verb := range verbs {
			printed := fmt.Sprintf(verb, value)
			for _, secret := range []string{string(key), fmt.Sprintf("%x", key), "48 49 50 51", "0x30, 0x31, 0x32", "%!t(uint8=48)"} {
				assert.NotContains(t, printed, secret, "%s, %s", name, verb)
			}
		}
	}
}

func TestChangingAReturnedValueChangesNothingStored(t *testing.T) {
	site := serve(t, holdfast.Options{}, pages{"/": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		given := map[string][]string{"roles": {"reader"}}
		s.Set("user", given)
		given["roles"][0] = "admin"
		returned, _ := holdfast.Get[map[string][]string](s, "user")
		returned["roles"][0] = "admin"
		again, _ := holdfast.Get[map[string][]string](s, "user")
		fmt.Fprint(w, again)
	}})
	assert.Equal(t, "map[roles:[reader]]", site.browser().visit("/").text)
}

func TestUpdateOfAValueOfAnotherTypeIsAnErrorAndChangesNothing(t *testing.T) {
	errs := make(chan error, 1)
	site := serve(t, holdfast.Options{}, pages{"/": count, "/views": views,
		"/wrong": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			_, err := holdfast.Update(s, "views", func(string) string { return "x" })
			errs <- err
		}})
	ada := site.browser()
	ada.visit("/")
	ada.visit("/wrong")
	assert.ErrorIs(t, <-errs, holdfast.ErrValue)
	assert.Equal(t, "1 true", ada.visit("/views").text)
}

func TestUpdateSeesWhatTheRequestSetBefore(t *testing.T) {
	site := serve(t, holdfast.Options{}, pages{"/": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		s.Set("views", 10)
		n, _ := holdfast.Update(s, "views", func(n int) int { return n + 1 })
		fmt.Fprint(w, n)
	}, "/views": views})
	ada := site.browser()
	assert.Equal(t, "11", ada.visit("/").text)
	assert.Equal(t, "11 true", ada.visit("/views").text)
}

func TestDeleteAndClearRemoveValues(t *testing.T) {
	site := serve(t, holdfast.Options{}, pages{
		"/set": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.Set("a", 1)
			s.Set("b", 2)
			s.Set("c", 3)
		},
		"/delete": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { s.Delete("a") },
		"/clear":  func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { s.Clear(); s.Set("d", 4) },
		"/keys":   func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) { fmt.Fprint(w, s.Keys()) },
	})
	ada := site.browser()
	ada.visit("/set")
	ada.visit("/delete")
	assert.Equal(t, "[b c]", ada.visit("/keys").text)
	ada.visit("/clear")
	assert.Equal(t, "[d]", ada.visit("/keys").text)
}

func TestIsNewAndCreatedTellWhenTheSessionBegan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := direct(t, holdfast.Options{}, pages{"/": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.Set("a", 1)
			fmt.Fprint(w, s.IsNew(), " ", time.Since(s.Created()))
		}})
		assert.Equal(t, "true 0s", client.visit("/"))
		time.Sleep(time.Minute)
		assert.Equal(t, "false 1m0s", client.visit("/"))
	})
}

func TestFromContextWithoutAHandlerFindsNothing(t *testing.T) {
	s, ok := holdfast.FromContext(t.Context())
	assert.False(t, ok)
	assert.Nil(t, s)
}

func TestHandlerWithinHandlerOfTheSameManagerIsOneSession(t *testing.T) {
	manager, site := manage(t, holdfast.Options{})
	handler := manager.Handler(manager.Handler(pages{"/": count}.handler()))
	site.serveHandler(handler.ServeHTTP)
	assert.Len(t, site.with("", "/").Header.Values("Set-Cookie"), 1)
}

func TestAFloodLeavesTheCapAndTheUserWhoCameBackIntact(t *testing.T) {
	const maxBytes = 2 << 20
	c, err := cache.New(cache.Options{MaxBytes: maxBytes})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	client := direct(t, holdfast.Options{Store: c}, pages{"/": count})
	client.visit("/")
	client.visit("/")
	for range 50_000 {
		client.anonymous().visit("/")
	}
	assert.Positive(t, c.Stats().EvictedForCapacity)
	assert.LessOrEqual(t, c.Stats().Bytes.Total(), int64(maxBytes))
	assert.Equal(t, "3", client.visit("/"))
}

func TestOptionsThatCannotWorkAreRefused(t *testing.T) {
	for name, o := range map[string]holdfast.Options{
		"negative idle timeout":        {IdleTimeout: -1},
		"negative absolute lifetime":   {AbsoluteLifetime: -1},
		"cookie name with a space":     {Carrier: holdfast.Cookie{Name: "a b"}},
		"cookie path with a semicolon": {Carrier: holdfast.Cookie{Path: "/;"}},
		"cookie domain that is none":   {Carrier: holdfast.Cookie{Domain: "a b"}},
		"SameSite that is none":        {Carrier: holdfast.Cookie{SameSite: 9}},
		"__Host- cookie with a domain": {Carrier: holdfast.Cookie{Name: "__Host-a", Domain: "example.org"}},
		"__Host- cookie with a path":   {Carrier: holdfast.Cookie{Name: "__Host-a", Path: "/app"}},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := holdfast.New(o)
			assert.ErrorIs(t, err, holdfast.ErrOptions)
			assert.Nil(t, m)
		})
	}
}

func TestCloseMayBeCalledAgain(t *testing.T) {
	m, err := holdfast.New(holdfast.Options{})
	require.NoError(t, err)
	assert.NoError(t, m.Close())
	assert.NoError(t, m.Close())
}
