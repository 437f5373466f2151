package main

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/examples/internal/browser"
)

func newPage(t *testing.T) http.Handler {
	t.Helper()
	c, err := cache.New(cache.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	handler, err := newHandler(c)
	require.NoError(t, err)
	return handler
}

func visit(handler http.Handler, header http.Header) *http.Response {
	request := httptest.NewRequest(http.MethodGet, "/", nil)
	request.Header = header
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	return recorder.Result()
}

func body(t *testing.T, response *http.Response) string {
	t.Helper()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return string(text)
}

func TestTheFirstVisitIsGreetedAndTheNextOnesCounted(t *testing.T) {
	page := newPage(t)
	first := visit(page, http.Header{"User-Agent": {"curl/8.0"}})
	assert.Equal(t, "Welcome to this page for the first time!\n", body(t, first))

	again := http.Header{"Accept": {"text/plain"}, "Cookie": {first.Header.Get("Set-Cookie")}}
	assert.Equal(t, "You visited this page 2 times\n", body(t, visit(page, again)))
	assert.Equal(t, "You visited this page 3 times\n", body(t, visit(page, again)))
}

func TestABrowserIsShownWhatTheCacheHolds(t *testing.T) {
	response := visit(newPage(t), http.Header{"Accept": {"text/html,*/*"}})
	html := body(t, response)
	assert.Equal(t, "text/html; charset=utf-8", response.Header.Get("Content-Type"))
	assert.Contains(t, html, "Welcome to this page for the first time!")
	assert.Contains(t, html, "<dt>Sessions</dt><dd>1</dd>")
	assert.Contains(t, html, "of 64.0 MiB")
	assert.Contains(t, html, "<dt>Hit ratio</dt>")
}

func TestTheServerStopsWhenItIsTold(t *testing.T) { browser.StopsWhenTold(t, run) }

func TestAnAddressThatIsTakenIsAnError(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	assert.Error(t, run(t.Context(), taken.Addr().String()))
}
