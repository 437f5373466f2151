package interop

import (
	"bytes"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/cache"
)

// site is the application on one middleware.
type site struct {
	name string
	// start serves the site until the test ends, and returns its URL.
	start func(*testing.T, setup) string
	// adoptsIDs is set if the middleware adopts an ID that the client invented
	// and the store cannot prevent that.
	adoptsIDs bool
}

// setup configures a site.
type setup struct {
	app    *app
	cache  *cache.Cache
	prefix string
	ttl    time.Duration // of a session, in whole seconds
}

var sites = []site{
	{name: "scs", start: startSCS},
	{name: "gorilla", start: startGorilla},
	{name: "echo", start: startEcho},
	{name: "gin", start: startGin},
	{name: "fiber v2", start: startFiber2},
	{name: "fiber v3", start: startFiber3},
	{name: "fasthttp", start: startFastHTTP, adoptsIDs: true},
}

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode)
	m.Run()
}

// forEachSite runs test on all sites in parallel, each with its own cache.
func forEachSite(t *testing.T, maxBytes int64, ttl time.Duration, test func(*testing.T, running)) {
	for _, s := range sites {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			test(t, run(t, s, setup{newApp(), newCache(t, maxBytes), "shop", ttl}))
		})
	}
}

// running is a site that has been started.
type running struct {
	site
	setup
	url       string
	transport *http.Transport // of its visitors
}

func run(t *testing.T, s site, with setup) running {
	return visited(t, running{site: s, setup: with, url: s.start(t, with)})
}

// visited adds the transport of a site's visitors.
func visited(t *testing.T, r running) running {
	r.transport = &http.Transport{}
	t.Cleanup(r.transport.CloseIdleConnections) // servers wait for them to close
	return r
}

func newCache(t *testing.T, maxBytes int64) *cache.Cache {
	t.Helper()
	c, err := cache.New(cache.Options{MaxBytes: maxBytes})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

var cookieKey = bytes.Repeat([]byte("k"), 32)

func serveHTTP(t *testing.T, h http.Handler) string {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

// shutdownTimeout limits how long a server that stops waits for connections
// that a client has opened and never used.
const shutdownTimeout = time.Second

// listen returns a listener, for servers other than net/http's, and its URL.
func listen(t *testing.T) (net.Listener, string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return listener, "http://" + listener.Addr().String()
}
