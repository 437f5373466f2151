package loopback_test

import (
	"net"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/loopback"
)

func TestListen_each_port_once(t *testing.T) {
	seen := map[string]bool{}
	for range 50 {
		listener, err := loopback.Listen()
		require.NoError(t, err)
		require.NoError(t, listener.Close())
		require.NotContains(t, seen, listener.Addr().String())
		seen[listener.Addr().String()] = true
	}
}

func TestPort_is_free(t *testing.T) {
	port, err := loopback.Port()
	require.NoError(t, err)
	require.Less(t, port, 32768, "systems give higher ports to outgoing connections")
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	require.NoError(t, err)
	require.NoError(t, listener.Close())
}
