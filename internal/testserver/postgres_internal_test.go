package testserver

import (
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// PostgreSQL has a process for a client that comes too early. When greeted
// returns, that process has closed the connection.
func TestGreeted_refused(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	var closed atomic.Bool
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		_, _ = conn.Read(make([]byte, 100))
		_, _ = io.WriteString(conn, "E")
		time.Sleep(100 * time.Millisecond)
		closed.Store(true)
		conn.Close()
	}()
	err = greeted(&Server{port: listener.Addr().(*net.TCPAddr).Port})
	require.ErrorContains(t, err, "not ready")
	require.True(t, closed.Load())
}
