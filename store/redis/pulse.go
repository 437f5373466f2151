package redisstore

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/holdfast-go/holdfast/tier"
)

// A pulse proves that no notification is missing. Local copies come from open
// connections, so the server of each must answer that it is still a primary,
// and that its cluster works. A server that was replaced may answer too, but
// does not know the writes to its successor.
//
// A server without an open connection is asked too, which connects it. A pulse
// does not wait for it, since no copy comes from it. So a dead server voids the
// copies once, when its connection ends.

var (
	errReplica = &failure{text: "the server is a replica: use the address of the primary, or of Sentinels with master_set"}
	errDown    = &failure{text: "the server says that its cluster is down, or that it has lost the cluster: see CLUSTER INFO"}
	errLate    = &failure{text: "a server has not answered in time, so its notifications may be missing"}
	errSilent  = &failure{text: "no server has answered: check the addresses, and that the servers run"}
)

// Pulse implements tier.Database. It also connects. A new connection may take
// longer than ctx allows, so it is made in a goroutine, one at a time.
func (db *database) Pulse(ctx context.Context) (tier.Pulse, error) {
	c, err := db.connectWithin(ctx)
	if err != nil {
		return tier.Pulse{}, classify(err)
	}
	nodes := c.entries.Nodes()
	pulse, replicas, err := db.ask(ctx, c, nodes)
	if errors.Is(err, rueidis.ErrNoCache) {
		db.withoutNotifications(c, err)
	}
	if err == nil {
		db.adoptTime(pulse.Now)
	}
	if c.connections.demoted(func(addr string) bool { return replicas[addr] || nodes[addr] == nil }) {
		db.lost()
	}
	return pulse, classify(err)
}

func (db *database) connectWithin(ctx context.Context) (c *clients, err error) {
	if c = db.clients.Load(); c != nil {
		return c, nil
	}
	select {
	case db.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	done := make(chan error, 1)
	go func() {
		defer func() { <-db.turn }()
		done <- db.connectOnce()
	}()
	select {
	case err = <-done:
		return db.clients.Load(), err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (db *database) connectOnce() error {
	if db.life.Err() != nil {
		return errClosed
	}
	if db.clients.Load() != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(db.life, db.patience())
	defer cancel()
	c, err := db.connect(ctx)
	if err != nil {
		return unconnected(err)
	}
	db.clients.Store(c)
	return nil
}

// patience is the longest time that a new connection may take. It is dialled
// and then greeted.
func (db *database) patience() time.Duration {
	return 2*db.options.Dialer.Timeout + db.options.ConnWriteTimeout
}

// answer is a server's answer to a pulse.
type answer struct {
	addr string
	now  time.Time
	err  error // errReplica and errDown are answers too
}

// ask asks all servers. The error is nil if one has answered that it is a
// primary of a cluster that works, or of none.
func (db *database) ask(ctx context.Context, c *clients, nodes map[string]rueidis.Client) (pulse tier.Pulse, replicas map[string]bool, err error) {
	answers := make(chan answer, len(nodes))
	waiting := make(map[string]bool) // for servers with an open connection
	for addr, node := range nodes {
		if c.connections.isOpen(addr) {
			waiting[addr] = true
		}
		go db.askOne(ctx, c, addr, node, answers)
	}
	proved, err := c.notifies, error(errSilent)
	replicas = make(map[string]bool)
	for left := len(nodes); left > 0 && (len(waiting) > 0 || pulse.Now.IsZero()); left-- {
		var a answer
		select {
		case a = <-answers:
		case <-ctx.Done():
			left = 0
			continue
		}
		switch {
		case a.err == nil:
			if a.now.After(pulse.Now) {
				pulse.Now = a.now
			}
		case a.err == errReplica:
			replicas[a.addr] = true
		case waiting[a.addr] && c.connections.isOpen(a.addr):
			proved = false
		}
		if a.err != nil && (a.err != errReplica || err == errSilent) {
			err = a.err
		}
		delete(waiting, a.addr)
	}
	pulse.Notifies = proved && len(waiting) == 0
	switch {
	case !c.notifies:
		pulse.Reason = c.silence
	case !pulse.Notifies:
		pulse.Reason = errLate
	}
	if !pulse.Now.IsZero() {
		err = nil
	}
	return pulse, replicas, err
}

// askOne asks a server, unless an earlier pulse still connects it.
func (db *database) askOne(ctx context.Context, c *clients, addr string, node rueidis.Client, answers chan<- answer) {
	if !c.connections.isOpen(addr) {
		if _, connecting := c.connecting.LoadOrStore(addr, true); connecting {
			answers <- answer{addr, time.Time{}, errSilent}
			return
		}
		defer c.connecting.Delete(addr)
	}
	inCluster := c.entries.Mode() == rueidis.ClientModeCluster
	// Other commands wait for a connection that is made here, and fail with it.
	// So it does not end with ctx. In a cluster they must not wait for long:
	// the other servers may be well.
	deadline, ok := ctx.Deadline()
	if !inCluster || !ok {
		deadline = time.Now().Add(db.patience())
	}
	ctx, cancel := context.WithDeadline(db.life, deadline)
	defer cancel()
	now, err := state(ctx, node, inCluster)
	answers <- answer{addr, now, err}
}

// state returns a server's time if it is a primary, and if its cluster works.
func state(ctx context.Context, server rueidis.Client, inCluster bool) (now time.Time, err error) {
	commands := []rueidis.Completed{
		server.B().Time().Build(),
		server.B().Arbitrary("HELLO").Build(),
	}
	if inCluster {
		commands = append(commands, server.B().ClusterInfo().Build())
	}
	results := server.DoMulti(ctx, commands...)
	parts, err := results[0].AsIntSlice()
	switch {
	case err != nil:
		return now, err
	case len(parts) != 2:
		return now, errAnswer
	}
	// A proxy may not know HELLO.
	if hello, err := results[1].AsStrMap(); err == nil && hello["role"] == "replica" {
		return now, errReplica
	}
	if inCluster {
		info, err := results[2].ToString()
		if err != nil {
			return now, err
		}
		if !strings.Contains(info, "cluster_state:ok") {
			return now, errDown
		}
	}
	return time.Unix(parts[0], parts[1]*1000), nil
}
