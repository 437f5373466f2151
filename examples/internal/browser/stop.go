package browser

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// StopsWhenTold checks that run, which serves an example, returns without an
// error once it is told to stop.
func StopsWhenTold(t testing.TB, run func(stop context.Context, addr string) error) {
	t.Helper()
	stop, cancel := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- run(stop, "127.0.0.1:0") }()
	cancel()
	select {
	case err := <-stopped:
		assert.NoError(t, err)
	case <-time.After(20 * time.Second):
		t.Fatal("the server goes on")
	}
}
