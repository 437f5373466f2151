package main

import (
	"bufio"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/examples/internal/browser"
	"github.com/holdfast-go/holdfast/internal/testserver"
)

// The tests start this program again as a user does.
func TestMain(m *testing.M) {
	if os.Getenv("STORES_MAIN") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func command(args ...string) *exec.Cmd {
	c := exec.Command(os.Args[0], append([]string{"-addr", "127.0.0.1:0"}, args...)...)
	c.Env = append(os.Environ(), "STORES_MAIN=1")
	return c
}

// started starts the program. It returns its URL, and a function that kills it.
// On a busy machine a server may answer too late. Then the program ends, and
// started starts it again, as systemd does.
func started(t *testing.T, store string) (url string, kill func()) {
	t.Helper()
	for range 10 {
		url, output, kill := start(t, store)
		if url != "" {
			return url, kill
		}
		require.Contains(t, output, "no answer in time")
	}
	require.FailNow(t, "the store never answers in time")
	return "", nil
}

// start starts the program once. It returns its output up to its URL.
func start(t *testing.T, store string) (url, output string, kill func()) {
	t.Helper()
	c := command("-store", store)
	stderr, err := c.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	kill = func() { c.Process.Kill(); c.Wait() }
	t.Cleanup(kill)
	for lines := bufio.NewScanner(stderr); url == "" && lines.Scan(); {
		output += lines.Text() + "\n"
		url = regexp.MustCompile(`http://\S+/`).FindString(lines.Text())
	}
	go io.Copy(io.Discard, stderr)
	return url, output, kill
}

// The program is killed, as kill -9 does, and started again. Each store but the
// memory of the process still has the session.
func TestSessions_after_a_kill(t *testing.T) {
	for name, test := range map[string]struct {
		store    func(t *testing.T) string
		survives bool
	}{
		"memory": {func(*testing.T) string { return "memory" }, false},
		"sqlite": {func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "sessions.db") }, true},
		"redis":  {func(t *testing.T) string { return "redis://" + testserver.Run(t, testserver.Redis).Addr() + "/0" }, true},
		"valkey": {func(t *testing.T) string { return "redis://" + testserver.Run(t, testserver.Valkey).Addr() + "/0" }, true},
		"postgres": {func(t *testing.T) string {
			return testserver.Run(t, testserver.Postgres, "fsync = off").URL()
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			store := test.store(t)
			jar, err := cookiejar.New(nil)
			require.NoError(t, err)
			browser := &http.Client{Jar: jar}
			visit := func(url string) string {
				response, err := browser.Get(url)
				require.NoError(t, err)
				defer response.Body.Close()
				text, err := io.ReadAll(response.Body)
				require.NoError(t, err)
				return string(text)
			}
			url, kill := started(t, store)
			assert.Equal(t, "Welcome to this page for the first time!\n", visit(url))
			assert.Equal(t, "You visited this page 2 times\n", visit(url))
			kill()
			url, _ = started(t, store)
			want := "Welcome to this page for the first time!\n"
			if test.survives {
				want = "You visited this page 3 times\n"
			}
			assert.Equal(t, want, visit(url))
		})
	}
}

func TestFlag_store(t *testing.T) {
	for store, want := range map[string]string{
		"never": "-store must be memory, sqlite:FILE",
		"sqlite:" + filepath.Join(t.TempDir(), "none", "sessions.db"): "sqlstore",
		"redis://:secret@127.0.0.1:1/0":                               "not available",
		"postgres://ada:secret@127.0.0.1:1/x":                         "start the server",
	} {
		output, err := command("-store", store).CombinedOutput()
		assert.Error(t, err, store)
		assert.Contains(t, string(output), want)
		assert.NotContains(t, string(output), "secret")
	}
}

// The live page is about the store that keeps the sessions.
func TestWatch(t *testing.T) {
	for store, shown := range map[string]string{"memory": "Memory in use", "sqlite:" + filepath.Join(t.TempDir(), "sessions.db"): "SQLite is well"} {
		options, closeStore, err := open(store)
		require.NoError(t, err)
		t.Cleanup(closeStore)
		sessions, err := holdfast.New(options)
		require.NoError(t, err)
		line := browser.FirstLog(t, func() {
			end, err := watch("127.0.0.1:0", store, options, sessions)
			require.NoError(t, err)
			t.Cleanup(end)
		})
		page, err := http.Get(regexp.MustCompile(`http://\S+/`).FindString(line))
		require.NoError(t, err)
		text, err := io.ReadAll(page.Body)
		require.NoError(t, err)
		page.Body.Close()
		assert.Contains(t, string(text), shown)
	}
	options, closeStore, err := open("memory")
	require.NoError(t, err)
	defer closeStore()
	_, err = watch("nowhere.invalid:1", "memory", options, nil)
	assert.Error(t, err)
}
