package main

import (
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/examples/internal/browser"
	"github.com/holdfast-go/holdfast/inspect"
	"github.com/holdfast-go/holdfast/metrics"
)

func newCache(t *testing.T) *cache.Cache {
	t.Helper()
	c, err := cache.New(cache.Options{MaxBytes: 8 << 20})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

func site(t *testing.T, c *cache.Cache) http.Handler {
	t.Helper()
	return pages(browser.Sessions(t, holdfast.Options{Cache: c}))
}

func TestRestart_keeps_the_count(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sessions")
	before, after := newCache(t), newCache(t)
	handler := site(t, before)
	ada := browser.Open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) })).Browser()
	ada.Get("/")
	ada.Get("/")

	require.NoError(t, save(before, file))
	restore(after, file)
	handler = site(t, after)

	assert.Equal(t, "You visited this page 3 times\n", ada.Get("/").Text)
	assert.NoFileExists(t, file, "a second load would bring back sessions after a logout")
}

func TestVisits(t *testing.T) {
	ada := browser.Open(t, site(t, newCache(t))).Browser()
	assert.Equal(t, "You visited this page once\n", ada.Get("/").Text)
	assert.Equal(t, http.StatusNotFound, ada.Get("/favicon.ico").Status)
	assert.Equal(t, "You visited this page 2 times\n", ada.Get("/").Text, "the icon is no visit")
}

func TestRestore_of_a_damaged_snapshot(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sessions")
	require.NoError(t, os.WriteFile(file, []byte("no snapshot"), 0o600))
	c := newCache(t)

	restore(c, file)
	restore(c, filepath.Join(t.TempDir(), "none"))
	restore(c, "")

	assert.Zero(t, c.Len())
}

func TestWatch(t *testing.T) {
	c := newCache(t)
	sessions := browser.Sessions(t, holdfast.Options{Cache: c})
	browser.Open(t, pages(sessions)).Browser().Get("/")
	page, err := inspect.New(inspect.Options{Manager: sessions, Cache: c, Allow: operators})
	require.NoError(t, err)
	defer page.Close()

	operator := browser.Open(t, watch(metrics.Sources{Manager: sessions, Cache: c}, page)).Browser()

	var vars struct {
		Entries map[string]float64 `json:"cache_entries"`
		Limit   map[string]float64 `json:"cache_limit_bytes"`
	}
	require.NoError(t, json.Unmarshal([]byte(operator.Get("/debug/vars").Text), &vars))
	assert.Equal(t, 1.0, vars.Entries["sessions"])
	assert.Equal(t, float64(8<<20), vars.Limit["sessions"])
	shown := operator.Get("/sessions/")
	assert.Contains(t, shown.Text, "nothing is evicted")
	assert.Contains(t, shown.Text, "Users", "this machine may end sessions")
	assert.Equal(t, http.StatusOK, operator.Get("/sessions/users").Status)
}

// Another site's name may lead to this machine, but does not permit to end
// sessions.
func TestOperators(t *testing.T) {
	for host, permitted := range map[string]bool{
		"localhost:3001": true, "127.0.0.1:3001": true, "[::1]:3001": true,
		"rebound.example:3001": false, "10.0.0.1:3001": false, "": false,
	} {
		assert.Equal(t, permitted, operators(&http.Request{Host: host}) == nil, host)
	}
}

func TestAudit(t *testing.T) {
	var logged strings.Builder
	sessions := browser.Sessions(t, holdfast.Options{Observer: audit(slog.New(slog.NewTextHandler(&logged, nil)))})
	mux := http.NewServeMux()
	mux.HandleFunc("/visit", func(w http.ResponseWriter, r *http.Request) { sessions.Session(r).Set("a", 1) })
	mux.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) { assert.NoError(t, sessions.Session(r).Login("ada")) })
	mux.HandleFunc("/logout", func(w http.ResponseWriter, r *http.Request) { assert.NoError(t, sessions.Session(r).Destroy()) })
	ada := browser.Open(t, sessions.Handler(mux)).Browser()

	ada.Get("/visit")
	assert.Empty(t, logged.String(), "a visitor")
	ada.Get("/login")
	assert.Contains(t, logged.String(), "logged_in")
	id := ada.Cookie()
	ada.Get("/logout")
	assert.Contains(t, logged.String(), "logout")
	assert.Contains(t, logged.String(), "ada")
	assert.NotContains(t, logged.String(), id)
}

// The load of -demo has users and visitors, and nobody but the program sends
// it.
func TestDemo(t *testing.T) {
	c := newCache(t)
	sessions := browser.Sessions(t, holdfast.Options{Cache: c})
	d := newDemo(sessions)
	d.send("GET", "/", nil)
	for range 100 {
		d.visit(7)
	}
	stats := sessions.Stats()
	assert.Positive(t, stats.LoggedIn)
	assert.NotZero(t, c.Stats().Hits)
	infos, err := sessions.Sessions(t.Context(), "user-7")
	require.NoError(t, err)
	assert.LessOrEqual(t, len(infos), 1)
	assert.Equal(t, http.StatusNotFound, browser.Open(t, pages(sessions)).Browser().Post("/login?user=user-7").Status)
}

func TestRun_saves_the_sessions(t *testing.T) {
	s := &settings{maxBytes: 8 << 20, admin: "localhost:0", snapshot: filepath.Join(t.TempDir(), "sessions")}

	browser.Stops(t, s.run)

	assert.FileExists(t, s.snapshot)
	c := newCache(t)
	require.NoError(t, c.Set("id", []byte("value"), time.Hour))
	_, err := c.LoadFile(s.snapshot)
	assert.NoError(t, err, "the snapshot is complete")
}

// The program starts in a process of its own, with every flag.
func TestMain_flags(t *testing.T) {
	snapshot := filepath.Join(t.TempDir(), "sessions")
	line, stop := browser.Program(t, main, "-addr", "127.0.0.1:0", "-admin", "127.0.0.1:0",
		"-max-bytes", "1048576", "-proxy", "127.0.0.0/8", "-snapshot", snapshot)
	urls := regexp.MustCompile(`http://[^ ,\n]+`).FindAllString(line, -1)
	require.Len(t, urls, 2, line)

	request, err := http.NewRequest(http.MethodGet, urls[0], nil)
	require.NoError(t, err)
	request.Header.Set("X-Forwarded-Proto", "https")
	page, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	page.Body.Close()
	require.Len(t, page.Cookies(), 1)
	assert.True(t, page.Cookies()[0].Secure, "-proxy: the client came over TLS")

	shown, err := http.Get(urls[1])
	require.NoError(t, err)
	defer shown.Body.Close()
	text, err := io.ReadAll(shown.Body)
	require.NoError(t, err)
	assert.Contains(t, string(text), "of 1 MiB", "-max-bytes")
	assert.NoFileExists(t, snapshot)

	stop()
	assert.FileExists(t, snapshot)
}

// The program finds out at its start that it cannot save the sessions.
func TestRun_refuses_an_unwritable_snapshot(t *testing.T) {
	s := &settings{maxBytes: 8 << 20, admin: "localhost:0", snapshot: filepath.Join(t.TempDir(), "missing", "sessions")}
	assert.ErrorIs(t, s.run(t.Context(), "127.0.0.1:0"), fs.ErrNotExist)
}

func TestRun_refuses_impossible_settings(t *testing.T) {
	for name, s := range map[string]*settings{
		"a cap of 3 bytes": {maxBytes: 3, admin: "localhost:0"},
		"an unknown host":  {maxBytes: 8 << 20, admin: "nowhere.invalid:1"},
		"a missing directory": {maxBytes: 8 << 20, admin: "localhost:0",
			snapshot: filepath.Join(t.TempDir(), "missing", "sessions")},
	} {
		t.Run(name, func(t *testing.T) {
			stopped, cancel := context.WithCancel(t.Context())
			cancel()
			assert.Error(t, s.run(stopped, "127.0.0.1:0"))
		})
	}
}
