package redisstore

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/tier"
)

// Options configure a Store. The server's address is all that most servers
// need. Options print as their type alone, since they have a password.
type Options struct {
	// URL is the server: redis://user:password@host:6379/0, rediss:// for TLS,
	// unix:///path. Two or more addresses (?addr=host:port&addr=...) are nodes
	// of a cluster. With ?master_set=name they are Sentinels.
	URL string

	// Client is the server in place of URL, for anything that a URL cannot say:
	// certificates, credentials that change, Sentinels with a password. One
	// address is one server, unless it belongs to a cluster. New sets the
	// fields for pipelining, tracking, timeouts and notifications itself.
	Client rueidis.ClientOption

	// Prefix begins all keys of the Store. "" means "hf:". Stores with one
	// Prefix on one database share their entries.
	Prefix string

	// Tier configures the local copies. Its zero value suits most servers.
	Tier tier.Options

	// WaitReplicas, if positive, lets a removal wait until so many replicas
	// have it. A removal that they do not confirm within Tier.Timeout returns
	// an error, but has been carried out. So a logout is not undone by a
	// failover that loses the latest writes.
	WaitReplicas int

	// Check lets New fail if the server does not answer. Otherwise New works
	// while the server is away, and each request fails until it is there.
	Check bool
}

// Format prints the type alone.
func (Options) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("redisstore.Options")) }

const defaultPrefix = "hf:"

// Store is a holdfast.Store on Redis or Valkey. Make one with New, and end it
// with Close. It is safe for concurrent use. The zero Store cannot be used.
type Store struct {
	*tier.Store
	database *database
}

// New returns a Store. The error wraps holdfast.ErrOptions, or with
// Options.Check holdfast.ErrUnavailable.
func New(o Options) (*Store, error) {
	db, err := newDatabase(o)
	if err != nil {
		return nil, err
	}
	store, err := tier.New(func(l tier.Listener) (tier.Database, error) {
		db.listener = l
		return db, nil
	}, o.Tier)
	if err != nil {
		db.close()
		return nil, err
	}
	s := &Store{store, db}
	if o.Check && db.clients.Load() == nil {
		_ = s.Close()
		return nil, fmt.Errorf("%w: %w", holdfast.ErrUnavailable, *db.refused.Load())
	}
	return s, nil
}

// Close ends the Store's goroutines, its local copies and its connections.
// Later calls return errors. Close returns nil, and may be called again.
func (s *Store) Close() error {
	_ = s.Store.Close()
	s.database.close()
	return nil
}

// database is a tier.Database.
type database struct {
	prefix   string
	options  rueidis.ClientOption
	mode     tier.Mode
	replicas int
	listener tier.Listener

	indexed    *cache.Cache // index entries that need no new write: see index.go
	indexEpoch atomic.Uint64

	clients    atomic.Pointer[clients]
	connecting atomic.Bool
	closed     atomic.Bool
	refused    atomic.Pointer[error] // of the latest attempt to connect
}

// clients are the connections.
type clients struct {
	// tracked reads and writes entries. The server notifies it of changes by
	// others, if notifies is set. Each server has one connection, so that a
	// notification comes before the answer to a later command.
	tracked rueidis.Client

	// plain reads entries of which this process keeps no copy.
	plain rueidis.Client

	notifies bool
}

func newDatabase(o Options) (*database, error) {
	client := o.Client
	switch {
	case o.URL != "" && len(client.InitAddress) > 0:
		return nil, fmt.Errorf("%w: both URL and Client are set; leave one out", holdfast.ErrOptions)
	case o.URL != "":
		var err error
		if client, err = rueidis.ParseURL(o.URL); err != nil {
			// The error may contain the password.
			return nil, fmt.Errorf("%w: URL is no address of a server, such as redis://localhost:6379/0", holdfast.ErrOptions)
		}
		client.ForceSingleClient = len(client.InitAddress) == 1 && client.Sentinel.MasterSet == ""
	case len(client.InitAddress) == 0:
		return nil, fmt.Errorf("%w: URL is empty; set it, for example to redis://localhost:6379/0", holdfast.ErrOptions)
	}
	if o.WaitReplicas < 0 {
		return nil, fmt.Errorf("%w: WaitReplicas is %d; it must be 0 or more", holdfast.ErrOptions, o.WaitReplicas)
	}
	indexed, err := cache.New(cache.Options{MaxBytes: 8 << 20})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", holdfast.ErrOptions, err)
	}
	db := &database{prefix: o.Prefix, mode: o.Tier.Mode, replicas: o.WaitReplicas, indexed: indexed}
	if db.prefix == "" {
		db.prefix = defaultPrefix
	}
	client.PipelineMultiplex = -1 // one connection a server
	client.AlwaysPipelining = true
	client.BlockingPipeline = -1 // also for long pipelines
	if client.Dialer.KeepAlive == 0 {
		client.Dialer.KeepAlive = 250 * time.Millisecond
	}
	if client.Dialer.Timeout == 0 {
		client.Dialer.Timeout = time.Second
	}
	if client.ConnWriteTimeout == 0 {
		client.ConnWriteTimeout = 500 * time.Millisecond
	}
	if client.ClientName == "" {
		client.ClientName = "holdfast"
	}
	db.options = client
	return db, nil
}

// connect connects to the server. It cannot be interrupted, so it runs in a
// goroutine of its own, one at a time, until it has succeeded once. Afterwards
// the clients reconnect by themselves.
func (db *database) connect() {
	defer db.connecting.Store(false)
	c, err := db.newClients()
	if err != nil {
		err = classify(err)
		db.refused.Store(&err)
		return
	}
	db.clients.Store(c)
	if db.closed.Load() {
		db.close()
	}
}

func (db *database) newClients() (c *clients, err error) {
	c = &clients{notifies: db.mode == tier.Cached}
	plain := db.options
	plain.DisableCache = true
	if c.plain, err = rueidis.NewClient(plain); err != nil {
		return nil, err
	}
	if c.notifies && !db.fit(c.plain) {
		c.notifies = false
	}
	if c.tracked = c.plain; !c.notifies {
		return c, nil
	}
	tracked := db.options
	tracked.DisableCache = false
	// Without OPTIN the server tracks each key that a command of this
	// connection reads. So a read and its tracking cannot be separated, by a
	// redirection of a cluster for example.
	tracked.ClientTrackingOptions = []string{"NOLOOP"}
	tracked.OnInvalidations = db.invalidated
	tracked.DialCtxFn = db.dial
	client, err := rueidis.NewClient(tracked)
	switch {
	case errors.Is(err, rueidis.ErrNoCache):
		c.notifies = false
		return c, nil
	case err != nil:
		c.plain.Close()
		return nil, err
	}
	c.tracked = client
	return c, nil
}

// dial connects to a server. A new connection does not get the notifications of
// an earlier one, so all copies end before it carries a command.
func (db *database) dial(ctx context.Context, address string, dialer *net.Dialer, config *tls.Config) (conn net.Conn, err error) {
	switch {
	case db.options.DialCtxFn != nil:
		conn, err = db.options.DialCtxFn(ctx, address, dialer, config)
	case config != nil:
		conn, err = (&tls.Dialer{NetDialer: dialer, Config: config}).DialContext(ctx, "tcp", address)
	default:
		conn, err = dialer.DialContext(ctx, "tcp", address)
	}
	if err == nil {
		db.lost()
	}
	return conn, err
}

// lost ends all copies. The index may have lost entries too: in a failover, or
// because the database was flushed.
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

func (db *database) close() {
	db.closed.Store(true)
	c := db.clients.Swap(nil)
	if c == nil {
		return
	}
	c.plain.Close()
	if c.tracked != c.plain {
		c.tracked.Close()
	}
	_ = db.indexed.Close()
}

// errNotConnected is the error before the first connection.
var errNotConnected = errors.New("redisstore: not connected yet")

// connected returns the clients.
func (db *database) connected() (*clients, error) {
	if c := db.clients.Load(); c != nil {
		return c, nil
	}
	if refused := db.refused.Load(); refused != nil {
		return nil, *refused
	}
	return nil, errNotConnected
}
