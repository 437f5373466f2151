// Package loopback finds free TCP ports of the loopback address, for servers in
// tests.
package loopback

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync/atomic"
)

// The ports that Listen chooses from are below those that systems give to
// outgoing connections. A stopped server finds its port free again.
const first, count = 10000, 22000

var next = func() *atomic.Uint32 {
	n := new(atomic.Uint32)
	n.Store(rand.Uint32N(count))
	return n
}()

// Listen listens on a free port of 127.0.0.1. The port is a new one in each
// call, until about 20,000 calls. Listen may be called concurrently.
func Listen() (*net.TCPListener, error) {
	var errs []error
	for range 100 {
		port := first + int(next.Add(1)%count)
		listener, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
		if err == nil {
			return listener, nil
		}
		errs = append(errs, err)
	}
	return nil, fmt.Errorf("loopback: no free port in 100 attempts: %w", errors.Join(errs[0], errs[99]))
}

// Port returns a free port of 127.0.0.1. No later call of Port or Listen in
// this process returns it, until about 20,000 calls.
func Port() (int, error) {
	listener, err := Listen()
	if err != nil {
		return 0, err
	}
	return listener.Addr().(*net.TCPAddr).Port, listener.Close()
}
