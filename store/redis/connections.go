package redisstore

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"sync/atomic"
)

// connections are the open connections of a client. A local copy comes from a
// connection, and the server notifies of changes over the same connection. So
// when a connection ends, all copies end.
type connections struct {
	mu    sync.Mutex
	open  map[string]int    // connections by the server's address
	ended map[string]uint64 // those that have ended
	lost  func()            // called after one has ended, unless nil
	spare map[string]bool   // see demoted
}

func newConnections() *connections {
	return &connections{open: make(map[string]int), ended: make(map[string]uint64)}
}

// dialer returns the function with which a client connects to servers. The
// connections are closed with the database.
func (db *database) dialer(all *connections) func(context.Context, string, *net.Dialer, *tls.Config) (net.Conn, error) {
	return func(ctx context.Context, addr string, dialer *net.Dialer, config *tls.Config) (net.Conn, error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(db.life, cancel)()
		inner, err := db.dial(ctx, addr, dialer, config)
		if err != nil {
			return nil, err
		}
		if tcp, ok := inner.(*net.TCPConn); ok {
			// A command that was given up with its connection must not arrive
			// later: it could store a session that has ended meanwhile.
			_ = tcp.SetLinger(0)
		}
		forget := context.AfterFunc(db.life, func() { _ = inner.Close() })
		return &conn{Conn: inner, addr: addr, all: all, forget: forget}, nil
	}
}

func (db *database) dial(ctx context.Context, addr string, dialer *net.Dialer, config *tls.Config) (net.Conn, error) {
	switch {
	case db.options.DialCtxFn != nil:
		return db.options.DialCtxFn(ctx, addr, dialer, config)
	case db.options.DialFn != nil:
		return db.options.DialFn(addr, dialer, config)
	case config != nil:
		return (&tls.Dialer{NetDialer: dialer, Config: config}).DialContext(ctx, "tcp", addr)
	}
	return dialer.DialContext(ctx, "tcp", addr)
}

// conn is a connection. It counts from the first byte that it has received
// until it is closed. Before that, no copy comes from it. So attempts to reach
// a server that does not answer end no copies.
type conn struct {
	net.Conn
	addr   string
	all    *connections
	forget func() bool // that the database closes it
	begun  atomic.Bool
	closed bool // guarded by all.mu
}

func (c *conn) Read(b []byte) (n int, err error) {
	n, err = c.Conn.Read(b)
	if n > 0 && !c.begun.Load() {
		c.all.begin(c)
	}
	return n, err
}

func (c *conn) Close() error {
	c.forget()
	err := c.Conn.Close()
	c.all.end(c)
	return err
}

// begin is called before a connection carries a command. If there is another
// one to the server, the client does not use that any more. It may close it
// later, but a pulse proves nothing about it.
func (all *connections) begin(c *conn) {
	all.mu.Lock()
	if c.closed || c.begun.Swap(true) {
		all.mu.Unlock()
		return
	}
	all.open[c.addr]++
	replaces, lost := all.open[c.addr] > 1, all.lost
	all.mu.Unlock()
	if replaces && lost != nil {
		lost()
	}
}

// end is called after the connection was closed. A command that it has carried
// was sent before, so its lease is older than the loss.
func (all *connections) end(c *conn) {
	all.mu.Lock()
	counts, lost := c.begun.Load() && !c.closed, all.lost
	c.closed = true
	if counts {
		all.ended[c.addr]++
		if all.open[c.addr]--; all.open[c.addr] == 0 {
			delete(all.open, c.addr)
		}
	}
	all.mu.Unlock()
	if counts && lost != nil {
		lost()
	}
}

// isOpen reports whether there is an open connection to a server.
func (all *connections) isOpen(addr string) bool {
	all.mu.Lock()
	defer all.mu.Unlock()
	return all.open[addr] > 0
}

// endedTo returns how many connections to a server have ended.
func (all *connections) endedTo(addr string) uint64 {
	all.mu.Lock()
	defer all.mu.Unlock()
	return all.ended[addr]
}

// onLost sets the function that is called after a connection has ended.
func (all *connections) onLost(lost func()) {
	all.mu.Lock()
	defer all.mu.Unlock()
	all.lost = lost
}

// demoted notes the servers with an open connection that are no primaries any
// more, and reports whether one of them was not among them before.
func (all *connections) demoted(noPrimary func(addr string) bool) (more bool) {
	all.mu.Lock()
	defer all.mu.Unlock()
	spare := make(map[string]bool)
	for addr := range all.open {
		if noPrimary(addr) {
			spare[addr] = true
			more = more || !all.spare[addr]
		}
	}
	all.spare = spare
	return more
}
