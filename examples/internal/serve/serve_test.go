package serve

import (
	"context"
	"flag"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/examples/internal/browser"
)

func TestUntil_finishes_a_request_under_way(t *testing.T) {
	stop, cancel := context.WithCancel(t.Context())
	arrived := make(chan struct{})
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-stop.Done()
		io.WriteString(w, "answered")
	})

	url, stopped := start(t, stop, handler)
	answer := make(chan string, 1)
	go func() {
		response, err := http.Get(url)
		if err != nil {
			answer <- err.Error()
			return
		}
		defer response.Body.Close()
		text, _ := io.ReadAll(response.Body)
		answer <- string(text)
	}()
	<-arrived
	cancel()
	assert.Equal(t, "answered", <-answer)
	assert.NoError(t, <-stopped)
}

func TestUntil_refuses_a_taken_address(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	assert.Error(t, Until(t.Context(), taken.Addr().String(), http.NotFoundHandler(), ""))
}

func TestURL(t *testing.T) {
	for addr, want := range map[string]string{
		"127.0.0.1:0": `^http://127\.0\.0\.1:\d+/$`,
		"localhost:0": `^http://localhost:\d+/$`,
		"0.0.0.0:0":   `^http://localhost:\d+/$`,
		":0":          `^http://localhost:\d+/$`,
	} {
		listener, err := net.Listen("tcp", addr)
		require.NoError(t, err)
		assert.Regexp(t, want, url(addr, listener))
		listener.Close()
	}
}

// A flag without its dash would end the parsing of all flags behind it.
func TestMain_flags_refuses_a_word(t *testing.T) {
	const child = "HOLDFAST_TEST_WORD"
	if os.Getenv(child) != "" {
		os.Args, flag.CommandLine = []string{"example", "demo", "-addr", ":8080"}, flag.NewFlagSet("example", flag.ExitOnError)
		Main(func(context.Context, string) error { return nil })
		return
	}
	command := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	command.Env = append(os.Environ(), child+"=1")
	output, err := command.CombinedOutput()
	assert.Error(t, err)
	assert.Contains(t, string(output), `"demo" is no flag`)
}

func TestMain_listens_on_this_machine_only(t *testing.T) {
	args, flags := os.Args, flag.CommandLine
	t.Cleanup(func() { os.Args, flag.CommandLine = args, flags })

	for _, test := range []struct {
		args []string
		want string
	}{
		{nil, "localhost:3000"},
		{[]string{"-addr", ":8080"}, ":8080"},
	} {
		os.Args, flag.CommandLine = append([]string{"example"}, test.args...), flag.NewFlagSet("example", flag.ExitOnError)
		Main(func(_ context.Context, addr string) error {
			assert.Equal(t, test.want, addr)
			return nil
		})
	}
}

// start serves handler and returns the URL in the log.
func start(t *testing.T, stop context.Context, handler http.Handler) (url string, stopped <-chan error) {
	t.Helper()
	done := make(chan error, 1)
	line := browser.FirstLog(t, func() {
		go func() { done <- Until(stop, "127.0.0.1:0", handler, "open %s, and wait") }()
	})
	found := regexp.MustCompile(`open (\S+), and wait`).FindStringSubmatch(line)
	require.NotNil(t, found, line)
	return found[1], done
}
