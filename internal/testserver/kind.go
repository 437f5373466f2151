package testserver

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

// A Kind is a kind of server, named after its command.
type Kind string

// The kinds of servers.
const (
	Redis      Kind = "redis-server"
	Valkey     Kind = "valkey-server"
	Postgres   Kind = "postgres"
	Prometheus Kind = "prometheus" // with the command promtool
)

// ErrMissing is wrapped by the errors for a server that is not installed.
var ErrMissing = errors.New("the server is not installed")

var install = map[Kind]string{
	Redis:      "apt-get install redis-server",
	Valkey:     "apt-get install -t bookworm-backports valkey-server",
	Postgres:   "apt-get install postgresql",
	Prometheus: "apt-get install --no-install-recommends prometheus",
}

// Find returns the path of the server's command, or an error that wraps
// ErrMissing and says how to install it.
func (k Kind) Find() (string, error) { return k.find(string(k)) }

// find returns the path of a command that is installed with k.
func (k Kind) find(command string) (string, error) {
	if path, err := exec.LookPath(command); err == nil {
		return path, nil
	}
	// Debian installs the commands of PostgreSQL outside of PATH, in a folder
	// for each version.
	paths, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + command)
	if len(paths) > 0 {
		return slices.MaxFunc(paths, func(a, b string) int { return version(a) - version(b) }), nil
	}
	return "", fmt.Errorf("testserver: %s: %w: %s", command, ErrMissing, install[k])
}

func version(path string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	return n
}

// Need skips a test if one of the servers is not installed. If the environment
// variable CI is set, Need fails the test instead.
func Need(tb testing.TB, kinds ...Kind) {
	tb.Helper()
	for _, kind := range kinds {
		if _, err := kind.Find(); err != nil {
			if os.Getenv("CI") != "" {
				tb.Fatal(err)
			}
			tb.Skip(err)
		}
	}
}

// Run starts a server as Start does, and closes it at the end of the test. Run
// skips or fails the test as Need does, and fails it if the server does not
// start.
func Run(tb testing.TB, kind Kind, lines ...string) *Server {
	tb.Helper()
	return run(tb, kind, func() (*Server, error) { return Start(kind, lines...) })
}

func run[S interface{ Close() error }](tb testing.TB, kind Kind, start func() (S, error)) S {
	tb.Helper()
	Need(tb, kind)
	s, err := start()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}
