package main

import (
	"bufio"
	"context"
	"flag"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/examples/internal/browser"
)

func TestRun_stops_when_asked(t *testing.T) {
	browser.StopsWhenTold(t, func(stop context.Context, addr string) error { return run(stop, addr, smallCap) })
}

func TestRun_refuses_a_taken_address(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	assert.Error(t, run(t.Context(), taken.Addr().String(), smallCap))
}

func TestRun_refuses_a_cap_too_small(t *testing.T) {
	assert.ErrorIs(t, run(t.Context(), "127.0.0.1:0", 3), cache.ErrInvalid)
}

const mainChild = "HOLDFAST_TEST_MAIN"

// The program is started as its user would, with every flag.
func TestMainHeedsItsFlags(t *testing.T) {
	if os.Getenv(mainChild) != "" {
		os.Args = []string{os.Args[0], "-addr", "127.0.0.1:0", "-max-bytes", "65536"}
		flag.CommandLine = flag.NewFlagSet(os.Args[0], flag.ExitOnError)
		main()
		return
	}
	if runtime.GOOS != "linux" {
		t.Skip("it is stopped by a signal")
	}
	child := exec.Command(os.Args[0], "-test.run=^TestMainHeedsItsFlags$")
	child.Env = append(os.Environ(), mainChild+"=1")
	out, err := child.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	defer child.Process.Kill()
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	url := regexp.MustCompile(`open (http://127\.0\.0\.1:\d+/), reload the page, and press the button`).FindStringSubmatch(line)
	require.NotNil(t, url, line)

	page, err := http.Get(url[1])
	require.NoError(t, err)
	defer page.Body.Close()
	html, err := io.ReadAll(page.Body)
	require.NoError(t, err)
	assert.Contains(t, string(html), "of 64.0 KiB at most")

	require.NoError(t, child.Process.Signal(syscall.SIGTERM))
	require.NoError(t, child.Wait())
}
