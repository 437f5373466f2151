package holdfast_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/codec"
)

// site is a server with sessions on a real network.
type site struct {
	t     testing.TB
	url   string
	cache *cache.Cache
	log   *strings.Builder
}

// page is a handler with the session of its request.
type page = func(w http.ResponseWriter, r *http.Request, s *holdfast.Session)

// pages are the handlers of a site, by pattern.
type pages map[string]page

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
	if o.Store == nil && o.Cache == nil {
		o.Cache = newCache(t)
	}
	site.cache = o.Cache
	if _, ok := o.Carrier.(holdfast.CookieFunc); ok && o.Namespace == "" {
		o.Namespace = "test"
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

// sessionsIn counts the sessions in a cache. It skips tombstones, which have
// nine bytes each.
func sessionsIn(c *cache.Cache) (n int) {
	for _, value := range c.All() {
		if len(value) > 9 {
			n++
		}
	}
	return n
}

// serveHandler puts the site on the network behind handler.
func (s *site) serveHandler(handler http.HandlerFunc) {
	server := httptest.NewServer(handler)
	s.t.Cleanup(server.Close)
	s.url = server.URL
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

// shown is a response and its body.
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

// with requests a page with this Cookie header and no other.
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

// directClient calls the handler without a network, for tests with virtual time
// or with very many requests.
type directClient struct {
	handler http.Handler
	cookie  *http.Cookie
}

func direct(t *testing.T, o holdfast.Options, p pages) *directClient {
	t.Helper()
	manager, _ := manage(t, o)
	return &directClient{handler: manager.Handler(p.handler())}
}

// anonymous is a visitor of the same site without a cookie.
func (c *directClient) anonymous() *directClient { return &directClient{handler: c.handler} }

// twin is the same client in another, concurrent request.
func (c *directClient) twin() *directClient { return &directClient{c.handler, c.cookie} }

func (c *directClient) visit(path string) string {
	cookie := ""
	if c.cookie != nil {
		cookie = c.cookie.Name + "=" + c.cookie.Value
	}
	return c.visitWith(cookie, path)
}

// visitWith sends any Cookie header, even one that net/http's client refuses.
func (c *directClient) visitWith(cookie, path string) string {
	request := get(path)
	request.Header["Cookie"] = []string{cookie}
	return c.send(request).Body.String()
}

// show is visit with the whole response.
func (c *directClient) show(path string) *httptest.ResponseRecorder {
	request := get(path)
	if c.cookie != nil {
		request.AddCookie(c.cookie)
	}
	return c.send(request)
}

// visitUntilDone is visit with a context that ends when the handler has
// returned, as a server's does. It runs in a synctest bubble.
func (c *directClient) visitUntilDone(t *testing.T, path string) {
	request := get(path)
	request.AddCookie(c.cookie)
	ctx, cancel := context.WithCancel(t.Context())
	c.send(request.WithContext(ctx))
	cancel()
	synctest.Wait()
}

func (c *directClient) send(r *http.Request) *httptest.ResponseRecorder {
	recorder := record(c.handler, r)
	if cookies := recorder.Result().Cookies(); len(cookies) > 0 {
		c.cookie = cookies[0]
	}
	return recorder
}

func get(path string) *http.Request { return httptest.NewRequest(http.MethodGet, path, nil) }

func record(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, r)
	return recorder
}

// recovering answers 500 when next panics.
func recovering(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if recover() != nil {
				http.Error(w, "sorry", http.StatusInternalServerError)
			}
		}()
		next.ServeHTTP(w, r)
	})
}

func increment(s *holdfast.Session) (int, error) {
	return holdfast.Update(s, "views", func(n int) int { return n + 1 })
}

// count is a page that increments the views of its session and shows them.
func count(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
	views, err := increment(s)
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

func nothing(http.ResponseWriter, *http.Request, *holdfast.Session) {}

func who(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) { fmt.Fprint(w, s.UserID()) }

func regenerate(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { s.Regenerate() }

func setIdleTimeout(d time.Duration) page {
	return func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { s.SetIdleTimeout(d) }
}

func setExpires(at time.Time) page {
	return func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { s.SetExpires(at) }
}

// userSite is a site with a login; its page /who shows the user.
func userSite(t *testing.T, o holdfast.Options, more pages) (*holdfast.Manager, *directClient) {
	t.Helper()
	p := pages{"/": count, "/views": views, "/destroy": destroy, "/regenerate": regenerate, "/who": who,
		"/login": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
			s.Set("agent", r.UserAgent())
			fmt.Fprint(w, s.Login(r.URL.Query().Get("user")))
		}}
	maps.Copy(p, more)
	manager, _ := manage(t, o)
	return manager, &directClient{handler: manager.Handler(p.handler())}
}

// bearer is a carrier and the request of a client that sends a token by it.
type bearer struct {
	carrier holdfast.Carrier
	request func(path, token string) *http.Request
}

func withCookie(path, token string) *http.Request {
	r := get(path)
	r.Header["Cookie"] = []string{"session=" + token}
	return r
}

var bearers = map[string]bearer{
	"Cookie":     {holdfast.Cookie{}, withCookie},
	"CookieFunc": {holdfast.CookieFunc(func(*http.Request) holdfast.Cookie { return holdfast.Cookie{} }), withCookie},
	"Header": {holdfast.Header{}, func(path, token string) *http.Request {
		r := get(path)
		r.Header["X-Session"] = []string{token}
		return r
	}},
	"Form": {holdfast.Form{}, func(path, token string) *http.Request {
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader("session="+token))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return r
	}},
	"Query": {holdfast.Query{}, func(path, token string) *http.Request {
		r := get(path)
		r.URL.RawQuery = "session=" + token
		return r
	}},
}

// bearing is a site with the bearer's carrier. Its page /token begins a session
// and shows its token, not escaped.
func bearing(t *testing.T, b bearer, o holdfast.Options) http.Handler {
	t.Helper()
	o.Carrier = b.carrier
	manager, _ := manage(t, o)
	return manager.Handler(pages{"/views": views, "/": count, "/destroy": destroy, "/nothing": nothing,
		"/token": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
			s.Set("views", 1)
			fmt.Fprint(w, s.Token())
		}}.handler())
}

var (
	firstKey  = []byte("the first key of thirty-two byte")
	secondKey = []byte("a second key of thirty-two bytes")
)

// sealed is a codec that encrypts MsgPack.
func sealed(t testing.TB, keys ...[]byte) codec.Codec {
	t.Helper()
	c, err := codec.NewSealed(codec.MsgPack{}, keys...)
	require.NoError(t, err)
	return c
}

func newCache(t testing.TB) *cache.Cache {
	t.Helper()
	return newCacheOf(t, 0)
}

func newCacheOf(t testing.TB, maxBytes int64) *cache.Cache {
	t.Helper()
	c, err := cache.New(cache.Options{MaxBytes: maxBytes})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// growth returns the bytes by which fn makes the heap larger.
func growth(fn func()) uint64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	fn()
	runtime.GC()
	runtime.ReadMemStats(&after)
	return after.HeapAlloc - min(before.HeapAlloc, after.HeapAlloc)
}

// allocatedBy returns the bytes that fn allocates.
func allocatedBy(fn func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	fn()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
