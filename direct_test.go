package holdfast_test

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
)

// directClient calls the handler without a network, for tests whose time is
// virtual or that make very many requests.
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

func (c *directClient) visit(path string) string {
	cookie := ""
	if c.cookie != nil {
		cookie = c.cookie.Name + "=" + c.cookie.Value
	}
	return c.visitWith(cookie, path)
}

// visitWith presents a Cookie header of any content, also one that a client of
// net/http would refuse to send.
func (c *directClient) visitWith(cookie, path string) string {
	request := httptest.NewRequest(http.MethodGet, path, nil)
	request.Header["Cookie"] = []string{cookie}
	return c.send(request).Body.String()
}

// show is visit with all of the response.
func (c *directClient) show(path string) *httptest.ResponseRecorder {
	request := get(path)
	if c.cookie != nil {
		request.AddCookie(c.cookie)
	}
	return c.send(request)
}

func (c *directClient) send(r *http.Request) *httptest.ResponseRecorder {
	recorder := record(c.handler, r)
	if cookies := recorder.Result().Cookies(); len(cookies) > 0 {
		c.cookie = cookies[0]
	}
	return recorder
}

// twin is another request of the same client, at the same time.
func (c *directClient) twin() *directClient { return &directClient{c.handler, c.cookie} }

// serveHandler puts the site on the network with handler around all.
func (s *site) serveHandler(handler http.HandlerFunc) {
	server := httptest.NewServer(handler)
	s.t.Cleanup(server.Close)
	s.url = server.URL
}

func newCache(t testing.TB) *cache.Cache {
	t.Helper()
	c, err := cache.New(cache.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// spy counts the reads that reach a store.
type spy struct {
	holdfast.Store
	reads atomic.Int64
}

func (s *spy) Append(dst []byte, id string) ([]byte, bool) {
	s.reads.Add(1)
	return s.Store.Append(dst, id)
}
