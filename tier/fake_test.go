package tier_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/tier"
)

// server is a shared database in this process. Each Store has a client of its
// own. Messages take the time that the client's network gives them. Use it in a
// bubble of testing/synctest if that is not zero.
type server struct {
	mu       sync.Mutex // also held while a notification without delay is delivered
	entries  map[string]entry
	clients  []*client
	clock    time.Duration // how far the server's clock is ahead
	pageSize int           // of Scan

	// The faults of a server.
	silent       bool                 // it does not notify, and says so
	reason       error                // why
	forgets      bool                 // a client's own write ends the notification for the entry
	expiryIsLate func() time.Duration // between the end of an entry and its notification

	history []event
}

type entry struct {
	version  tier.Version
	value    []byte
	deadline time.Time // on the server's clock; the zero time is none
}

// event is a change of an entry, in the order in which the server made it.
type event struct {
	at       time.Time
	id       string
	version  tier.Version // 0 if the entry was removed
	value    string
	deadline time.Time // not on the server's clock; the zero time is none
}

func newServer() *server {
	return &server{entries: make(map[string]entry), pageSize: 3, expiryIsLate: func() time.Duration { return 200 * time.Millisecond }}
}

// client implements tier.Database for one Store.
type client struct {
	server   *server
	listener tier.Listener

	opening   sync.Mutex // held while Lost is called before a connection is used
	unnoticed bool       // Lost has not been called for the lost connection

	// The server's lock guards the rest.
	conn *connection // nil if it was lost

	requestTakes, replyTakes, pushTakes func() time.Duration

	apart    bool                      // each command and the notifications have connections of their own, so only the reply to a pulse waits for them
	swallows bool                      // nothing arrives, in either direction
	down     bool                      // no connection can be made
	fault    func(name string) fault   // of the next command
	straggle func() time.Duration      // how long after its error a command with the fault straggles is carried out
	stamp    func(time.Time) time.Time // changes the time in a Pulse

	sent   []string // the commands without pulses, as "Read id"
	pulses int
}

// connection has the IDs whose next write is notified.
type connection struct {
	interest map[string]struct{}
	closed   chan struct{}
	latest   time.Time // when the latest message to the client arrives
	notified time.Time // when the latest notification arrives
}

// fault is what happens to one command.
type fault uint8

const (
	noFault      fault = iota
	refused            // the server answers with ErrRefused
	requestLost        // it is not carried out, and there is no answer
	replyLost          // it is carried out, and there is no answer
	requestBroke       // it is not carried out, and an error comes at once
	replyBroke         // it is carried out, and an error comes at once
	straggles          // an error comes at once, and later it is carried out
	faults             // their number
)

var (
	errBroken = errors.New("fake: the connection broke")
	errDown   = errors.New("fake: connection refused")
)

// connect makes a client, for tier.New.
func (s *server) connect(listener tier.Listener) *client {
	instant := func() time.Duration { return 0 }
	c := &client{
		server: s, listener: listener,
		requestTakes: instant, replyTakes: instant, pushTakes: instant,
		fault:    func(string) fault { return noFault },
		straggle: instant,
		stamp:    func(now time.Time) time.Time { return now },
	}
	c.conn = newConnection()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clients = append(s.clients, c)
	return c
}

func newConnection() *connection {
	return &connection{interest: make(map[string]struct{}), closed: make(chan struct{})}
}

// with changes the client's network.
func (c *client) with(change func(*client)) {
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	change(c)
}

// delayNotifications delays notifications and nothing else.
func (c *client) delayNotifications(d time.Duration) {
	c.with(func(c *client) { c.pushTakes, c.apart = takes(d), true })
}

// takes returns a function for the delays of a network.
func takes(d time.Duration) func() time.Duration { return func() time.Duration { return d } }

// commands returns the commands since the last call, without pulses.
func (c *client) commands() []string {
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	sent := c.sent
	c.sent = nil
	return sent
}

// pulseCount returns the number of pulses so far.
func (c *client) pulseCount() (n int) {
	c.with(func(c *client) { n = c.pulses })
	return n
}

// lose ends the connection: its messages do not arrive, and its commands fail.
// If the client notices, it calls Lost at once, otherwise before its next
// command.
func (c *client) lose(notices bool) {
	c.opening.Lock()
	defer c.opening.Unlock()
	c.with(func(c *client) {
		if c.conn != nil {
			close(c.conn.closed)
		}
		c.conn = nil
	})
	if c.unnoticed = !notices; notices {
		c.listener.Lost()
	}
}

// heal ends a time in which the network swallowed everything. Messages of that
// time are missing, so the connection is lost.
func (c *client) heal() {
	c.with(func(c *client) { c.swallows = false })
	c.lose(false)
}

// connection returns a connection for a command. Lost is called before a new
// one is used.
func (c *client) connection() (*connection, error) {
	c.opening.Lock()
	defer c.opening.Unlock()
	c.server.mu.Lock()
	conn, down := c.conn, c.down
	c.server.mu.Unlock()
	switch {
	case conn != nil:
		return conn, nil
	case down:
		return nil, errDown
	}
	if c.unnoticed {
		c.unnoticed = false
		c.listener.Lost()
	}
	conn = newConnection()
	c.with(func(c *client) { c.conn = conn })
	return conn, nil
}

// exchange sends one command and waits for its reply. execute runs under the
// server's lock, with the connection that must not be notified: nil if the
// caller has returned already.
func exchange[T any](ctx context.Context, c *client, name string, execute func(own *connection) T) (reply T, err error) {
	s, zero := c.server, reply
	conn, err := c.connection()
	if err != nil {
		return zero, err
	}
	var fault fault
	var delay time.Duration
	c.with(func(c *client) {
		if name != "Pulse" {
			c.sent = append(c.sent, name)
		} else {
			c.pulses++
		}
		fault = c.fault(name)
		delay = c.requestTakes()
	})

	replies := make(chan T, 1)
	returned := false // guarded by the server's lock
	defer func() { c.with(func(*client) { returned = true }) }()
	arrive := func() {
		s.mu.Lock()
		lost := c.swallows || isClosed(conn.closed)
		if lost && fault != straggles || fault == requestLost || fault == requestBroke || fault == refused {
			s.mu.Unlock()
			return
		}
		own := conn
		if returned {
			own = nil
		}
		result := execute(own)
		if fault == replyLost || fault == replyBroke || fault == straggles {
			s.mu.Unlock()
			return
		}
		wait := c.scheduled(conn, c.replyTakes(), name == "Pulse")
		s.mu.Unlock()
		after(wait, func() {
			s.mu.Lock()
			lost := c.swallows || isClosed(conn.closed)
			s.mu.Unlock()
			if !lost {
				replies <- result
			}
		})
	}

	switch fault {
	case refused:
		return zero, fmt.Errorf("%w: it is full", tier.ErrRefused)
	case requestBroke:
		return zero, errBroken
	case replyBroke:
		arrive()
		return zero, errBroken
	case straggles:
		c.with(func(c *client) { delay = c.straggle() })
		time.AfterFunc(delay, arrive)
		return zero, errBroken
	}
	after(delay, arrive)
	select {
	case result := <-replies:
		return result, nil
	default:
	}
	select {
	case result := <-replies:
		return result, nil
	case <-conn.closed:
		return zero, errBroken
	case <-ctx.Done():
		return zero, ctx.Err()
	}
}

func isClosed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func after(d time.Duration, f func()) {
	if d <= 0 {
		f()
		return
	}
	time.AfterFunc(d, f)
}

// scheduled returns in how long a reply that takes d arrives. The server's lock
// is held.
func (c *client) scheduled(conn *connection, d time.Duration, isPulse bool) time.Duration {
	now := time.Now()
	at, before := now.Add(d), conn.latest
	if c.apart {
		before = time.Time{}
		if isPulse {
			before = conn.notified
		}
	}
	if !before.Before(now) && !at.After(before) {
		at = before.Add(1)
	}
	if at.After(now) {
		conn.latest = later(conn.latest, at)
	}
	return at.Sub(now)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// notify passes a change to all connections that have read the entry, except
// own. The server's lock is held.
func (s *server) notify(id string, own *connection) {
	if own != nil && s.forgets {
		delete(own.interest, id)
	}
	for _, c := range s.clients {
		conn := c.conn
		if conn == nil || conn == own {
			continue
		}
		if _, ok := conn.interest[id]; !ok {
			continue
		}
		delete(conn.interest, id)
		if s.silent || c.swallows {
			continue
		}
		wait := c.pushTakes()
		if wait <= 0 {
			c.listener.Changed(id)
			continue
		}
		at := time.Now().Add(wait)
		conn.latest, conn.notified = later(conn.latest, at), later(conn.notified, at)
		time.AfterFunc(wait, func() {
			s.mu.Lock()
			lost := c.swallows || isClosed(conn.closed)
			s.mu.Unlock()
			if !lost {
				c.listener.Changed(id)
			}
		})
	}
}

func (s *server) now() time.Time { return time.Now().Add(s.clock) }

// jump sets the server's clock.
func (s *server) jump(ahead time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock = ahead
}

// flush removes all entries.
func (s *server) flush() {
	s.mu.Lock()
	for id := range s.entries {
		s.log(id, entry{})
	}
	clear(s.entries)
	clients := slices.Clone(s.clients)
	s.mu.Unlock()
	for _, c := range clients {
		c.listener.Lost()
	}
}

// live returns the entry under id if it has not ended. The lock is held.
func (s *server) live(id string) (entry, bool) {
	e, ok := s.entries[id]
	if ok && !e.deadline.IsZero() && !s.now().Before(e.deadline) {
		return entry{}, false
	}
	return e, ok
}

func (s *server) deadline(ttl time.Duration) time.Time {
	if ttl == cache.NoExpiry {
		return time.Time{}
	}
	return s.now().Add(ttl)
}

// put stores or removes an entry and notifies. The lock is held.
func (s *server) put(id string, e entry, own *connection) {
	if e.version == 0 {
		delete(s.entries, id)
	} else {
		s.entries[id] = e
		if !e.deadline.IsZero() {
			time.AfterFunc(e.deadline.Sub(s.now())+s.expiryIsLate(), func() { s.expire(id, e) })
		}
	}
	s.log(id, e)
	s.notify(id, own)
}

// expire removes an entry that has ended, and notifies.
func (s *server) expire(id string, e entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, exists := s.entries[id]
	if _, live := s.live(id); !exists || live || now.version != e.version || !now.deadline.Equal(e.deadline) {
		return
	}
	delete(s.entries, id)
	s.notify(id, nil)
}

func (s *server) log(id string, e entry) {
	logged := event{at: time.Now(), id: id, version: e.version, value: string(e.value)}
	if !e.deadline.IsZero() {
		logged.deadline = e.deadline.Add(-s.clock)
	}
	s.history = append(s.history, logged)
}

// item returns the entry under id and notes that this connection has read it.
func (s *server) item(id string, known tier.Version, conn *connection) tier.Item {
	if conn != nil && !s.silent {
		conn.interest[id] = struct{}{}
	}
	e, ok := s.live(id)
	if !ok {
		return tier.Item{}
	}
	item := tier.Item{Version: e.version, TTL: cache.NoExpiry, Same: e.version == known}
	if !item.Same {
		item.Value = bytes.Clone(e.value)
	}
	if !e.deadline.IsZero() {
		item.TTL = e.deadline.Sub(s.now()).Truncate(time.Millisecond)
	}
	return item
}

func (c *client) Read(ctx context.Context, id string, known tier.Version) (tier.Item, error) {
	return exchange(ctx, c, "Read "+id, func(own *connection) tier.Item { return c.server.item(id, known, own) })
}

type swapped struct {
	done    bool
	current tier.Item
}

func (c *client) Swap(ctx context.Context, id string, old, next tier.Version, value []byte, ttl time.Duration) (bool, tier.Item, error) {
	s, removes, value := c.server, value == nil, bytes.Clone(value)
	result, err := exchange(ctx, c, "Swap "+id, func(own *connection) swapped {
		current := s.item(id, 0, own)
		switch {
		case current.Version == next:
			return swapped{done: true}
		case current.Version != old:
			return swapped{current: current}
		case removes:
			s.put(id, entry{}, own)
		default:
			s.put(id, entry{next, value, s.deadline(ttl)}, own)
		}
		return swapped{done: true}
	})
	return result.done, result.current, err
}

func (c *client) Set(ctx context.Context, id string, next tier.Version, value []byte, ttl time.Duration) error {
	s, value := c.server, bytes.Clone(value)
	_, err := exchange(ctx, c, "Set "+id, func(own *connection) struct{} {
		s.item(id, 0, own)
		s.put(id, entry{next, value, s.deadline(ttl)}, own)
		return struct{}{}
	})
	return err
}

func (c *client) Touch(ctx context.Context, id string, known tier.Version, ttl time.Duration, extend bool) (bool, error) {
	s := c.server
	return exchange(ctx, c, "Touch "+id, func(own *connection) bool {
		s.item(id, 0, own)
		e, ok := s.live(id)
		if !ok || known != 0 && e.version != known {
			return false
		}
		if ttl == 0 {
			s.put(id, entry{}, own)
			return false
		}
		deadline := s.deadline(ttl)
		if later := deadline.IsZero() || !e.deadline.IsZero() && deadline.After(e.deadline); later || !extend {
			e.deadline = deadline
			s.put(id, e, own)
		}
		return true
	})
}

type page struct {
	found []tier.Entry
	next  string
}

// Scan returns the first entry of each page on the page before, too.
func (c *client) Scan(ctx context.Context, prefix []byte, cursor string) ([]tier.Entry, string, error) {
	s := c.server
	result, err := exchange(ctx, c, "Scan", func(*connection) (p page) {
		for _, id := range slices.Sorted(maps.Keys(s.entries)) {
			e, ok := s.live(id)
			if !ok || !strings.HasPrefix(string(e.value), string(prefix)) || id < cursor {
				continue
			}
			ttl := cache.NoExpiry
			if !e.deadline.IsZero() {
				ttl = e.deadline.Sub(s.now())
			}
			p.found = append(p.found, tier.Entry{ID: id, Value: bytes.Clone(e.value), TTL: ttl})
			if len(p.found) > s.pageSize {
				p.next = id
				return p
			}
		}
		return p
	})
	return result.found, result.next, err
}

func (c *client) Pulse(ctx context.Context) (tier.Pulse, error) {
	return exchange(ctx, c, "Pulse", func(*connection) tier.Pulse {
		return tier.Pulse{Now: c.stamp(c.server.now()), Notifies: !c.server.silent, Reason: c.server.reason}
	})
}

// between returns a function for random delays.
func between(random *rand.Rand, least, most time.Duration) func() time.Duration {
	return func() time.Duration { return least + time.Duration(random.Int64N(int64(most-least)+1)) }
}
