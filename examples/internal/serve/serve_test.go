package serve

import (
	"bytes"
	"context"
	"flag"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestARequestUnderWayIsAnsweredBeforeTheServerStops(t *testing.T) {
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

func TestAnAddressThatIsTakenIsAnError(t *testing.T) {
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

// start serves handler, and returns its URL as the log tells it.
func start(t *testing.T, stop context.Context, handler http.Handler) (url string, stopped <-chan error) {
	t.Helper()
	before, lines := log.Writer(), make(logged, 10)
	log.SetOutput(lines)
	t.Cleanup(func() { log.SetOutput(before) })

	done := make(chan error, 1)
	go func() { done <- Until(stop, "127.0.0.1:0", handler, "open %s, and wait") }()
	select {
	case line := <-lines:
		found := regexp.MustCompile(`open (\S+), and wait`).FindStringSubmatch(line)
		require.NotNil(t, found, line)
		return found[1], done
	case <-time.After(20 * time.Second):
		t.Fatal("the server does not start")
		return "", nil
	}
}

type logged chan string

func (l logged) Write(line []byte) (int, error) {
	l <- string(bytes.TrimSpace(line))
	return len(line), nil
}
