package browser

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"log"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const patience = 20 * time.Second

// Stops checks that run, which serves an example, returns without an error when
// stop is done.
func Stops(t testing.TB, run func(stop context.Context, addr string) error) {
	t.Helper()
	stop, cancel := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- run(stop, "127.0.0.1:0") }()
	cancel()
	select {
	case err := <-stopped:
		assert.NoError(t, err)
	case <-time.After(patience):
		t.Fatal("the server does not stop")
	}
}

// FirstLog calls start and returns the first line that is logged after that. It
// discards later lines until the test ends.
func FirstLog(t testing.TB, start func()) string {
	t.Helper()
	before, first := log.Writer(), make(firstLine, 1)
	log.SetOutput(first)
	t.Cleanup(func() { log.SetOutput(before) })
	start()
	select {
	case line := <-first:
		return line
	case <-time.After(patience):
		t.Fatal("the server does not start")
		return ""
	}
}

type firstLine chan string

func (f firstLine) Write(line []byte) (int, error) {
	select {
	case f <- string(bytes.TrimSpace(line)):
	default:
	}
	return len(line), nil
}

const argsOfChild = "HOLDFAST_TEST_ARGS"

// Program runs main with args in a process of its own. It returns the first
// line that the process logs, and a function that stops the process with a
// signal and checks that it exits without an error. The process runs the same
// test again, so call Program first in a test that is no subtest. It skips the
// test on other systems than Linux.
func Program(t *testing.T, main func(), args ...string) (line string, stop func()) {
	t.Helper()
	if args, ok := os.LookupEnv(argsOfChild); ok {
		os.Args = append(os.Args[:1], strings.Split(args, "\n")...)
		flag.CommandLine = flag.NewFlagSet(os.Args[0], flag.ExitOnError)
		main()
		t.SkipNow()
	}
	if runtime.GOOS != "linux" {
		t.Skip("a signal stops the program")
	}
	child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	child.Env = append(os.Environ(), argsOfChild+"="+strings.Join(args, "\n"))
	out, err := child.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	t.Cleanup(func() { child.Process.Kill() })
	line, err = bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	return line, func() {
		t.Helper()
		require.NoError(t, child.Process.Signal(syscall.SIGTERM))
		require.NoError(t, child.Wait())
	}
}
