package testserver_test

import (
	"bufio"
	"io"
	"net"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/faultproxy"
	"github.com/holdfast-go/holdfast/internal/testserver"
)

// psql returns a command with a session in PostgreSQL.
func psql(t *testing.T, url string) *exec.Cmd {
	t.Helper()
	path, err := exec.LookPath("psql")
	if err != nil {
		t.Skip("psql is not installed: apt-get install postgresql-client")
	}
	return exec.Command(path, "-XAtq", url)
}

func query(t *testing.T, url, query string) string {
	t.Helper()
	cmd := psql(t, url)
	cmd.Stdin = strings.NewReader(query)
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, string(output))
	return strings.TrimSpace(string(output))
}

// A session is a connection of psql that is open.
type session struct {
	*testing.T
	input io.Writer
	lines chan string // of the output; closed when psql has ended
}

func openSession(t *testing.T, url string) *session {
	t.Helper()
	cmd := psql(t, url)
	input, err := cmd.StdinPipe()
	require.NoError(t, err)
	output, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = cmd.Stdout
	require.NoError(t, cmd.Start())
	s := &session{t, input, make(chan string, 100)}
	go func() {
		defer close(s.lines)
		for scanner := bufio.NewScanner(output); scanner.Scan(); {
			s.lines <- scanner.Text()
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	s.send("SELECT 'open'")
	s.reads("open")
	return s
}

func (s *session) send(query string) {
	s.Helper()
	_, err := io.WriteString(s.input, query+";\n")
	require.NoError(s, err)
}

func (s *session) reads(want string) {
	s.Helper()
	select {
	case line := <-s.lines:
		require.Equal(s, want, line)
	case <-time.After(time.Minute):
		require.Fail(s, "no reply", want)
	}
}

func (s *session) quiet() {
	s.Helper()
	select {
	case line := <-s.lines:
		require.Fail(s, "the server replied", line)
	case <-time.After(50 * time.Millisecond):
	}
}

func TestPostgres(t *testing.T) {
	s := testserver.Run(t, testserver.Postgres, "fsync = off", "max_connections = 17")
	require.Equal(t, "off", query(t, s.URL(), "SHOW fsync"))
	require.Equal(t, "17", query(t, s.URL(), "SHOW max_connections"))
	require.Equal(t, "UTF8", query(t, s.URL(), "SHOW server_encoding"))

	addr := s.Addr()
	query(t, s.URL(), "CREATE TABLE kept AS SELECT 'value'")
	for name, end := range map[string]func(*testserver.Server) error{
		"stop": (*testserver.Server).Stop, "kill": (*testserver.Server).Kill,
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, end(s))
			_, err := net.Dial("tcp", addr)
			require.ErrorIs(t, err, syscall.ECONNREFUSED)
			require.NoError(t, s.Restart())
			require.Equal(t, addr, s.Addr())
			require.Equal(t, "value", query(t, s.URL(), "TABLE kept"))
		})
	}
	t.Run("restart", func(t *testing.T) {
		require.NoError(t, s.Restart())
		require.Equal(t, "value", query(t, s.URL(), "TABLE kept"))
	})
	t.Run("restart_empty", func(t *testing.T) {
		require.NoError(t, s.RestartEmpty())
		require.Equal(t, addr, s.Addr())
		require.Equal(t, "0", query(t, s.URL(), "SELECT count(*) FROM pg_tables WHERE tablename = 'kept'"))
	})
}

// Clients that are connected have a process of their own, which stops too.
func TestPostgres_Pause(t *testing.T) {
	s := testserver.Run(t, testserver.Postgres, "fsync = off")
	client := openSession(t, s.URL())
	require.NoError(t, s.Pause())
	client.send("SELECT 'late'")
	client.quiet()
	require.NoError(t, s.Resume())
	client.reads("late")

	require.NoError(t, s.Pause())
	require.NoError(t, s.Stop())
	require.NoError(t, s.Restart())
	require.NoError(t, s.Pause())
	require.NoError(t, s.Kill())
	require.NoError(t, s.Restart())
}

// A server that is killed sends its clients no message.
func TestPostgres_Kill(t *testing.T) {
	s := testserver.Run(t, testserver.Postgres, "fsync = off")
	for name, test := range map[string]struct {
		end     func(*testserver.Server) error
		message bool
	}{
		"kill": {(*testserver.Server).Kill, false},
		"stop": {(*testserver.Server).Stop, true},
	} {
		t.Run(name, func(t *testing.T) {
			client := openSession(t, s.URL())
			require.NoError(t, test.end(s))
			client.send("SELECT 'late'")
			var text strings.Builder
			for line := range client.lines {
				text.WriteString(line + "\n")
			}
			require.Contains(t, text.String(), "server closed the connection unexpectedly")
			require.Equal(t, test.message, strings.Contains(text.String(), "terminating connection"), text.String())
			require.NoError(t, s.Restart())
		})
	}
}

func TestPostgres_wrong_configuration(t *testing.T) {
	testserver.Need(t, testserver.Postgres)
	s, err := testserver.Start(testserver.Postgres, "no_such_setting = 1")
	require.Nil(t, s)
	require.ErrorContains(t, err, "no_such_setting")
	require.Empty(t, folders(t))
}

func TestPostgres_behind_a_proxy(t *testing.T) {
	s := testserver.Run(t, testserver.Postgres, "fsync = off")
	proxy, err := faultproxy.New(s.Addr())
	require.NoError(t, err)
	defer proxy.Close()
	client := openSession(t, strings.Replace(s.URL(), s.Addr(), proxy.Addr(), 1))

	// A commit whose reply is lost is a commit.
	proxy.Swallow(faultproxy.ToClient, true)
	before := proxy.Received(faultproxy.ToClient)
	client.send("CREATE TABLE committed AS SELECT 'value'")
	require.Eventually(t, func() bool { return proxy.Received(faultproxy.ToClient) > before }, time.Minute, time.Millisecond)
	client.quiet()
	require.Equal(t, "value", query(t, s.URL(), "TABLE committed"))
}
