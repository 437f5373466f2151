package holdfast_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/http/httputil"
	"net/textproto"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
)

// The cookie is set before io.Copy calls ReadFrom.
func TestWriter_io_Copy(t *testing.T) {
	client := direct(t, holdfast.Options{}, pages{"/": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		s.Set("a", 1)
		io.Copy(w, struct{ io.Reader }{strings.NewReader("x")}) // without WriterTo, io.Copy calls ReadFrom
	}})
	assert.Equal(t, "x", client.visit("/"))
	assert.NotNil(t, client.cookie)
}

func TestWriter_no_body(t *testing.T) {
	for name, status := range map[string]int{"204": http.StatusNoContent, "304": http.StatusNotModified, "nothing written": 0} {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodDelete} {
			t.Run(method+" "+name, func(t *testing.T) {
				site := serve(t, holdfast.Options{}, pages{"/": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
					s.Set("a", 1)
					if status != 0 {
						w.WriteHeader(status)
					}
				}})
				request, _ := http.NewRequest(method, site.url, nil)
				response, err := http.DefaultTransport.RoundTrip(request)
				require.NoError(t, err)
				assert.NotNil(t, read(t, response).cookie())
			})
		}
	}
}

func TestWriter_trailers(t *testing.T) {
	site := serve(t, holdfast.Options{}, pages{"/": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		s.Set("a", 1)
		w.Header().Set("Trailer", "Declared")
		fmt.Fprint(w, "body")
		w.Header().Set("Declared", "1")
		w.Header().Set(http.TrailerPrefix+"Undeclared", "2")
	}})
	shown := site.with("", "/")
	assert.NotNil(t, shown.cookie())
	assert.Equal(t, "1", shown.Trailer.Get("Declared"))
	assert.Equal(t, "2", shown.Trailer.Get("Undeclared"))
}

// A session can still begin after an informational header.
func TestWriter_informational_header(t *testing.T) {
	site := serve(t, holdfast.Options{}, pages{"/": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
		w.WriteHeader(http.StatusEarlyHints)
		s.Set("a", 1)
	}})
	assert.NotNil(t, site.with("", "/").cookie())
}

func TestWriter_early_hints_carry_no_cookie(t *testing.T) {
	site := serve(t, holdfast.Options{}, pages{"/": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		s.Set("a", 1)
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusProcessing)
	}})
	var hinted []textproto.MIMEHeader
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(_ int, h textproto.MIMEHeader) error {
		hinted = append(hinted, h)
		return nil
	}})
	request, _ := http.NewRequestWithContext(ctx, http.MethodGet, site.url, nil)
	response, err := http.DefaultTransport.RoundTrip(request)
	require.NoError(t, err)
	shown := read(t, response)
	require.Len(t, hinted, 2)
	assert.NotContains(t, fmt.Sprint(hinted), "session=")
	assert.NotNil(t, shown.cookie())
}

func TestWriter_response_ends_twice(t *testing.T) {
	site := serve(t, holdfast.Options{}, pages{"/": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
		count(w, r, s)
		http.Redirect(w, r, "/elsewhere", http.StatusSeeOther)
		http.Error(w, "and once more", http.StatusTeapot)
	}})
	ada := site.browser()
	first := ada.visit("/")
	assert.Equal(t, http.StatusOK, first.StatusCode)
	assert.Len(t, first.Header.Values("Set-Cookie"), 1)
	assert.True(t, strings.HasPrefix(ada.visit("/").text, "2"))
}

func TestWriter_ResponseController_over_HTTP1(t *testing.T) {
	site := serve(t, holdfast.Options{}, pages{"/": func(w http.ResponseWriter, _ *http.Request, _ *holdfast.Session) {
		controller := http.NewResponseController(w)
		assert.NoError(t, controller.EnableFullDuplex())
		assert.NoError(t, controller.SetWriteDeadline(time.Now().Add(time.Minute)))
		assert.NoError(t, controller.SetReadDeadline(time.Now().Add(time.Minute)))
		assert.NoError(t, controller.Flush())
	}})
	assert.Equal(t, http.StatusOK, site.with("", "/").StatusCode)
}

func TestWriter_streams_over_HTTP2(t *testing.T) {
	manager, _ := manage(t, holdfast.Options{})
	server := httptest.NewUnstartedServer(manager.Handler(pages{"/": count,
		"/stream": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			controller := http.NewResponseController(w)
			assert.NoError(t, controller.EnableFullDuplex())
			assert.NoError(t, controller.SetWriteDeadline(time.Now().Add(time.Minute)))
			assert.NoError(t, controller.SetReadDeadline(time.Now().Add(time.Minute)))
			for range 3 {
				fmt.Fprint(w, "x")
				assert.NoError(t, controller.Flush())
			}
			holdfast.Update(s, "views", func(n int) int { return n + 10 })
		}}.handler()))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	client := server.Client()
	client.Jar = newJar(t)
	ada := &browser{client, &site{t: t, url: server.URL}}

	first := ada.visit("/")
	assert.Equal(t, 2, first.ProtoMajor)
	assert.Equal(t, "__Host-session", first.cookie().Name)
	assert.Equal(t, "xxx", ada.visit("/stream").text)
	assert.Equal(t, "12", ada.visit("/").text)
}

// The writer flushes and hijacks if the wrapped writer does.
func TestWriter_Flusher_and_Hijacker(t *testing.T) {
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

// The abilities of several wrapped writers add up.
func TestWriter_Flusher_over_Hijacker(t *testing.T) {
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

// flushesOver is a Flusher that wraps another writer.
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

// The handler owns the connection. The session is stored first.
func TestHijack(t *testing.T) {
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

func TestHijack_then_changes(t *testing.T) {
	done := make(chan struct{})
	manager, site := manage(t, holdfast.Options{})
	handler := manager.Handler(pages{"/": count, "/views": views,
		"/socket": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				panic(err)
			}
			fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			conn.Close()
			s.Set("views", 9)
		}}.handler())
	site.serveHandler(func(w http.ResponseWriter, r *http.Request) {
		handler.ServeHTTP(w, r)
		if r.URL.Path == "/socket" {
			close(done)
		}
	})
	ada := site.browser()
	ada.visit("/")
	ada.visit("/socket")
	<-done
	assert.Equal(t, "9 true", ada.visit("/views").text)
}

func TestHijack_commit_fails(t *testing.T) {
	c := newCache(t)
	site := serve(t, holdfast.Options{Cache: c}, pages{"/": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		s.Set("a", 1)
		_, _, err := http.NewResponseController(w).Hijack()
		assert.ErrorIs(t, err, cache.ErrClosed)
	}})
	c.Close()
	assert.Equal(t, http.StatusInternalServerError, site.with("", "/").StatusCode)
}

// The session is stored before a hijack through middleware with Unwrap.
func TestHijack_behind_Unwrap(t *testing.T) {
	type unwrapping struct{ wrapsOnly }
	manager, site := manage(t, holdfast.Options{})
	handler := manager.Handler(pages{"/": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		s.Set("a", 1)
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		fmt.Fprintf(rw, "HTTP/1.1 200 OK\r\nSet-Cookie: %s\r\nContent-Length: 0\r\n\r\n", w.Header().Get("Set-Cookie"))
		rw.Flush()
	}}.handler())
	site.serveHandler(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(unwrapping{wrapsOnly{w}}, r) })
	assert.NotNil(t, site.with("", "/").cookie())
}

// wrapsOnly is a response writer with Unwrap alone, as in much middleware.
type wrapsOnly struct{ http.ResponseWriter }

func (w wrapsOnly) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func TestTimeoutHandler_cookie(t *testing.T) {
	manager, _ := manage(t, holdfast.Options{})
	page := pages{"/": count}.handler()
	for name, handler := range map[string]http.Handler{
		"around the manager": http.TimeoutHandler(manager.Handler(page), time.Minute, "too late"),
		"below the manager":  manager.Handler(http.TimeoutHandler(page, time.Minute, "too late")),
	} {
		t.Run(name, func(t *testing.T) {
			client := &directClient{handler: handler}
			assert.Equal(t, "1", client.visit("/"))
			assert.Equal(t, "2", client.visit("/"))
		})
	}
}

// serveProxy is a site whose page is a reverse proxy in front of backend.
func serveProxy(t *testing.T, backend http.Handler) *site {
	t.Helper()
	server := httptest.NewServer(backend)
	t.Cleanup(server.Close)
	target, err := url.Parse(server.URL)
	require.NoError(t, err)
	proxy := httputil.NewSingleHostReverseProxy(target)
	return serve(t, holdfast.Options{}, pages{"/": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
		s.Set("a", 1)
		proxy.ServeHTTP(w, r)
	}})
}

func TestReverseProxy_cookies_of_both_sides(t *testing.T) {
	backend := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		http.SetCookie(w, &http.Cookie{Name: "backend", Value: "1"})
		fmt.Fprint(w, "from the backend")
	})
	site := serveProxy(t, backend)
	shown := site.with("", "/")
	assert.Equal(t, "from the backend", shown.text)
	assert.Len(t, shown.Header.Values("Set-Cookie"), 2)
	assert.NotNil(t, shown.cookie())
}

func TestReverseProxy_upgraded_connection(t *testing.T) {
	backend := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		fmt.Fprint(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		rw.Flush()
		line, _ := rw.ReadString('\n')
		fmt.Fprint(rw, line)
		rw.Flush()
	})
	site := serveProxy(t, backend)
	request, _ := http.NewRequest(http.MethodGet, site.url, nil)
	request.Header.Set("Connection", "Upgrade")
	request.Header.Set("Upgrade", "echo")

	response, err := http.DefaultTransport.RoundTrip(request)

	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusSwitchingProtocols, response.StatusCode)
	assert.NotEmpty(t, response.Header.Get("Set-Cookie"))
	fmt.Fprint(response.Body.(io.Writer), "hello\n")
	line, err := bufio.NewReader(response.Body).ReadString('\n')
	require.NoError(t, err)
	assert.Equal(t, "hello\n", line)
}

// noFlush is a response writer that can neither flush nor be hijacked.
type noFlush struct{ http.ResponseWriter }

// A failed Flush or Hijack sends nothing, so the session can still change.
func TestFlush_unsupported(t *testing.T) {
	for name, try := range map[string]func(c *http.ResponseController) error{
		"Flush":  func(c *http.ResponseController) error { return c.Flush() },
		"Hijack": func(c *http.ResponseController) error { _, _, err := c.Hijack(); return err },
	} {
		t.Run(name, func(t *testing.T) {
			manager, _ := manage(t, holdfast.Options{})
			handler := manager.Handler(pages{"/": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
				assert.ErrorIs(t, try(http.NewResponseController(w)), http.ErrNotSupported)
				s.Set("views", 1)
				assert.NoError(t, s.Save())
			}}.handler())
			response := record(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(noFlush{w}, r) }), get("/"))
			assert.Len(t, response.Result().Cookies(), 1)
		})
	}
}

// flushErrorer has FlushError and is no http.Flusher.
type flushErrorer struct {
	http.ResponseWriter
	flushed *bool
}

func (w flushErrorer) FlushError() error { *w.flushed = true; return nil }

// FlushError of the wrapped writer is called.
func TestFlush_FlushError(t *testing.T) {
	flushed := false
	manager, _ := manage(t, holdfast.Options{})
	handler := manager.Handler(pages{"/": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		s.Set("views", 1)
		assert.NoError(t, http.NewResponseController(w).Flush())
		assert.ErrorIs(t, s.Regenerate(), holdfast.ErrHeaderSent)
	}}.handler())
	record(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler.ServeHTTP(flushErrorer{noFlush{w}, &flushed}, r)
	}), get("/"))
	assert.True(t, flushed)
}
