// Package faultproxy is a TCP proxy that behaves as a bad network, for tests of
// clients and servers. All faults can be changed while connections are open,
// and apply to these too.
package faultproxy

import (
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/holdfast-go/holdfast/internal/loopback"
)

// A Direction is the way of bytes through a Proxy.
type Direction int

// The two directions. The client is the side that connected to the Proxy.
const (
	ToServer Direction = iota
	ToClient
)

func (d Direction) opposite() Direction { return 1 - d }

// A Proxy forwards connections from its own address to a target. If the target
// does not accept a connection, the Proxy closes the client's. Its methods may
// be called concurrently.
type Proxy struct {
	target string
	addr   *net.TCPAddr
	wg     sync.WaitGroup // of all goroutines

	mu       sync.Mutex
	listener *net.TCPListener // nil while connections are refused
	links    map[*link]struct{}
	flows    [2]flow
	changed  chan struct{} // closed and replaced when a setting changes
	closed   bool
}

// A flow has the settings and counts of one direction.
type flow struct {
	swallow             bool
	delay               time.Duration
	received, forwarded int64
}

// A link is a connection of a client and the one to the target. Proxy.mu guards
// its fields. Bytes towards ends[d] go in direction d.
type link struct {
	ends    [2]*net.TCPConn // ends[ToServer] is nil until the target has accepted
	waiting [2]int          // chunks of bytes that are not yet sent on
	silent  [2]bool         // forwards nothing any more in that direction
	cut     chan struct{}   // closed with ends
}

// New returns a Proxy to the target, a host and a port, without faults. The
// caller closes it.
func New(target string) (*Proxy, error) {
	listener, err := loopback.Listen()
	if err != nil {
		return nil, err
	}
	p := &Proxy{
		target:  target,
		addr:    listener.Addr().(*net.TCPAddr),
		links:   map[*link]struct{}{},
		changed: make(chan struct{}),
	}
	p.serve(listener)
	return p, nil
}

// Addr returns the address for clients, 127.0.0.1 and a port. It never changes.
func (p *Proxy) Addr() string { return p.addr.String() }

// Swallow makes the Proxy accept and drop all bytes in one direction, and the
// end of connections too: the receiver waits. Delayed bytes are lost. A
// connection that has lost bytes stays silent in this direction when the Proxy
// swallows no longer, and is closed once its sender closes it.
func (p *Proxy) Swallow(d Direction, on bool) {
	p.change(func() {
		p.flows[d].swallow = on
		for l := range p.links {
			if on && l.waiting[d] > 0 {
				l.silent[d] = true
			}
		}
	})
}

// Delay makes bytes in one direction arrive that much later, those under way
// included. A long delay that is later set to 0 is a network that fails and
// heals without a loss.
func (p *Proxy) Delay(d Direction, by time.Duration) {
	p.change(func() { p.flows[d].delay = by })
}

// Cut closes all connections at both ends. Bytes under way are lost.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		p.close(l)
	}
}

// HalfClose closes all connections in one direction: the receiver reads the end
// of the stream, and can still send. Bytes under way are lost.
func (p *Proxy) HalfClose(d Direction) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		l.silent[d] = true
		if l.ends[d] != nil {
			_ = l.ends[d].CloseWrite() // the receiver may have closed it
		}
	}
}

// Refuse makes the system refuse new connections, as if nothing listened, or
// accept them again. Open connections stay open.
func (p *Proxy) Refuse(on bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || on == (p.listener == nil) {
		return nil
	}
	if on {
		err := p.listener.Close()
		p.listener = nil
		return err
	}
	listener, err := net.ListenTCP("tcp4", p.addr)
	if err != nil {
		return fmt.Errorf("faultproxy: listening again: %w", err)
	}
	p.serve(listener)
	return nil
}

// Received returns how many bytes senders have sent in one direction, swallowed
// ones included.
func (p *Proxy) Received(d Direction) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.flows[d].received
}

// Forwarded returns how many bytes the Proxy has sent on in one direction.
func (p *Proxy) Forwarded(d Direction) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.flows[d].forwarded
}

// Connections returns the number of open connections.
func (p *Proxy) Connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.links)
}

// Close closes the Proxy and all connections, and waits for its goroutines.
func (p *Proxy) Close() error {
	p.mu.Lock()
	p.closed = true
	var err error
	if p.listener != nil {
		err = p.listener.Close()
		p.listener = nil
	}
	p.mu.Unlock()
	p.Cut()
	p.wg.Wait()
	return err
}

func (p *Proxy) change(setting func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	setting()
	close(p.changed)
	p.changed = make(chan struct{})
}

// serve accepts connections until the listener is closed.
func (p *Proxy) serve(listener *net.TCPListener) {
	p.listener = listener
	p.wg.Go(func() {
		for {
			client, err := listener.AcceptTCP()
			if err != nil {
				return
			}
			p.wg.Go(func() { p.connect(client) })
		}
	})
}

// connect links a client to the target and returns when the link is closed.
func (p *Proxy) connect(client *net.TCPConn) {
	l := &link{ends: [2]*net.TCPConn{ToClient: client}, cut: make(chan struct{})}
	p.mu.Lock()
	p.links[l] = struct{}{}
	if p.closed {
		p.close(l)
	}
	p.mu.Unlock()

	server, err := net.Dial("tcp", p.target)
	p.mu.Lock()
	if err != nil {
		p.close(l)
	} else if l.ends[ToServer] = server.(*net.TCPConn); !p.open(l) {
		_ = server.Close()
	} else if l.silent[ToServer] {
		_ = l.ends[ToServer].CloseWrite() // HalfClose was called meanwhile
	}
	open := p.open(l)
	p.mu.Unlock()
	if !open {
		return
	}

	var both sync.WaitGroup
	both.Go(func() { p.forward(l, ToServer) })
	both.Go(func() { p.forward(l, ToClient) })
	both.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.close(l)
}

// open reports whether l is not closed. The caller holds p.mu.
func (p *Proxy) open(l *link) bool {
	_, open := p.links[l]
	return open
}

// close closes both ends of l. The caller holds p.mu.
func (p *Proxy) close(l *link) {
	if !p.open(l) {
		return
	}
	delete(p.links, l)
	close(l.cut)
	for _, end := range l.ends {
		if end != nil {
			_ = end.Close()
		}
	}
}

// A chunk is bytes on their way, or the end of the stream.
type chunk struct {
	bytes   []byte
	end     error // io.EOF or the error of a connection that broke; nil with bytes
	arrived time.Time
}

// forward forwards one direction of l until it ends.
func (p *Proxy) forward(l *link, d Direction) {
	// A delay must not slow the sender down, so many chunks can be on their
	// way.
	chunks := make(chan chunk, 1024)
	p.wg.Go(func() { p.receive(l, d, chunks) })
	for c := range chunks {
		p.deliver(l, d, c)
	}
}

// receive reads from the sender until the end of the stream.
func (p *Proxy) receive(l *link, d Direction, chunks chan<- chunk) {
	defer close(chunks)
	buffer := make([]byte, 32<<10)
	for {
		n, err := l.ends[d.opposite()].Read(buffer)
		if n > 0 {
			p.mu.Lock()
			p.flows[d].received += int64(n)
			l.waiting[d]++
			if p.flows[d].swallow {
				l.silent[d] = true
			}
			p.mu.Unlock()
			chunks <- chunk{bytes: slices.Clone(buffer[:n]), arrived: time.Now()}
		}
		if err != nil {
			chunks <- chunk{end: err, arrived: time.Now()}
			return
		}
	}
}

// deliver sends a chunk on when it is due, or drops it.
func (p *Proxy) deliver(l *link, d Direction, c chunk) {
	for {
		p.mu.Lock()
		f, changed := p.flows[d], p.changed
		wait := f.delay - time.Since(c.arrived)
		drop := c.end == nil && l.silent[d]
		send := wait <= 0 && !f.swallow
		if c.end == nil && (drop || send) {
			l.waiting[d]--
		}
		p.mu.Unlock()
		if drop {
			return
		}
		if send {
			break
		}
		var due <-chan time.Time // never, while the end of the stream is swallowed
		if !f.swallow {
			due = time.After(wait)
		}
		select {
		case <-due:
		case <-changed:
		case <-l.cut:
			return
		}
	}

	n, err := 0, c.end
	if err == nil {
		n, err = l.ends[d].Write(c.bytes)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.flows[d].forwarded += int64(n)
	switch {
	case err == nil, l.silent[d] && c.end == nil: // HalfClose was called during Write
	case err == io.EOF:
		_ = l.ends[d].CloseWrite()
	case c.end == nil && p.flows[d.opposite()].swallow:
		// The receiver has closed the connection, but its sender must not know.
		l.silent[d] = true
	default:
		p.close(l)
	}
}
