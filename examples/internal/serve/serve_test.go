package serve

import (
	"bytes"
	"context"
	"io"
	"log"
	"net"
	"net/http"
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

func TestTheAddressIsOneThatABrowserOpens(t *testing.T) {
	for listen, want := range map[string]string{
		"127.0.0.1:0": `^http://127\.0\.0\.1:\d+/$`,
		":0":          `^http://localhost:\d+/$`,
	} {
		listener, err := net.Listen("tcp", listen)
		require.NoError(t, err)
		assert.Regexp(t, want, address(listener))
		listener.Close()
	}
}

// start serves handler, and returns its URL as the log tells it.
func start(t *testing.T, stop context.Context, handler http.Handler) (url string, stopped <-chan error) {
	t.Helper()
	before, lines := log.Writer(), make(logged, 10)
	log.SetOutput(lines)
	t.Cleanup(func() { log.SetOutput(before) })

	done := make(chan error, 1)
	go func() { done <- Until(stop, "127.0.0.1:0", handler, "and wait") }()
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
