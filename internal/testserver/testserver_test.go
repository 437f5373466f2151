package testserver_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/testserver"
)

// each runs a test with Redis and with Valkey.
func each(t *testing.T, test func(*testing.T, testserver.Kind)) {
	for _, kind := range []testserver.Kind{testserver.Redis, testserver.Valkey} {
		t.Run(string(kind), func(t *testing.T) { test(t, kind) })
	}
}

func do(t *testing.T, s *testserver.Server, args ...string) any {
	t.Helper()
	reply, err := s.Do(args...)
	require.NoError(t, err)
	return reply
}

// folders returns the folders of this process's servers.
func folders(t *testing.T) []string {
	found, err := filepath.Glob(filepath.Join(os.TempDir(), fmt.Sprintf("testserver-%d-*", os.Getpid()), "*"))
	require.NoError(t, err)
	return found
}

func TestStart(t *testing.T) {
	each(t, func(t *testing.T, kind testserver.Kind) {
		s := testserver.Run(t, kind, "maxmemory 64mb", "timeout 7")
		require.Equal(t, []any{"maxmemory", "67108864"}, do(t, s, "CONFIG", "GET", "maxmemory"))
		require.Equal(t, []any{"timeout", "7"}, do(t, s, "CONFIG", "GET", "timeout"))

		other := testserver.Run(t, kind)
		require.NotEqual(t, s.Addr(), other.Addr())
		require.Equal(t, "OK", do(t, s, "SET", "key", "value"))
		require.Nil(t, do(t, other, "GET", "key"))
	})
}

// The error has the server's own words, and nothing stays behind.
func TestStart_wrong_configuration(t *testing.T) {
	each(t, func(t *testing.T, kind testserver.Kind) {
		testserver.Need(t, kind)
		s, err := testserver.Start(kind, "no-such-directive 1")
		require.Nil(t, s)
		require.ErrorContains(t, err, "no-such-directive 1")
		require.Empty(t, folders(t))
	})
}

// Do works with all configurations of users.
func TestStart_users(t *testing.T) {
	each(t, func(t *testing.T, kind testserver.Kind) {
		s := testserver.Run(t, kind, "user default off", "user app on >password ~hf:* +get")
		require.Equal(t, "OK", do(t, s, "SET", "hf:key", "value"))

		c, err := s.Dial()
		require.NoError(t, err)
		defer c.Close()
		_, err = c.Do("AUTH", "app", "password")
		require.NoError(t, err)
		reply, err := c.Do("GET", "hf:key")
		require.NoError(t, err)
		require.Equal(t, "value", reply)
		_, err = c.Do("SET", "hf:key", "other")
		require.ErrorContains(t, err, "NOPERM")
	})
}

func TestTLS(t *testing.T) {
	each(t, func(t *testing.T, kind testserver.Kind) {
		s := testserver.Run(t, kind, testserver.TLS, "timeout 7")
		conn, err := tls.Dial("tcp", s.TLSAddr(), s.TLSConfig())
		require.NoError(t, err)
		defer conn.Close()
		_, err = io.WriteString(conn, "PING\r\n")
		require.NoError(t, err)
		reply, err := bufio.NewReader(conn).ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "+PONG\r\n", reply)
		require.Equal(t, []any{"timeout", "7"}, do(t, s, "CONFIG", "GET", "timeout"))

		_, err = tls.Dial("tcp", s.TLSAddr(), testserver.Run(t, kind, testserver.TLS).TLSConfig())
		require.Error(t, err, "the configuration trusts one server")
	})
	t.Run("without", func(t *testing.T) {
		s := testserver.Run(t, testserver.Redis)
		require.Empty(t, s.TLSAddr())
		require.Nil(t, s.TLSConfig())
	})
}

func TestRestart(t *testing.T) {
	each(t, func(t *testing.T, kind testserver.Kind) {
		stored := []string{"appendonly yes", "appendfsync always"}
		for _, test := range []struct {
			name  string
			lines []string
			end   func(*testserver.Server) error
			again func(*testserver.Server) error
			value any
		}{
			{"stored", stored, (*testserver.Server).Stop, (*testserver.Server).Restart, "value"},
			{"stored_and_killed", stored, (*testserver.Server).Kill, (*testserver.Server).Restart, "value"},
			{"stored_and_running", stored, nil, (*testserver.Server).Restart, "value"},
			{"not_stored", nil, (*testserver.Server).Stop, (*testserver.Server).Restart, nil},
			{"empty", stored, (*testserver.Server).Stop, (*testserver.Server).RestartEmpty, nil},
			{"empty_and_running", stored, nil, (*testserver.Server).RestartEmpty, nil},
		} {
			t.Run(test.name, func(t *testing.T) {
				s := testserver.Run(t, kind, test.lines...)
				do(t, s, "SET", "key", "value")
				addr := s.Addr()
				if test.end != nil {
					require.NoError(t, test.end(s))
					_, err := net.Dial("tcp", addr)
					require.ErrorIs(t, err, syscall.ECONNREFUSED)
					require.NoError(t, test.end(s), "the server has ended already")
				}
				require.NoError(t, test.again(s))
				require.Equal(t, addr, s.Addr())
				require.Equal(t, test.value, do(t, s, "GET", "key"))
			})
		}
	})
}

// A paused server accepts connections and bytes, and answers after Resume.
func TestPause(t *testing.T) {
	each(t, func(t *testing.T, kind testserver.Kind) {
		s := testserver.Run(t, kind)
		conn, err := net.Dial("tcp", s.Addr())
		require.NoError(t, err)
		defer conn.Close()

		require.NoError(t, s.Pause())
		_, err = io.WriteString(conn, "PING\r\n")
		require.NoError(t, err)
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
		_, err = conn.Read(make([]byte, 1))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)

		require.NoError(t, s.Resume())
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(time.Minute)))
		reply, err := bufio.NewReader(conn).ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "+PONG\r\n", reply)
	})
	for name, end := range map[string]func(*testserver.Server) error{
		"stop": (*testserver.Server).Stop, "kill": (*testserver.Server).Kill, "close": (*testserver.Server).Close,
	} {
		t.Run(name, func(t *testing.T) {
			s := testserver.Run(t, testserver.Redis)
			require.NoError(t, s.Pause())
			require.NoError(t, end(s))
			_, err := net.Dial("tcp", s.Addr())
			require.ErrorIs(t, err, syscall.ECONNREFUSED)
			require.ErrorIs(t, s.Pause(), os.ErrProcessDone)
			require.ErrorIs(t, s.Resume(), os.ErrProcessDone)
		})
	}
}

func TestClose(t *testing.T) {
	testserver.Need(t, testserver.Redis)
	s, err := testserver.Start(testserver.Redis)
	require.NoError(t, err)
	require.Len(t, folders(t), 1)
	require.NoError(t, s.Close())
	require.Empty(t, folders(t))
	require.NoError(t, s.Close())
	require.Error(t, s.Restart())
	require.Error(t, s.RestartEmpty())
}

func TestDo_replies(t *testing.T) {
	s := testserver.Run(t, testserver.Redis)
	for _, test := range []struct {
		args []string
		want any
	}{
		{[]string{"SET", "key", "line\r\nline"}, "OK"},
		{[]string{"GET", "key"}, "line\r\nline"},
		{[]string{"SET", "empty", ""}, "OK"},
		{[]string{"GET", "empty"}, ""},
		{[]string{"GET", "missing"}, nil},
		{[]string{"STRLEN", "key"}, int64(10)},
		{[]string{"MGET", "key", "missing"}, []any{"line\r\nline", nil}},
		{[]string{"EVAL", "return {1, {}, {err = 'ERR no'}, {'a'}}", "0"},
			[]any{int64(1), []any{}, testserver.Error("ERR no"), []any{"a"}}},
	} {
		require.Equal(t, test.want, do(t, s, test.args...), test.args)
	}
	_, err := s.Do("INCR", "key")
	require.ErrorAs(t, err, new(testserver.Error))
	require.ErrorContains(t, err, "not an integer")
}

// One connection has a state. A connection that was killed returns an error.
func TestDial(t *testing.T) {
	s := testserver.Run(t, testserver.Redis)
	c, err := s.Dial()
	require.NoError(t, err)
	defer c.Close()
	for i, args := range [][]string{{"MULTI"}, {"INCR", "n"}, {"INCR", "n"}, {"EXEC"}} {
		reply, err := c.Do(args...)
		require.NoError(t, err)
		require.Equal(t, []any{"OK", "QUEUED", "QUEUED", []any{int64(1), int64(2)}}[i], reply)
	}
	do(t, s, "CLIENT", "KILL", "TYPE", "normal")
	_, err = c.Do("PING")
	require.Error(t, err)
	require.False(t, errors.As(err, new(testserver.Error)))
}

func TestCalls(t *testing.T) {
	s := testserver.Run(t, testserver.Redis)
	do(t, s, "CONFIG", "RESETSTAT")
	for range 3 {
		do(t, s, "GET", "key")
	}
	do(t, s, "CLIENT", "ID")
	calls, err := s.Calls()
	require.NoError(t, err)
	require.Equal(t, 3, calls["get"])
	require.Equal(t, 1, calls["client|id"])
	require.Zero(t, calls["set"])
}

// recorder is a test that notes how it ends.
type recorder struct {
	testing.TB
	skipped, failed string
}

func (r *recorder) Helper() {}

func (r *recorder) Skip(args ...any) {
	r.skipped = fmt.Sprint(args...)
	runtime.Goexit()
}

func (r *recorder) Fatal(args ...any) {
	r.failed = fmt.Sprint(args...)
	runtime.Goexit()
}

func TestNeed(t *testing.T) {
	need := func(kinds ...testserver.Kind) *recorder {
		r, done := new(recorder), make(chan struct{})
		go func() {
			defer close(done)
			testserver.Need(r, kinds...)
		}()
		<-done
		return r
	}
	present := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(present, "redis-server"), nil, 0o700))
	t.Setenv("PATH", present)

	t.Setenv("CI", "")
	require.Equal(t, &recorder{}, need(testserver.Redis))
	missing := "testserver: valkey-server: the server is not installed: apt-get install -t bookworm-backports valkey-server"
	require.Equal(t, &recorder{skipped: missing}, need(testserver.Redis, testserver.Valkey))

	t.Setenv("CI", "true")
	require.Equal(t, &recorder{}, need(testserver.Redis))
	require.Equal(t, &recorder{failed: missing}, need(testserver.Redis, testserver.Valkey))

	_, err := testserver.Start(testserver.Valkey)
	require.ErrorIs(t, err, testserver.ErrMissing)
}

// When the process that started a server is killed, the server ends, and its
// folder is removed. The test starts its own program again as that process.
func TestOrphan(t *testing.T) {
	const variable = "HOLDFAST_ORPHAN"
	if kind := testserver.Kind(os.Getenv(variable)); kind != "" {
		s, err := testserver.Start(kind)
		require.NoError(t, err)
		if os.Getenv(variable+"_PAUSED") != "" {
			require.NoError(t, s.Pause())
		}
		fmt.Println(s.Addr())
		_, _ = io.Copy(io.Discard, os.Stdin)
	}
	if runtime.GOOS != "linux" {
		t.Skip("servers end with their process only on Linux")
	}
	for _, kind := range []testserver.Kind{testserver.Redis, testserver.Valkey, testserver.Postgres, testserver.Prometheus} {
		for _, paused := range []string{"", "_paused"} {
			t.Run(string(kind)+paused, func(t *testing.T) {
				testserver.Need(t, kind)
				// PostgreSQL's user cannot reach a folder in t.TempDir.
				folder, err := os.MkdirTemp("", "orphan-")
				require.NoError(t, err)
				defer os.RemoveAll(folder)
				require.NoError(t, os.Chmod(folder, 0o711))
				parent := exec.Command(os.Args[0], "-test.run=^TestOrphan$")
				parent.Env = append(os.Environ(), variable+"="+string(kind), variable+"_PAUSED="+paused, "TMPDIR="+folder)
				input, err := parent.StdinPipe()
				require.NoError(t, err)
				defer input.Close()
				output, err := parent.StdoutPipe()
				require.NoError(t, err)
				require.NoError(t, parent.Start())
				addr, err := bufio.NewReader(output).ReadString('\n')
				require.NoError(t, err)
				addr = strings.TrimSpace(addr)
				conn, err := net.Dial("tcp", addr)
				require.NoError(t, err, "the server runs")
				require.NoError(t, conn.Close())

				require.NoError(t, parent.Process.Kill())
				require.Error(t, parent.Wait())
				require.Eventually(t, func() bool {
					// A paused server takes no connections, so its queue of
					// them may be full: then the next one waits.
					conn, err := net.DialTimeout("tcp", addr, time.Second)
					if err == nil {
						conn.Close()
					}
					return errors.Is(err, syscall.ECONNREFUSED)
				}, time.Minute, 100*time.Millisecond)
				require.Eventually(t, func() bool {
					entries, err := os.ReadDir(folder)
					return err == nil && len(entries) == 0
				}, time.Minute, 10*time.Millisecond)
			})
		}
	}
}
