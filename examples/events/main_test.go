package main

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/examples/internal/browser"
)

const patience = 20 * time.Second

// open serves the page. Its sessions have the idle timeout idle. It returns a
// function that stops the streams as the program does.
func open(t *testing.T, idle time.Duration) (*browser.Site, func()) {
	t.Helper()
	sessions := browser.Sessions(t, holdfast.Options{IdleTimeout: idle})
	stop, cancel := context.WithCancel(t.Context())
	site := &site{sessions: sessions, every: 20 * time.Millisecond, stop: stop.Done()}
	return browser.Open(t, site.handler()), cancel
}

// listen opens the stream and returns the names of its events. The channel is
// closed at the end of the stream.
func listen(t *testing.T, s *browser.Site, b *browser.Browser) <-chan string {
	t.Helper()
	response, err := b.Client.Get(s.URL + "/events")
	require.NoError(t, err)
	t.Cleanup(func() { response.Body.Close() })
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.Equal(t, "text/event-stream", response.Header.Get("Content-Type"))

	names := make(chan string, 1000)
	go func() {
		defer close(names)
		for lines := bufio.NewScanner(response.Body); lines.Scan(); {
			if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
				names <- name
			}
		}
	}()
	return names
}

// next returns the next event, or "" at the end of the stream.
func next(t *testing.T, names <-chan string) string {
	t.Helper()
	select {
	case name := <-names:
		return name
	case <-time.After(patience):
		t.Fatal("the stream neither sends an event nor ends")
		return ""
	}
}

// last returns the last event of a stream that ends soon.
func last(t *testing.T, names <-chan string) (name string) {
	t.Helper()
	for begun := time.Now(); time.Since(begun) < patience; {
		n := next(t, names)
		if n == "" {
			return name
		}
		name = n
	}
	t.Fatal("the stream does not end")
	return ""
}

func TestStream_sends_the_time(t *testing.T) {
	s, _ := open(t, 0)
	ada := s.Browser()
	assert.Contains(t, ada.Post("/enter", "name", "Ada").Text, "<h1>Hello, Ada</h1>")
	events := listen(t, s, ada)
	for range 3 {
		assert.Equal(t, "time", next(t, events))
	}
}

func TestStream_ends_with_its_session(t *testing.T) {
	s, _ := open(t, 0)
	ada, bob := s.Browser(), s.Browser()
	ada.Post("/enter", "name", "Ada")
	bob.Post("/enter", "name", "Bob")
	tabs := []<-chan string{listen(t, s, ada), listen(t, s, ada)}
	bobs := listen(t, s, bob)
	for _, tab := range tabs {
		require.Equal(t, "time", next(t, tab))
	}

	assert.Contains(t, ada.Post("/leave").Text, "<h1>Who is there?</h1>")
	for _, tab := range tabs {
		assert.Equal(t, "ended", last(t, tab))
	}
	for range 3 {
		assert.Equal(t, "time", next(t, bobs), "another session does not end")
	}
}

func TestStream_keeps_its_session_alive(t *testing.T) {
	t.Parallel()
	const idle = time.Second
	s, _ := open(t, idle)
	ada := s.Browser()
	ada.Post("/enter", "name", "Ada")
	listen(t, s, ada)
	time.Sleep(3 * idle / 2)
	assert.Contains(t, ada.Get("/").Text, "Hello, Ada")
}

func TestStream_without_a_session(t *testing.T) {
	s, _ := open(t, 0)
	page := s.Browser().Get("/events")
	assert.Equal(t, http.StatusNoContent, page.Status)
	assert.NotContains(t, page.Header, "Set-Cookie")
}

func TestStream_ends_when_the_server_stops(t *testing.T) {
	s, stop := open(t, 0)
	ada := s.Browser()
	ada.Post("/enter", "name", "Ada")
	events := listen(t, s, ada)
	stop()
	assert.Equal(t, "time", last(t, events))
}

func TestRun_stops(t *testing.T) { browser.Stops(t, run) }
