package main

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
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

func pages(t *testing.T, c *cache.Cache) http.Handler {
	t.Helper()
	sessions, err := holdfast.New(holdfast.Options{Store: c})
	require.NoError(t, err)
	return sessions.Handler(http.HandlerFunc(count))
}

func TestTheCountGoesOnAfterARestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sessions")
	before, after := newCache(t), newCache(t)
	handler := pages(t, before)
	site := browser.Open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	ada := site.Browser()
	ada.Get("/")
	ada.Get("/")

	require.NoError(t, save(before, file))
	restore(after, file)
	handler = pages(t, after)

	assert.Equal(t, "You visited this page 3 times\n", ada.Get("/").Text)
	assert.NoFileExists(t, file, "loaded once more, it would bring back who has logged out")
}

func TestADamagedSnapshotKeepsNobodyFromStarting(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sessions")
	require.NoError(t, os.WriteFile(file, []byte("no snapshot"), 0o600))
	c := newCache(t)

	restore(c, file)
	restore(c, filepath.Join(t.TempDir(), "none"))
	restore(c, "")

	assert.Zero(t, c.Len())
}

func TestWhatTheCacheHoldsCanBeWatched(t *testing.T) {
	c := newCache(t)
	browser.Open(t, pages(t, c)).Browser().Get("/")

	page := browser.Open(t, watch(c)).Browser().Get("/debug/vars")

	var vars map[string]float64
	require.NoError(t, json.Unmarshal([]byte(page.Text), &vars))
	assert.Equal(t, 1.0, vars["sessions"])
	assert.Equal(t, float64(8<<20), vars["max_bytes"])
	assert.Positive(t, vars["bytes"])
	assert.Contains(t, vars, "evicted_for_capacity")
}

func TestTheServerStopsWhenItIsToldAndKeepsTheSessions(t *testing.T) {
	s := settings{maxBytes: 8 << 20, admin: "localhost:0", snapshot: filepath.Join(t.TempDir(), "sessions")}

	browser.StopsWhenTold(t, s.run)

	assert.FileExists(t, s.snapshot)
	c := newCache(t)
	require.NoError(t, c.Set("id", []byte("value"), time.Hour))
	_, err := c.LoadFile(s.snapshot)
	assert.NoError(t, err, "it is whole")
}

func TestWhatCannotBeIsAnError(t *testing.T) {
	for name, s := range map[string]settings{
		"a cap of 3 bytes":       {maxBytes: 3, admin: "localhost:0"},
		"an address of nobody's": {maxBytes: 8 << 20, admin: "nowhere.invalid:1"},
		"a folder that is not there": {maxBytes: 8 << 20, admin: "localhost:0",
			snapshot: filepath.Join(t.TempDir(), "missing", "sessions")},
	} {
		t.Run(name, func(t *testing.T) {
			stopped, cancel := context.WithCancel(t.Context())
			cancel()
			assert.Error(t, s.run(stopped, "127.0.0.1:0"))
		})
	}
}
