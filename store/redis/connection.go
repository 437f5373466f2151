package redisstore

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"

	"github.com/redis/rueidis"

	"github.com/holdfast-go/holdfast/tier"
)

// A notification must come before the answer to a later command. So all
// commands that read or write an entry use one connection to each server, and
// so does the pulse, which proves that no notification is missing.

// clients reach the servers.
type clients struct {
	// entries reads and writes entries. The server notifies its connection of
	// changes by others, if notifies is set.
	entries     rueidis.Client
	connections *connections // of entries
	notifies    bool
	silence     error    // why it does not notify
	connecting  sync.Map // the addresses of servers that a pulse connects

	// other is for reads that leave no copy, and for commands that block their
	// connection. It is entries, unless notifies is set.
	other            rueidis.Client
	otherConnections *connections
}

// connected returns the clients.
func (db *database) connected() (*clients, error) {
	if c := db.clients.Load(); c != nil {
		return c, nil
	}
	return nil, errNotConnected
}

// connect connects to the servers.
func (db *database) connect(ctx context.Context) (*clients, error) {
	options := db.options
	if len(options.InitAddress) == 1 && options.Sentinel.MasterSet == "" {
		options.ForceSingleClient = true // until the server says that it is in a cluster
	}
	return db.connectWith(ctx, options)
}

func (db *database) connectWith(ctx context.Context, options rueidis.ClientOption) (c *clients, err error) {
	c = &clients{otherConnections: newConnections()}
	options.DialCtxFn = db.dialer(c.otherConnections)
	if c.other, err = rueidis.NewClient(options); err != nil {
		return nil, err
	}
	c.entries, c.connections = c.other, c.otherConnections
	server, err := greet(ctx, c.other)
	if err != nil {
		c.other.Close()
		return nil, err
	}
	if server["mode"] == "cluster" && options.ForceSingleClient && !db.options.ForceSingleClient {
		c.other.Close()
		options.ForceSingleClient = false
		return db.connectWith(ctx, options)
	}
	if server["mode"] == "sentinel" {
		c.other.Close()
		return nil, refusal("the server is a Sentinel: add its name for the primary, master_set=name")
	}
	works, notifies := capabilities(server["server"], server["version"])
	if !works {
		c.other.Close()
		return nil, refusal("the server is Redis " + server["version"] + ": use Redis 7.0 or later, or Valkey")
	}
	if !notifies {
		c.silence = &failure{text: "Redis " + server["version"] + " does not notify reliably: use Redis 7.0.15 or later, or Valkey"}
	}
	if c.notifies = notifies && db.mode == tier.Cached; c.notifies {
		connections := newConnections()
		options.DialCtxFn = db.dialer(connections)
		options.DisableCache = false
		// Without OPTIN the server tracks each key that a command of this
		// connection reads. So a read and its tracking cannot be separated, by
		// a redirection of a cluster for example.
		options.ClientTrackingOptions = []string{"NOLOOP"}
		options.OnInvalidations = db.invalidated
		switch tracked, err := rueidis.NewClient(options); {
		case err == nil:
			c.entries, c.connections = tracked, connections
		case errors.Is(err, rueidis.ErrNoCache):
			c.notifies, c.silence = false, silence(err)
		default:
			c.other.Close()
			return nil, err
		}
	}
	c.connections.onLost(db.lost)
	return c, nil
}

// greet returns the self-description of the first server that answers.
func greet(ctx context.Context, client rueidis.Client) (server map[string]string, err error) {
	type answer struct {
		server map[string]string
		err    error
	}
	nodes := client.Nodes()
	answers := make(chan answer, len(nodes))
	for _, node := range nodes {
		go func() {
			server, err := node.Do(ctx, node.B().Arbitrary("HELLO").Build()).AsStrMap()
			answers <- answer{server, err}
		}()
	}
	err = errSilent
	for range nodes {
		a := <-answers
		if err = a.err; err == nil {
			return a.server, nil
		}
	}
	return nil, err
}

// withoutNotifications replaces clients whose server tracks no keys any more.
func (db *database) withoutNotifications(c *clients, reason error) {
	c.otherConnections.onLost(db.lost)
	db.clients.Store(&clients{
		entries: c.other, connections: c.otherConnections,
		other: c.other, otherConnections: c.otherConnections,
		silence: silence(reason),
	})
	db.lost()
	c.entries.Close()
}

// capabilities reports whether a server works, and whether it notifies
// reliably. Redis before 7.0 lacks PEXPIRE GT. Before 7.0.5 it does not notify
// of writes in scripts as NOLOOP demands, and before 7.0.9 it crashes when it
// tracks too many keys. 7.0.15 was tested. So was Valkey, whose first version
// is 7.2.
func capabilities(server, version string) (works, notifies bool) {
	if server != "redis" {
		return true, true
	}
	return atLeast(version, 7, 0), atLeast(version, 7, 0, 15)
}

// atLeast compares a version such as 7.0.15.
func atLeast(version string, want ...int) bool {
	parts := strings.Split(version, ".")
	for i, w := range want {
		got := 0
		if i < len(parts) {
			got, _ = strconv.Atoi(parts[i])
		}
		if got != w {
			return got > w
		}
	}
	return true
}

// lost ends all copies, and what this process knows about indexes.
func (db *database) lost() {
	db.indexEpoch.Add(1)
	db.listener.Lost()
}

// invalidated receives notifications. nil means that the connection was lost or
// the database flushed.
func (db *database) invalidated(keys []rueidis.RedisMessage) {
	if keys == nil {
		db.lost()
	}
	for _, message := range keys {
		key, err := message.ToString()
		if err != nil {
			db.lost()
			return
		}
		if id, ok := db.idOf(key); ok {
			db.listener.Changed(id)
		}
	}
}
