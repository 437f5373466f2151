package main

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/examples/internal/browser"
)

// newTestSite returns a site whose flood does not pause.
func newTestSite(t *testing.T, o cache.Options) *site {
	t.Helper()
	c, err := cache.New(o)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	s, err := newSite(c)
	require.NoError(t, err)
	s.flood.pause = 0
	return s
}

func TestVisits_are_counted(t *testing.T) {
	s := newTestSite(t, cache.Options{})
	for _, header := range []http.Header{
		{"User-Agent": {"curl/8.0"}},
		{"Accept": {"text/plain"}},
	} {
		visitor := browser.Open(t, s.handler).Browser()
		visitor.Header = header
		first := visitor.Get("/")
		assert.Equal(t, "Welcome to this page for the first time!\n", first.Text)
		assert.Equal(t, "text/plain; charset=utf-8", first.Header.Get("Content-Type"))
		assert.Equal(t, "You visited this page 2 times\n", visitor.Get("/").Text)
		assert.Equal(t, "You visited this page 3 times\n", visitor.Get("/").Text)
	}
}

func TestVisits_of_other_paths_do_not_count(t *testing.T) {
	visitor := browser.Open(t, newTestSite(t, cache.Options{}).handler).Browser()
	assert.Equal(t, http.StatusNotFound, visitor.Get("/favicon.ico").Status)
	assert.Equal(t, http.StatusOK, visitor.Get("/figures").Status)
	assert.Empty(t, visitor.Cookie(), "this visitor has no session")

	visitor.Get("/")
	visitor.Get("/favicon.ico")
	visitor.Get("/figures")
	assert.Contains(t, visitor.Get("/").Text, "<h1>You visited this page 2 times</h1>")
}

func TestPage(t *testing.T) {
	page := browser.Open(t, newTestSite(t, cache.Options{}).handler).Browser().Get("/")
	assert.Equal(t, "text/html; charset=utf-8", page.Header.Get("Content-Type"))
	assert.Contains(t, page.Text, "<h1>Welcome to this page for the first time!</h1>")
	assert.Contains(t, page.Text, "<dt>Sessions</dt><dd>1 <small>")
	assert.Contains(t, page.Text, "of 64.0 MiB at most")
	assert.Contains(t, page.Text, `<form method="post" action="/flood">`)
	assert.Contains(t, page.Text, `<a href="https://github.com/holdfast-go/holdfast#readme">Holdfast</a>`)
	assert.Contains(t, page.Text, "go run ./examples/login")
	assert.NotContains(t, page.Text, `role="status"`, "there was no flood")
}

// The memory of the empty cache is the same for one session and for a thousand.
// A session takes no more memory than docs/production.md promises.
func TestFigures_separate_sessions_and_cache(t *testing.T) {
	for _, maxBytes := range []int64{smallCap, 64 << 20} {
		s := newTestSite(t, cache.Options{MaxBytes: maxBytes})
		none := s.figures()
		assert.Equal(t, none.Total, none.Empty)
		assert.Zero(t, none.Used)
		assert.Zero(t, none.Each)

		site := browser.Open(t, s.handler)
		for _, sessions := range []int{1, 1000} {
			for s.figures().Sessions < sessions {
				site.Browser().Get("/")
			}
			f := s.figures()
			assert.Equal(t, none.Empty, f.Empty)
			assert.Equal(t, f.Total, f.Empty+f.Used)
			assert.InDelta(t, 120, f.Each, 10)
			assert.InDelta(t, float64(f.Total)/float64(maxBytes), f.Filled, 0.001)
		}
	}
}

func TestBytes(t *testing.T) {
	assert.Equal(t, "0.5 KiB", bytes(512).String())
	assert.Equal(t, "256.0 KiB", bytes(256<<10).String())
	assert.Equal(t, "1.5 MiB", bytes(3<<19).String())
}
