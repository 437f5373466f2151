package holdfast_test

import (
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
)

// site is a real server with sessions, as the tests see it from outside.
type site struct {
	t     testing.TB
	url   string
	cache *cache.Cache
	log   *strings.Builder
}

// pages are the handlers of a site, each of which is given its session.
type pages map[string]func(w http.ResponseWriter, r *http.Request, s *holdfast.Session)

func serve(t testing.TB, o holdfast.Options, p pages) *site {
	t.Helper()
	manager, site := manage(t, o)
	server := httptest.NewUnstartedServer(manager.Handler(p.handler()))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	t.Cleanup(server.Close)
	site.url = server.URL
	return site
}

func serveTLS(t testing.TB, o holdfast.Options, p pages) (*site, *http.Client) {
	t.Helper()
	manager, site := manage(t, o)
	server := httptest.NewTLSServer(manager.Handler(p.handler()))
	t.Cleanup(server.Close)
	site.url = server.URL
	client := server.Client()
	client.Jar = newJar(t)
	return site, client
}

func manage(t testing.TB, o holdfast.Options) (*holdfast.Manager, *site) {
	t.Helper()
	site := &site{t: t, log: &strings.Builder{}}
	if o.Store == nil {
		c, err := cache.New(cache.Options{})
		require.NoError(t, err)
		t.Cleanup(func() { c.Close() })
		o.Store, site.cache = c, c
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.NewTextHandler(site.log, nil))
	}
	manager, err := holdfast.New(o)
	require.NoError(t, err)
	t.Cleanup(func() { manager.Close() })
	return manager, site
}

func (p pages) handler() http.Handler {
	mux := http.NewServeMux()
	for path, page := range p {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			s, ok := holdfast.FromContext(r.Context())
			if !ok {
				panic("no session in the context")
			}
			page(w, r, s)
		})
	}
	return mux
}

// browser is one client with its cookies.
type browser struct {
	*http.Client
	site *site
}

func (s *site) browser() *browser {
	return &browser{&http.Client{Jar: newJar(s.t)}, s}
}

func newJar(t testing.TB) http.CookieJar {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	return jar
}

// shown is a response whose body was read.
type shown struct {
	*http.Response
	text string
}

func (b *browser) visit(path string) shown {
	b.site.t.Helper()
	response, err := b.Get(b.site.url + path)
	require.NoError(b.site.t, err)
	return read(b.site.t, response)
}

func read(t testing.TB, response *http.Response) shown {
	t.Helper()
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return shown{response, string(body)}
}

// with requests a page with nothing but this Cookie header.
func (s *site) with(cookie, path string) shown {
	s.t.Helper()
	request, err := http.NewRequest(http.MethodGet, s.url+path, nil)
	require.NoError(s.t, err)
	if cookie != "" {
		request.Header.Set("Cookie", cookie)
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	require.NoError(s.t, err)
	return read(s.t, response)
}

// cookie returns the session cookie that the response sets, or nil.
func (r shown) cookie() *http.Cookie {
	for _, cookie := range r.Cookies() {
		if strings.HasSuffix(cookie.Name, "session") {
			return cookie
		}
	}
	return nil
}
