package holdfast_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/codec"
)

func TestManager_42_visits(t *testing.T) {
	site := serve(t, holdfast.Options{}, pages{"/": count})
	ada := site.browser()
	for range 41 {
		ada.visit("/")
	}
	assert.Equal(t, "42", ada.visit("/").text)
	assert.Equal(t, "1", site.browser().visit("/").text)
}

func TestNew_invalid(t *testing.T) {
	closed := newCache(t)
	require.NoError(t, closed.Close())
	for name, o := range map[string]holdfast.Options{
		"negative idle timeout":        {IdleTimeout: -1},
		"negative absolute lifetime":   {AbsoluteLifetime: -1},
		"idle timeout in nanoseconds":  {IdleTimeout: 30},
		"lifetime in nanoseconds":      {AbsoluteLifetime: 30},
		"idle beyond the lifetime":     {IdleTimeout: 48 * time.Hour},
		"nil Store":                    {Store: (*recording)(nil)},
		"Cache and Store":              {Cache: newCache(t), Store: newStore(t)},
		"closed Cache":                 {Cache: closed},
		"closed Cache and Store":       {Cache: closed, Store: newStore(t)},
		"nil Sealed":                   {Codec: (*codec.Sealed)(nil)},
		"zero Sealed":                  {Codec: new(codec.Sealed)},
		"nil Cookie":                   {Carrier: (*holdfast.Cookie)(nil)},
		"nil Header":                   {Carrier: (*holdfast.Header)(nil)},
		"cookie name with a space":     {Carrier: holdfast.Cookie{Name: "a b"}},
		"cookie path with a semicolon": {Carrier: holdfast.Cookie{Path: "/;"}},
		"invalid cookie domain":        {Carrier: holdfast.Cookie{Domain: "a b"}},
		"unknown SameSite":             {Carrier: holdfast.Cookie{SameSite: 9}},
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

// A store that failed to open is nil. The default would lose its sessions.
func TestNew_nil_Store(t *testing.T) {
	_, err := holdfast.New(holdfast.Options{Store: (*recording)(nil)})
	require.EqualError(t, err, "holdfast: invalid options: Store is a nil *holdfast_test.recording: was the error of its New checked?")
}

// A nil Cache is the default, as nil is for every option. Close closes the
// Manager's own cache and no other.
func TestNew_Cache(t *testing.T) {
	given := newCache(t)
	for name, c := range map[string]*cache.Cache{"nil": nil, "given": given} {
		t.Run(name, func(t *testing.T) {
			m, err := holdfast.New(holdfast.Options{Cache: c, Logger: slog.New(slog.DiscardHandler)})
			require.NoError(t, err)
			client := &directClient{handler: m.Handler(pages{"/": count}.handler())}
			assert.Equal(t, "1", client.visit("/"))
			require.NoError(t, m.Close())
			assert.Equal(t, map[string]int{"nil": http.StatusInternalServerError, "given": http.StatusOK}[name], client.show("/").Code)
		})
	}
	assert.Equal(t, 1, given.Len())
}

func TestClose_twice(t *testing.T) {
	m, err := holdfast.New(holdfast.Options{})
	require.NoError(t, err)
	assert.NoError(t, m.Close())
	assert.NoError(t, m.Close())
}

// A closed Manager responds with an error and does not crash.
func TestClose_then_requests(t *testing.T) {
	manager, err := holdfast.New(holdfast.Options{Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	client := &directClient{handler: manager.Handler(pages{"/": count, "/views": views, "/destroy": destroy}.handler())}
	client.visit("/")
	require.NoError(t, manager.Close())
	assert.Equal(t, "0 false", client.visit("/views"))
	response := client.show("/")
	assert.Equal(t, http.StatusInternalServerError, response.Code)
	assert.Empty(t, response.Result().Cookies())
}

func TestFromContext_without_Handler(t *testing.T) {
	s, ok := holdfast.FromContext(t.Context())
	assert.False(t, ok)
	assert.Nil(t, s)
}

func TestHandler(t *testing.T) {
	// The request has one session and one cookie.
	t.Run("nested in itself", func(t *testing.T) {
		manager, site := manage(t, holdfast.Options{})
		handler := manager.Handler(manager.Handler(pages{"/": count}.handler()))
		site.serveHandler(handler.ServeHTTP)
		assert.Len(t, site.with("", "/").Header.Values("Set-Cookie"), 1)
	})
	// Each Manager sets its own cookie.
	t.Run("nested in another", func(t *testing.T) {
		outer, _ := manage(t, holdfast.Options{Carrier: holdfast.Cookie{Name: "outer"}})
		inner, _ := manage(t, holdfast.Options{Carrier: holdfast.Cookie{Name: "inner"}})
		client := &directClient{handler: outer.Handler(pages{"/": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
			s.Set("outer", true)
			inner.Handler(pages{"/": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { s.Set("inner", true) }}.handler()).ServeHTTP(w, r)
		}}.handler())}
		var names []string
		for _, cookie := range client.show("/").Result().Cookies() {
			names = append(names, cookie.Name)
		}
		assert.ElementsMatch(t, []string{"outer", "inner"}, names)
	})
	t.Run("nested in another and in itself", func(t *testing.T) {
		outer, _ := manage(t, holdfast.Options{Carrier: holdfast.Cookie{Name: "a_session"}})
		inner, _ := manage(t, holdfast.Options{Carrier: holdfast.Cookie{Name: "b_session"}})
		handler := outer.Handler(pages{"/": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
			s.Set("a", 1)
			inner.Handler(outer.Handler(pages{"/": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
				s.Set("b", 1)
			}}.handler())).ServeHTTP(w, r)
		}}.handler())
		names := map[string]int{}
		for _, cookie := range record(handler, get("/")).Result().Cookies() {
			names[cookie.Name]++
		}
		assert.LessOrEqual(t, names["a_session"], 1)
	})
}

func TestErrorResponse(t *testing.T) {
	t.Run("drops headers", func(t *testing.T) {
		manager, _ := manage(t, holdfast.Options{})
		handler := manager.Handler(pages{"/": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			w.Header().Set("Cache-Control", "public, max-age=3600")
			w.Header().Set("Location", "/elsewhere")
			w.Header().Set("Content-Encoding", "gzip")
			w.Header().Set("ETag", `"1"`)
			s.Set("bad", make(chan int))
		}}.handler())
		response := record(handler, get("/"))
		require.Equal(t, http.StatusInternalServerError, response.Code)
		assert.NotContains(t, response.Header().Get("Cache-Control"), "public")
		assert.Empty(t, response.Header().Get("Content-Encoding"))
		assert.Empty(t, response.Header().Get("ETag"))
		assert.Empty(t, response.Header().Get("Location"))
	})
	t.Run("drops length and type", func(t *testing.T) {
		manager, _ := manage(t, holdfast.Options{ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
			io.WriteString(w, "sorry") // http.Error would delete the length
		}})
		response := record(manager.Handler(pages{"/": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			w.Header().Set("Content-Length", "1000")
			w.Header().Set("Content-Type", "application/json")
			s.Set("bad", make(chan int))
		}}.handler()), get("/"))
		assert.Equal(t, "sorry", response.Body.String())
		assert.NotContains(t, response.Result().Header, "Content-Length")
		assert.Equal(t, "text/plain; charset=utf-8", response.Result().Header.Get("Content-Type"))
	})
}

// userLog is a log handler that adds the user of the session.
type userLog struct{ slog.Handler }

func (h userLog) Enabled(context.Context, slog.Level) bool { return true }

func (h userLog) Handle(ctx context.Context, r slog.Record) error {
	if s, ok := holdfast.FromContext(ctx); ok {
		r.AddAttrs(slog.String("user", s.UserID()))
	}
	return h.Handler.Handle(ctx, r)
}

// A log handler may read the session. It does not deadlock.
func TestLogger_reads_the_session(t *testing.T) {
	logger := slog.New(userLog{slog.DiscardHandler})
	client := direct(t, holdfast.Options{Logger: logger, Carrier: holdfast.Cookie{Secure: holdfast.SecureAlways}}, pages{"/": count,
		"/bad": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { s.Set("bad", make(chan int)) }})
	assert.Equal(t, "1", client.visit("/"))
	client.visit("/bad")
}

func TestUpload_files_are_removed(t *testing.T) {
	for name, carrier := range map[string]holdfast.Carrier{"Cookie": holdfast.Cookie{}, "Form": holdfast.Form{}} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			inside := make(chan int, 1)
			site := serve(t, holdfast.Options{Carrier: carrier}, pages{"/": func(_ http.ResponseWriter, r *http.Request, _ *holdfast.Session) {
				r.ParseMultipartForm(1 << 10)
				inside <- len(tempFiles(t))
			}})
			upload(t, site)
			require.Equal(t, 1, <-inside, "the file is on disk while the handler runs")
			assert.Eventually(t, func() bool { return len(tempFiles(t)) == 0 }, time.Second, time.Millisecond)
		})
	}
}

// upload posts a file that is too large for a handler to keep in memory.
func upload(t *testing.T, s *site) {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", "large")
	require.NoError(t, err)
	part.Write(make([]byte, 33<<20))
	form.Close()
	response, err := http.Post(s.url, form.FormDataContentType(), &body)
	require.NoError(t, err)
	read(t, response)
	http.DefaultClient.CloseIdleConnections()
}

func tempFiles(t *testing.T) []os.DirEntry {
	t.Helper()
	files, err := os.ReadDir(os.TempDir())
	require.NoError(t, err)
	return files
}

func TestUpload_files_are_removed_after_a_panic(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	manager, site := manage(t, holdfast.Options{})
	inside := make(chan int, 1)
	handler := manager.Handler(pages{"/": func(_ http.ResponseWriter, r *http.Request, _ *holdfast.Session) {
		r.ParseMultipartForm(1 << 10)
		inside <- len(tempFiles(t))
		panic("boom")
	}}.handler())
	site.serveHandler(func(w http.ResponseWriter, r *http.Request) {
		defer func() { recover() }()
		handler.ServeHTTP(w, r)
	})
	upload(t, site)
	require.Equal(t, 1, <-inside)
	assert.Eventually(t, func() bool { return len(tempFiles(t)) == 0 }, time.Second, time.Millisecond)
}

// A compressing handler around ours sets Content-Encoding first and compresses
// the error response too. Below ours, it does not see the error response.
func TestErrorResponse_Content_Encoding(t *testing.T) {
	manager, _ := manage(t, holdfast.Options{})
	compress := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			zip := gzip.NewWriter(w)
			defer zip.Close()
			next.ServeHTTP(zipped{w, zip}, r)
		})
	}
	page := pages{"/": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		s.Set("bad", make(chan int))
		io.WriteString(w, "page")
	}}.handler()

	above := record(compress(manager.Handler(page)), get("/"))
	require.Equal(t, "gzip", above.Header().Get("Content-Encoding"))
	unzip, err := gzip.NewReader(above.Body)
	require.NoError(t, err)
	text, err := io.ReadAll(unzip)
	require.NoError(t, err)
	assert.Equal(t, "Internal Server Error\n", string(text))

	below := record(manager.Handler(compress(page)), get("/"))
	assert.Empty(t, below.Header().Get("Content-Encoding"))
	assert.Equal(t, "Internal Server Error\n", below.Body.String())
}

// zipped is a response writer that compresses.
type zipped struct {
	http.ResponseWriter
	zip io.Writer
}

func (w zipped) Write(p []byte) (int, error) { return w.zip.Write(p) }

func TestSession_of_its_own_Manager(t *testing.T) {
	outer, _ := manage(t, holdfast.Options{Carrier: holdfast.Cookie{Name: "outer"}})
	inner, _ := manage(t, holdfast.Options{Carrier: holdfast.Cookie{Name: "inner"}})
	response := record(outer.Handler(inner.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		outer.Session(r).Set("a", 1)
		assert.Equal(t, []string{"a"}, outer.Session(r).Keys())
		assert.Empty(t, inner.Session(r).Keys())
	}))), get("/"))
	require.Len(t, response.Result().Cookies(), 1)
	assert.Equal(t, "outer", response.Result().Cookies()[0].Name)
}

// The panic names the missing Handler.
func TestSession_without_Handler(t *testing.T) {
	manager, _ := manage(t, holdfast.Options{Carrier: holdfast.Cookie{Path: "/app"}})
	other, _ := manage(t, holdfast.Options{})
	requirePanic := func(h http.Handler) {
		defer func() { assert.Contains(t, recover(), "wrap the server's handler with Manager.Handler") }()
		record(h, get("/"))
		t.Error("no panic")
	}
	page := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { manager.Session(r) })
	requirePanic(page)
	requirePanic(manager.Handler(page))
	requirePanic(other.Handler(page))
}

// A Handler without a handler fails when the server starts, not at each
// request.
func TestHandler_nil(t *testing.T) {
	manager, _ := manage(t, holdfast.Options{})
	assert.PanicsWithValue(t, "holdfast: the handler is nil: pass the server's handler to Manager.Handler, such as http.DefaultServeMux", func() { manager.Handler(nil) })
}
