package main

import (
	"context"
	"encoding/json"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/examples/internal/browser"
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
	browser.Open(t, site(t, c)).Browser().Get("/")

	page := browser.Open(t, watch(c)).Browser().Get("/debug/vars")

	var vars map[string]float64
	require.NoError(t, json.Unmarshal([]byte(page.Text), &vars))
	assert.Equal(t, 1.0, vars["sessions"])
	assert.Equal(t, float64(8<<20), vars["max_bytes"])
	assert.Positive(t, vars["bytes"])
	assert.Contains(t, vars, "evicted_for_capacity")
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

	vars, err := http.Get(urls[1])
	require.NoError(t, err)
	defer vars.Body.Close()
	var shown map[string]float64
	require.NoError(t, json.NewDecoder(vars.Body).Decode(&shown))
	assert.Equal(t, 1048576.0, shown["max_bytes"])
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
