package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"syscall"
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
	sessions, err := holdfast.New(holdfast.Options{Store: c})
	require.NoError(t, err)
	return pages(sessions)
}

func TestTheCountGoesOnAfterARestart(t *testing.T) {
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
	assert.NoFileExists(t, file, "loaded once more, it would bring back who has logged out")
}

func TestVisits(t *testing.T) {
	ada := browser.Open(t, site(t, newCache(t))).Browser()
	assert.Equal(t, "You visited this page once\n", ada.Get("/").Text)
	assert.Equal(t, http.StatusNotFound, ada.Get("/favicon.ico").Status)
	assert.Equal(t, "You visited this page 2 times\n", ada.Get("/").Text, "the icon is no visit")
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
	browser.Open(t, site(t, c)).Browser().Get("/")

	page := browser.Open(t, watch(c)).Browser().Get("/debug/vars")

	var vars map[string]float64
	require.NoError(t, json.Unmarshal([]byte(page.Text), &vars))
	assert.Equal(t, 1.0, vars["sessions"])
	assert.Equal(t, float64(8<<20), vars["max_bytes"])
	assert.Positive(t, vars["bytes"])
	assert.Contains(t, vars, "evicted_for_capacity")
}

func TestTheServerStopsWhenItIsToldAndKeepsTheSessions(t *testing.T) {
	s := &settings{maxBytes: 8 << 20, admin: "localhost:0", snapshot: filepath.Join(t.TempDir(), "sessions")}

	browser.StopsWhenTold(t, s.run)

	assert.FileExists(t, s.snapshot)
	c := newCache(t)
	require.NoError(t, c.Set("id", []byte("value"), time.Hour))
	_, err := c.LoadFile(s.snapshot)
	assert.NoError(t, err, "it is whole")
}

const mainChild = "HOLDFAST_TEST_MAIN"

// The program is started as its user would, with every flag.
func TestMainHeedsItsFlags(t *testing.T) {
	if snapshot := os.Getenv(mainChild); snapshot != "" {
		os.Args = []string{os.Args[0], "-addr", "127.0.0.1:0", "-admin", "127.0.0.1:0", "-max-bytes", "1048576", "-proxy", "127.0.0.0/8", "-snapshot", snapshot}
		flag.CommandLine = flag.NewFlagSet(os.Args[0], flag.ExitOnError)
		main()
		return
	}
	if runtime.GOOS != "linux" {
		t.Skip("it is stopped by a signal")
	}
	snapshot := filepath.Join(t.TempDir(), "sessions")
	child := exec.Command(os.Args[0], "-test.run=^TestMainHeedsItsFlags$")
	child.Env = append(os.Environ(), mainChild+"="+snapshot)
	out, err := child.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	defer child.Process.Kill()
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
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

	require.NoError(t, child.Process.Signal(syscall.SIGTERM))
	require.NoError(t, child.Wait())
	assert.FileExists(t, snapshot)
}

// That the sessions cannot be saved is known before the first of them begins.
func TestASnapshotThatCannotBeWrittenIsAnErrorAtTheStart(t *testing.T) {
	s := &settings{maxBytes: 8 << 20, admin: "localhost:0", snapshot: filepath.Join(t.TempDir(), "missing", "sessions")}
	assert.ErrorIs(t, s.run(t.Context(), "127.0.0.1:0"), fs.ErrNotExist)
}

func TestWhatCannotBeIsAnError(t *testing.T) {
	for name, s := range map[string]*settings{
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
