package holdfast_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
)

func TestCommit_before_the_first_byte(t *testing.T) {
	writes := map[string]func(w http.ResponseWriter, r *http.Request){
		"Write":       func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("x")) },
		"WriteString": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "x") },
		"ReadFrom":    func(w http.ResponseWriter, _ *http.Request) { w.(io.ReaderFrom).ReadFrom(strings.NewReader("x")) },
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

// A client that has read the whole body finds its session stored, while the
// handler still runs.
func TestCommit_before_the_body_ends(t *testing.T) {
	bodies := map[string]func(w http.ResponseWriter){
		"empty": func(w http.ResponseWriter) { w.WriteHeader(http.StatusNoContent) },
		"fixed length": func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "4")
			io.WriteString(w, "body")
		},
		"many writes": func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "100")
			for range 100 {
				io.WriteString(w, "x")
			}
		},
		"redirect": func(w http.ResponseWriter) {
			w.Header().Set("Location", "/views")
			w.Header().Set("Content-Length", "0")
			w.WriteHeader(http.StatusSeeOther)
		},
	}
	for name, write := range bodies {
		t.Run(name, func(t *testing.T) {
			proceed := make(chan struct{})
			site := serve(t, holdfast.Options{}, pages{"/views": views,
				"/": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
					s.Set("views", 1)
					write(w)
					http.NewResponseController(w).Flush()
					<-proceed
				}})
			defer close(proceed)
			response := site.with("", "/")
			next := site.browser() // on its own connection: the first one is busy
			next.Transport = &http.Transport{DisableKeepAlives: true}
			next.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			next.Jar.SetCookies(response.Request.URL, response.Cookies())
			assert.Equal(t, "1 true", next.visit("/views").text)
		})
	}
}

// A session without values is not stored and gets no cookie.
func TestCommit_empty_session(t *testing.T) {
	site := serve(t, holdfast.Options{}, pages{"/views": views, "/nothing": nothing,
		"/cleared": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { s.Set("a", 1); s.Delete("a") }})
	for _, path := range []string{"/views", "/nothing", "/cleared"} {
		shown := site.browser().visit(path)
		assert.Empty(t, shown.Header.Values("Set-Cookie"), path)
		assert.Zero(t, site.cache.Len(), path)
	}
}

// With a cache, a request that does not use its session makes no call to the
// store. With a Store, it makes one call, before the handler runs.
func TestCommit_unused_session(t *testing.T) {
	for name, want := range map[string][]string{"Cache": nil, "Store": {"Get"}} {
		t.Run(name, func(t *testing.T) {
			store, client := recorded(t, name, pages{"/": count, "/nothing": nothing})
			client.visit("/")
			assert.Equal(t, want, store.during(func() { client.visit("/nothing") }))
		})
	}
}

// An unmodified session is read once, touched and not written.
func TestCommit_unmodified_session(t *testing.T) {
	for _, name := range []string{"Cache", "Store"} {
		t.Run(name, func(t *testing.T) {
			store, client := recorded(t, name, pages{"/": count, "/views": views})
			client.visit("/")
			assert.Equal(t, []string{"Get", "Touch"}, store.during(func() { client.visit("/views") }))
		})
	}
}

// recorded is a site with a Cache or a Store, and the store whose calls are
// recorded.
func recorded(t *testing.T, kind string, p pages) (*recording, *directClient) {
	t.Helper()
	c := newCache(t)
	store := recordingIn(holdfast.InCache(c))
	o := holdfast.Options{Store: store}
	if kind == "Cache" {
		o = holdfast.Options{Cache: c}
	}
	manager, _ := manage(t, o)
	holdfast.SetStore(manager, store)
	return store, &directClient{handler: manager.Handler(p.handler())}
}

// A touch counts as a use. If a slow handler touched its new session, a flood
// of visitors would look like users who came back.
func TestCommit_new_session_is_not_touched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, client := recorded(t, "Cache", pages{"/": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.Set("a", 1)
			w.Write([]byte("first byte"))
			time.Sleep(time.Minute)
		}})
		client.visit("/")
		assert.Zero(t, store.count("Touch"), "a touch counts as a use")
	})
}

func TestCommit_change_after_the_first_byte(t *testing.T) {
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

// A new session and a new ID need a cookie. After the first byte, it is too
// late for one.
func TestHeaderSent_new_session_and_Regenerate(t *testing.T) {
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
	assert.Equal(t, "2", ada.visit("/").text, "the session is unchanged")
}

// If the handler checks no error, the log reports the lost session.
func TestHeaderSent_new_session_is_logged(t *testing.T) {
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

// Err names the key at once. The log line names the request and the key, but no
// value.
func TestHeaderSent_error_and_log_line(t *testing.T) {
	for name, begin := range map[string]func(w http.ResponseWriter){
		"Write": func(w http.ResponseWriter) { w.Write([]byte("first byte")) },
		"Flush": func(w http.ResponseWriter) { w.(http.Flusher).Flush() },
	} {
		t.Run(name, func(t *testing.T) {
			manager, site := manage(t, holdfast.Options{})
			client := &directClient{handler: manager.Handler(pages{"POST /cart/": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
				begin(w)
				s.Delete("other")
				assert.NoError(t, s.Err(), "there is nothing to store")
				s.Set("cart", "a secret")
				assert.ErrorIs(t, s.Err(), holdfast.ErrHeaderSent)
				assert.ErrorContains(t, s.Err(), `"cart"`)
			}}.handler())}
			client.send(httptest.NewRequest(http.MethodPost, "/cart/7?session=none", nil))
			line := site.log.String()
			assert.Contains(t, line, "method=POST path=/cart/7\n")
			assert.Contains(t, line, "cart")
			assert.NotContains(t, line, "secret")
			assert.Equal(t, 1, strings.Count(line, "\n"))
		})
	}
}

// Concurrent requests that change different keys lose no change.
func TestCommit_concurrent_changes(t *testing.T) {
	arrived := make(chan struct{}, 2)
	together := make(chan struct{})
	change := func(key string) page {
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

// A slow request cannot bring back a session that was destroyed meanwhile.
func TestDestroy_slow_request(t *testing.T) {
	slow := map[string]func(s *holdfast.Session){
		"reads":               func(s *holdfast.Session) { holdfast.Get[int](s, "views") },
		"sets":                func(s *holdfast.Session) { s.Set("late", true) },
		"updates":             func(s *holdfast.Session) { increment(s) },
		"saves":               func(s *holdfast.Session) { s.Set("late", true); s.Save() },
		"touches":             func(s *holdfast.Session) { s.Touch() },
		"regenerates":         func(s *holdfast.Session) { s.Regenerate() },
		"clears, regenerates": func(s *holdfast.Session) { s.Clear(); s.Set("late", true); s.Regenerate() },
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
			assert.Equal(t, "1", ada.visit("/").text, "a new session begins during the slow request")
			close(proceed)
			<-done

			assert.Equal(t, http.StatusOK, late.StatusCode)
			assert.Nil(t, late.cookie(), "the slow request sets no cookie")
			assert.Equal(t, "0 false", site.with(old, "/views").text, "the old ID is dead")
			assert.Equal(t, 1, site.cache.Len())
		})
	}
}

// A response sets no cookie for a session that another request has destroyed.
func TestDestroy_meanwhile_sets_no_cookie(t *testing.T) {
	var client *directClient
	client = direct(t, holdfast.Options{}, pages{"/": count, "/destroy": destroy,
		"/age": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			s.SetIdleTimeout(time.Hour)
			client.twin().visit("/destroy")
		}})
	client.visit("/")
	assert.Empty(t, client.show("/age").Result().Cookies())
}

// A request that loses changes logs one line. A request without changes logs
// none.
func TestDroppedChanges(t *testing.T) {
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

// A panic reaches the server, and nothing is stored.
func TestPanic_stores_nothing(t *testing.T) {
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

// The response is aborted, and nothing is stored.
func TestPanic_ErrAbortHandler(t *testing.T) {
	site := serve(t, holdfast.Options{}, pages{"/": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		s.Set("a", 1)
		panic(http.ErrAbortHandler)
	}})
	_, err := http.Get(site.url)
	assert.Error(t, err)
	assert.Zero(t, site.cache.Len())
}

// A handler that recovers from a panic in a callback can still respond.
func TestPanic_in_NewID(t *testing.T) {
	manager, _ := manage(t, holdfast.Options{NewID: func(*http.Request) (string, error) { panic("no entropy") }})
	page := pages{"/": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		s.Set("a", 1)
		w.Write([]byte("body"))
	}}.handler()

	response := record(manager.Handler(recovering(page)), get("/"))

	assert.Equal(t, http.StatusInternalServerError, response.Code)
	assert.Equal(t, "sorry\n", response.Body.String())
	assert.Empty(t, response.Result().Cookies())
}

// The handler can save after its client has disconnected.
func TestSave_client_disconnected(t *testing.T) {
	arrived, done := make(chan struct{}), make(chan struct{})
	site := serve(t, holdfast.Options{}, pages{"/": count, "/views": views,
		"/slow": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
			s.Set("views", 50)
			close(arrived)
			<-r.Context().Done()
			fmt.Fprint(w, "to nobody")
			s.Save()
			close(done)
		}})
	ada := site.browser()
	ada.visit("/")
	ctx, cancel := context.WithCancel(t.Context())
	request, _ := http.NewRequestWithContext(ctx, http.MethodGet, site.url+"/slow", nil)
	go func() { <-arrived; cancel() }()
	_, err := ada.Do(request)
	require.ErrorIs(t, err, context.Canceled)
	<-done
	assert.Equal(t, "50 true", ada.visit("/views").text)
}

// A goroutine that outlives its request can save.
func TestSave_after_the_request(t *testing.T) {
	sessions := make(chan *holdfast.Session, 1)
	client := direct(t, holdfast.Options{}, pages{"/": count, "/views": views,
		"/later": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { s.IsNew(); sessions <- s }})
	client.visit("/")
	client.visit("/later")
	s := <-sessions
	s.Set("views", 7)
	require.NoError(t, s.Save())
	assert.Equal(t, "7 true", client.visit("/views"))
}

// Save fails, because no response can carry the cookie.
func TestSave_new_session_after_the_request(t *testing.T) {
	sessions := make(chan *holdfast.Session, 1)
	client := direct(t, holdfast.Options{}, pages{"/": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { sessions <- s }})
	client.visit("/")
	s := <-sessions
	s.Set("a", 1)
	assert.ErrorIs(t, s.Save(), holdfast.ErrHeaderSent)
}

// A change after the handler has returned is stored at once, or Err reports it.
func TestSet_after_the_request(t *testing.T) {
	var late *holdfast.Session
	client := direct(t, holdfast.Options{}, pages{"/": count, "/destroy": destroy, "/views": views,
		"/keep": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { late = s; s.IsNew() }})

	client.visit("/keep")
	late.Set("views", 3)
	assert.ErrorIs(t, late.Err(), holdfast.ErrHeaderSent, "a new session needs a cookie")

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

// A handler can save after its timeout.
func TestTimeoutHandler_late_Save(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		manager, _ := manage(t, holdfast.Options{})
		saved := make(chan error, 1)
		client := &directClient{handler: manager.Handler(http.TimeoutHandler(pages{"/": count, "/views": views,
			"/slow": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
				increment(s)
				time.Sleep(2 * time.Minute)
				s.Set("views", 100)
				saved <- s.Save()
			}}.handler(), time.Minute, "too late"))}
		client.visit("/")
		assert.Equal(t, "too late", client.visit("/slow"))
		assert.Equal(t, "2 true", client.visit("/views"))
		assert.NoError(t, <-saved)
		assert.Equal(t, "100 true", client.visit("/views"))
	})
}

// A handler that goes on after its timeout has its changes stored.
func TestTimeoutHandler_late_change(t *testing.T) {
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
