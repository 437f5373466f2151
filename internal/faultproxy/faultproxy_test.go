package faultproxy_test

import (
	"bytes"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/faultproxy"
	"github.com/holdfast-go/holdfast/internal/loopback"
	"github.com/holdfast-go/holdfast/internal/testserver"
)

const toServer, toClient = faultproxy.ToServer, faultproxy.ToClient

// A network has a proxy and a server that hands its connections to the test.
type network struct {
	*testing.T
	proxy    *faultproxy.Proxy
	accepted chan *net.TCPConn
}

func newNetwork(t *testing.T) *network {
	listener, err := loopback.Listen()
	require.NoError(t, err)
	n := &network{t, nil, make(chan *net.TCPConn)}
	go func() {
		defer close(n.accepted)
		for {
			conn, err := listener.AcceptTCP()
			if err != nil {
				return
			}
			n.accepted <- conn
		}
	}()
	n.proxy, err = faultproxy.New(listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, n.proxy.Close())
		require.NoError(t, listener.Close())
		for conn := range n.accepted {
			conn.Close()
		}
	})
	return n
}

// connect returns both ends of a connection through the proxy, each under the
// direction in which bytes arrive there.
func (n *network) connect() [2]*net.TCPConn {
	n.Helper()
	client, err := net.Dial("tcp", n.proxy.Addr())
	require.NoError(n, err)
	server := <-n.accepted
	n.Cleanup(func() {
		client.Close()
		server.Close()
	})
	return [2]*net.TCPConn{toServer: server, toClient: client.(*net.TCPConn)}
}

func (n *network) send(conn net.Conn, text string) {
	n.Helper()
	_, err := io.WriteString(conn, text)
	require.NoError(n, err)
}

// reads waits until text arrives at conn.
func (n *network) reads(conn net.Conn, text string) {
	n.Helper()
	require.NoError(n, conn.SetReadDeadline(time.Now().Add(time.Minute)))
	got := make([]byte, len(text))
	_, err := io.ReadFull(conn, got)
	require.NoError(n, err)
	require.Equal(n, text, string(got))
}

// ends waits until conn is closed.
func (n *network) ends(conn net.Conn) {
	n.Helper()
	require.NoError(n, conn.SetReadDeadline(time.Now().Add(time.Minute)))
	got, err := io.ReadAll(conn)
	require.NotErrorIs(n, err, os.ErrDeadlineExceeded) // a reset will do
	require.Empty(n, got)
}

// quiet checks that conn is open and that no bytes have arrived.
func (n *network) quiet(conn net.Conn) {
	n.Helper()
	require.NoError(n, conn.SetReadDeadline(time.Now().Add(20*time.Millisecond)))
	_, err := conn.Read(make([]byte, 1))
	require.ErrorIs(n, err, os.ErrDeadlineExceeded)
}

func (n *network) eventually(condition func() bool) {
	n.Helper()
	require.Eventually(n, condition, time.Minute, time.Millisecond)
}

// each runs a test in both directions: bytes from "from" arrive at "to".
func each(t *testing.T, test func(n *network, d faultproxy.Direction, from, to *net.TCPConn)) {
	for d, name := range []string{"to_server", "to_client"} {
		t.Run(name, func(t *testing.T) {
			n := newNetwork(t)
			ends := n.connect()
			test(n, faultproxy.Direction(d), ends[1-d], ends[d])
		})
	}
}

func TestProxy_forwards(t *testing.T) {
	each(t, func(n *network, d faultproxy.Direction, from, to *net.TCPConn) {
		n.send(from, "there")
		n.reads(to, "there")
		n.send(to, "back again")
		n.reads(from, "back again")
		n.eventually(func() bool { return n.proxy.Forwarded(1-d) == 10 })
		require.EqualValues(n, 5, n.proxy.Received(d))
		n.eventually(func() bool { return n.proxy.Forwarded(d) == 5 })
		require.EqualValues(n, 10, n.proxy.Received(1-d))
	})
}

// A sender that closes its own direction can still receive.
func TestProxy_forwards_the_end(t *testing.T) {
	each(t, func(n *network, _ faultproxy.Direction, from, to *net.TCPConn) {
		n.send(from, "last")
		require.NoError(n, from.CloseWrite())
		n.reads(to, "last")
		n.ends(to)
		n.send(to, "answer")
		n.reads(from, "answer")
		require.Equal(n, 1, n.proxy.Connections())
		require.NoError(n, to.CloseWrite())
		n.ends(from)
		n.eventually(func() bool { return n.proxy.Connections() == 0 })
	})
}

func TestProxy_forwards_a_reset(t *testing.T) {
	each(t, func(n *network, _ faultproxy.Direction, from, to *net.TCPConn) {
		require.NoError(n, from.SetLinger(0))
		require.NoError(n, from.Close())
		n.ends(to)
		n.eventually(func() bool { return n.proxy.Connections() == 0 })
	})
}

// Changed settings lose, repeat and reorder nothing.
func TestProxy_forwards_all_bytes(t *testing.T) {
	each(t, func(n *network, d faultproxy.Direction, from, to *net.TCPConn) {
		sent := make([]byte, 8<<20)
		for i := range sent {
			sent[i] = byte(i * 31 >> 7)
		}
		go func() {
			_, _ = from.Write(sent)
			_ = from.CloseWrite()
		}()
		stop := make(chan struct{})
		var wg sync.WaitGroup
		defer wg.Wait()
		defer close(stop)
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
					n.proxy.Delay(d, time.Duration(i%3)*time.Millisecond)
				}
			}
		})
		got, err := io.ReadAll(to)
		require.NoError(n, err)
		require.True(n, bytes.Equal(sent, got))
	})
}

func TestProxy_target_away(t *testing.T) {
	port, err := loopback.Listen()
	require.NoError(t, err)
	require.NoError(t, port.Close())
	proxy, err := faultproxy.New(port.Addr().String())
	require.NoError(t, err)
	defer proxy.Close()
	client, err := net.Dial("tcp", proxy.Addr())
	require.NoError(t, err)
	defer client.Close()
	(&network{T: t}).ends(client)
}

func TestSwallow(t *testing.T) {
	each(t, func(n *network, d faultproxy.Direction, from, to *net.TCPConn) {
		n.send(from, "before")
		n.reads(to, "before")
		n.eventually(func() bool { return n.proxy.Forwarded(d) == 6 })
		n.proxy.Swallow(d, true)
		n.send(from, "lost")
		n.eventually(func() bool { return n.proxy.Received(d) == 10 })
		n.send(to, "other direction")
		n.reads(from, "other direction")

		n.proxy.Swallow(d, false)
		n.send(from, "not in the middle")
		n.eventually(func() bool { return n.proxy.Received(d) == 27 })
		n.quiet(to)
		require.EqualValues(n, 6, n.proxy.Forwarded(d))

		ends := n.connect()
		n.send(ends[1-d], "new")
		n.reads(ends[d], "new")
		require.NoError(n, from.Close())
		n.ends(to)
	})
}

// A connection that has lost nothing goes on.
func TestSwallow_nothing(t *testing.T) {
	each(t, func(n *network, d faultproxy.Direction, from, to *net.TCPConn) {
		n.send(from, "before")
		n.reads(to, "before")
		n.proxy.Swallow(d, true)
		n.proxy.Swallow(d, false)
		n.send(from, "after")
		n.reads(to, "after")
	})
}

// The receiver learns of the end when bytes can reach it again.
func TestSwallow_the_end(t *testing.T) {
	for name, end := range map[string]func(*net.TCPConn) error{
		"closed": func(*net.TCPConn) error { return nil },
		"reset":  func(c *net.TCPConn) error { return c.SetLinger(0) },
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(n *network, d faultproxy.Direction, from, to *net.TCPConn) {
				n.send(from, "before") // a reset could make the proxy's Dial fail
				n.reads(to, "before")
				n.proxy.Swallow(d, true)
				require.NoError(n, end(from))
				require.NoError(n, from.Close())
				n.quiet(to)
				for range 3 { // the proxy notices at the second write that nobody reads
					n.send(to, "nobody reads this")
					n.quiet(to)
				}
				require.Equal(n, 1, n.proxy.Connections())
				n.proxy.Swallow(d, false)
				n.ends(to)
				require.NoError(n, to.Close())
				n.eventually(func() bool { return n.proxy.Connections() == 0 })
			})
		})
	}
}

// Delayed bytes are lost if the proxy swallows while they are under way.
func TestSwallow_delayed_bytes(t *testing.T) {
	each(t, func(n *network, d faultproxy.Direction, from, to *net.TCPConn) {
		n.proxy.Delay(d, time.Hour)
		n.send(from, "under way")
		n.eventually(func() bool { return n.proxy.Received(d) == 9 })
		n.proxy.Swallow(d, true)
		n.proxy.Swallow(d, false)
		n.proxy.Delay(d, 0)
		n.quiet(to)
	})
}

func TestDelay(t *testing.T) {
	each(t, func(n *network, d faultproxy.Direction, from, to *net.TCPConn) {
		const delay = 30 * time.Millisecond
		n.proxy.Delay(d, delay)
		began := time.Now()
		n.send(from, "late")
		n.reads(to, "late")
		require.GreaterOrEqual(n, time.Since(began), delay)

		n.proxy.Delay(d, time.Hour)
		for i := range int64(20) { // the sender need not wait
			n.send(from, "chunk")
			n.eventually(func() bool { return n.proxy.Received(d) == 4+5*(i+1) })
		}
		require.NoError(n, from.CloseWrite())
		n.quiet(to)
		n.send(to, "other direction")
		n.reads(from, "other direction")
		n.proxy.Delay(d, 0)
		n.reads(to, string(bytes.Repeat([]byte("chunk"), 20)))
		n.ends(to)
	})
}

func TestCut(t *testing.T) {
	each(t, func(n *network, d faultproxy.Direction, from, to *net.TCPConn) {
		n.proxy.Delay(d, time.Hour)
		n.send(from, "under way")
		n.eventually(func() bool { return n.proxy.Received(d) == 9 })
		n.proxy.Cut()
		require.Zero(n, n.proxy.Connections())
		n.ends(to)
		n.ends(from)

		n.proxy.Delay(d, 0)
		ends := n.connect()
		n.send(ends[1-d], "new")
		n.reads(ends[d], "new")
	})
	t.Run("swallowed", func(t *testing.T) {
		n := newNetwork(t)
		ends := n.connect()
		n.proxy.Swallow(toServer, true)
		n.proxy.Swallow(toClient, true)
		n.proxy.Cut()
		n.ends(ends[toServer])
		n.ends(ends[toClient])
	})
}

func TestHalfClose(t *testing.T) {
	each(t, func(n *network, d faultproxy.Direction, from, to *net.TCPConn) {
		n.proxy.HalfClose(d)
		n.ends(to)
		n.send(to, "answer")
		n.reads(from, "answer")
		n.send(from, "unread")
		n.eventually(func() bool { return n.proxy.Received(d) == 6 })
		n.send(to, "another answer")
		n.reads(from, "another answer")
		require.Zero(n, n.proxy.Forwarded(d))

		ends := n.connect()
		n.send(ends[1-d], "new")
		n.reads(ends[d], "new")
	})
}

// HalfClose ends a Write that waits for the receiver.
func TestHalfClose_receiver_does_not_read(t *testing.T) {
	each(t, func(n *network, d faultproxy.Direction, from, to *net.TCPConn) {
		go func() { _, _ = from.Write(make([]byte, 64<<20)) }()
		n.eventually(func() bool { return n.proxy.Received(d)-n.proxy.Forwarded(d) > 8<<20 })
		n.proxy.HalfClose(d)
		_, err := io.Copy(io.Discard, to)
		require.NoError(n, err)
		n.send(to, "answer")
		n.reads(from, "answer")
	})
}

func TestRefuse(t *testing.T) {
	n := newNetwork(t)
	addr := n.proxy.Addr()
	ends := n.connect()
	for range 3 {
		require.NoError(t, n.proxy.Refuse(true))
		require.NoError(t, n.proxy.Refuse(true))
		_, err := net.Dial("tcp", addr)
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
		n.send(ends[toClient], "open")
		n.reads(ends[toServer], "open")

		require.NoError(t, n.proxy.Refuse(false))
		require.NoError(t, n.proxy.Refuse(false))
		require.Equal(t, addr, n.proxy.Addr())
		n.connect()
	}
}

func TestClose(t *testing.T) {
	n := newNetwork(t)
	n.proxy.Delay(toServer, time.Hour)
	n.proxy.Swallow(toClient, true)
	ends := n.connect()
	n.send(ends[toClient], "under way")
	n.send(ends[toServer], "lost")
	require.NoError(t, ends[toServer].CloseWrite())
	require.NoError(t, n.proxy.Close())
	require.NoError(t, n.proxy.Close())
	require.Zero(t, n.proxy.Connections())
	n.ends(ends[toServer])
	n.ends(ends[toClient])
	require.NoError(t, n.proxy.Refuse(false))
	_, err := net.Dial("tcp", n.proxy.Addr())
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
}

// The methods and connections that come and go do not race.
func TestProxy_all_at_once(t *testing.T) {
	n := newNetwork(t)
	go func() {
		for conn := range n.accepted {
			go func() {
				defer conn.Close()
				_, _ = io.Copy(conn, conn)
			}()
		}
	}()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 100 {
				conn, err := net.Dial("tcp", n.proxy.Addr())
				if err != nil {
					continue
				}
				_ = conn.SetDeadline(time.Now().Add(5 * time.Millisecond))
				_, _ = io.WriteString(conn, "bytes")
				_, _ = io.ReadFull(conn, make([]byte, 5))
				_ = conn.Close()
			}
		})
	}
	for i := range 100 {
		d := faultproxy.Direction(i % 2)
		n.proxy.Swallow(d, i%3 == 0)
		n.proxy.Delay(d, time.Duration(i%4)*time.Millisecond)
		require.NoError(t, n.proxy.Refuse(i%5 == 0))
		if i%7 == 0 {
			n.proxy.HalfClose(d)
		} else if i%11 == 0 {
			n.proxy.Cut()
		}
		time.Sleep(time.Millisecond)
	}
	wg.Wait()
	n.proxy.Cut()
	require.LessOrEqual(t, n.proxy.Forwarded(toServer), n.proxy.Received(toServer))
}

func TestProxy_before_redis(t *testing.T) {
	s := testserver.Run(t, testserver.Redis)
	proxy, err := faultproxy.New(s.Addr())
	require.NoError(t, err)
	defer proxy.Close()
	n := &network{T: t}
	client, err := net.Dial("tcp", proxy.Addr())
	require.NoError(t, err)
	defer client.Close()
	n.send(client, "SET key value\r\n")
	n.reads(client, "+OK\r\n")

	// The server applies a command whose reply is lost.
	proxy.Swallow(toClient, true)
	n.send(client, "SET key other\r\n")
	n.eventually(func() bool { return proxy.Received(toClient) == 10 })
	n.quiet(client)
	value, err := s.Do("GET", "key")
	require.NoError(t, err)
	require.Equal(t, "other", value)
}
