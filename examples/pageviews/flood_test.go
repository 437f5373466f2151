package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/examples/internal/browser"
)

const greeting = "<h1>Welcome to this page for the first time!</h1>"

func counted(n int) string { return fmt.Sprintf("<h1>You visited this page %d times</h1>", n) }

// visitor returns a browser that has opened the page visits times.
func visitor(site *browser.Site, visits int) *browser.Browser {
	b := site.Browser()
	for range visits {
		b.Get("/")
	}
	return b
}

func TestFlood(t *testing.T) {
	s := newTestSite(t, cache.Options{MaxBytes: smallCap})
	site := browser.Open(t, s.handler)
	ada, bob, eve := visitor(site, 1), visitor(site, 2), visitor(site, 1)

	page := ada.Post("/flood") // and follow the redirect
	stats := s.cache.Stats()

	t.Run("counts the visitor who pressed", func(t *testing.T) {
		assert.Contains(t, page.Text, counted(2), "the button itself is no visit")
		assert.Regexp(t, `role="status">10000 visitors came, the cache evicted \d{4} sessions, and you are still counted\.`, page.Text)
	})
	t.Run("shows the notice once", func(t *testing.T) {
		again := ada.Get("/")
		assert.Contains(t, again.Text, counted(3))
		assert.NotContains(t, again.Text, "still counted")
	})
	t.Run("counts a visitor who came back", func(t *testing.T) {
		assert.Contains(t, bob.Get("/").Text, counted(3))
	})
	t.Run("evicts a visitor who came once", func(t *testing.T) {
		assert.Contains(t, eve.Get("/").Text, greeting)
	})
	t.Run("stays below the cap", func(t *testing.T) {
		assert.Less(t, stats.Bytes.Total(), int64(smallCap))
		assert.EqualValues(t, floodVisitors+3, stats.Entries+int(stats.EvictedForCapacity))
		assert.Greater(t, stats.EvictedForCapacity, uint64(floodVisitors/2))
	})
}

// Without the protected segment, a flood evicts returning visitors too.
func TestFlood_of_a_plain_LRU(t *testing.T) {
	s := newTestSite(t, cache.Options{MaxBytes: smallCap, Protected: -1})
	site := browser.Open(t, s.handler)
	ada, bob := visitor(site, 2), visitor(site, 2)
	assert.Contains(t, ada.Post("/flood").Text, greeting)
	assert.Contains(t, bob.Get("/").Text, greeting)
}

func TestFlood_again_and_again(t *testing.T) {
	ada := visitor(browser.Open(t, newTestSite(t, cache.Options{MaxBytes: smallCap}).handler), 1)
	for i := range 3 {
		assert.Contains(t, ada.Post("/flood").Text, counted(2+i))
	}
}

func TestFlood_counts_visits_meanwhile(t *testing.T) {
	s := newTestSite(t, cache.Options{MaxBytes: smallCap})
	site := browser.Open(t, s.handler)
	ada, bob := visitor(site, 1), visitor(site, 2)
	over := make(chan browser.Page, 1)
	go func() { over <- ada.Post("/flood") }()
	for visits := 3; ; visits++ {
		select {
		case page := <-over:
			assert.Contains(t, page.Text, "still counted")
			return
		default:
			require.Contains(t, bob.Get("/").Text, counted(visits))
		}
	}
}

func TestFlood_from_a_stranger(t *testing.T) {
	stranger := browser.Open(t, newTestSite(t, cache.Options{MaxBytes: smallCap}).handler).Browser()
	stranger.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	page := stranger.Post("/flood")
	assert.Equal(t, http.StatusSeeOther, page.Status)
	assert.Equal(t, "/", page.Header.Get("Location"))
	assert.NotContains(t, page.Header, "Set-Cookie")
}

func TestFlood_from_another_site(t *testing.T) {
	s := newTestSite(t, cache.Options{MaxBytes: smallCap})
	ada := browser.Open(t, s.handler).Browser()
	ada.Header.Set("Sec-Fetch-Site", "cross-site")
	assert.Equal(t, http.StatusForbidden, ada.Post("/flood").Status)
	assert.Equal(t, http.StatusMethodNotAllowed, ada.Get("/flood").Status)
	assert.Zero(t, s.cache.Len())
}

// During a flood the page shows the number of visitors and refuses another
// flood. The flood stops when the visitor who started it closes the page.
func TestFlood_under_way(t *testing.T) {
	s := newTestSite(t, cache.Options{MaxBytes: smallCap})
	s.flood.pause = 10 * time.Millisecond
	site := browser.Open(t, s.handler)
	ada, bob := visitor(site, 1), visitor(site, 1)

	leave, left := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(leave, http.MethodPost, site.URL+"/flood", nil)
	require.NoError(t, err)
	over := make(chan error, 1)
	go func() {
		_, err := ada.Do(request)
		over <- err
	}()
	underWay := func() bool { return strings.Contains(bob.Get("/figures").Text, " visitors have come</small>") }
	require.Eventually(t, underWay, 20*time.Second, time.Millisecond)

	second := bob.Post("/flood")
	assert.Equal(t, http.StatusConflict, second.Status)
	assert.Equal(t, "A flood is under way. Please wait until it is over.\n", second.Text)

	left()
	assert.ErrorIs(t, <-over, context.Canceled)
	require.Eventually(t, func() bool { return !underWay() }, 20*time.Second, time.Millisecond)
	assert.Less(t, s.cache.Stats().Sets, uint64(floodVisitors), "it stopped")
	next := func() bool { return strings.Contains(bob.Post("/flood").Text, "still counted") }
	assert.Eventually(t, next, 60*time.Second, time.Millisecond)
}
