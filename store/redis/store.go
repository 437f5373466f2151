package redisstore

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/tier"
)

// Options configure a Store. Most servers need an address alone. Options print
// as their type alone, since they have a password.
type Options struct {
	// URL is the server: redis://user:password@host:6379/0, rediss:// for TLS,
	// unix:///path. The user and the password are percent-encoded. If the
	// server belongs to a cluster, the Store finds the others. More addresses
	// (?addr=host:port&addr=...) are nodes of the same cluster. With
	// ?master_set=name the addresses are Sentinels.
	URL string

	// Client is the server in place of URL, for anything that a URL cannot
	// express: certificates, credentials that change, Sentinels with a
	// password. One address is one server, unless it belongs to a cluster. New
	// sets the fields for pipelining, tracking, retries and notifications
	// itself, and refuses reads from replicas. Dialer.Timeout bounds a new
	// connection, and ConnWriteTimeout each wait of a connection for an answer.
	// 0 means a second and half a second, or Tier.Timeout if that is longer. If
	// the server hangs and more commands wait for it than a connection queues
	// (RingScaleEachConn), the others wait until the connection is given up,
	// even if their context ends before.
	Client rueidis.ClientOption

	// Prefix begins all keys of the Store. "" means "hf:". Stores with one
	// Prefix on one database share their entries.
	Prefix string

	// Tier configures the local copies. Its zero value suits most servers.
	Tier tier.Options

	// WaitReplicas, if positive, lets a removal wait until so many replicas
	// have it. So a logout is not undone by a failover that loses the latest
	// writes. A removal that they do not confirm within Tier.Timeout returns an
	// error, but has been carried out. If the primary dies, the replica that
	// has most takes over, so 1 is enough. If Sentinels replace a primary that
	// works, only the number of all replicas is.
	WaitReplicas int

	// Check lets New wait until the server answers, and fail if it does not
	// within some seconds, or if it refuses a command that the Store needs: it
	// is a replica, or the user lacks a permission. New tries them on a key of
	// its own, under the Prefix. A server whose memory is full will do, since
	// sessions can be read and ended there. Without Check, New works while the
	// server is away, and each request fails until it is there.
	Check bool
}

const optionsType = "redisstore.Options"

// Format prints the type alone, with every verb.
func (Options) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, optionsType) }

// LogValue returns the type alone, for log/slog.
func (Options) LogValue() slog.Value { return slog.StringValue(optionsType) }

// Store is a holdfast.Store on Redis or Valkey. Make one with New, and end it
// with Close. It is safe for concurrent use. The zero Store cannot be used.
type Store struct {
	*tier.Store
	database *database
}

// New returns a Store. The error wraps holdfast.ErrOptions, or with
// Options.Check holdfast.ErrUnavailable. An error of New is not logged.
func New(o Options) (*Store, error) {
	return newStore(o, func(db *database, l tier.Listener) (tier.Database, tier.Listener) { return db, l })
}

// newStore lets tests put faults between the database and the tier.
func newStore(o Options, wrap func(*database, tier.Listener) (tier.Database, tier.Listener)) (*Store, error) {
	db, err := newDatabase(o)
	if err != nil {
		return nil, err
	}
	store, err := tier.New(func(l tier.Listener) (wrapped tier.Database, err error) {
		wrapped, db.listener = wrap(db, l)
		if o.Check {
			if err = db.check(); err != nil {
				err = fmt.Errorf("%w: %w", holdfast.ErrUnavailable, err)
			}
		}
		return wrapped, err
	}, o.Tier)
	if err != nil {
		db.close()
		return nil, err
	}
	return &Store{store, db}, nil
}

// Close waits for touches that are on their way, for Tier.Timeout at most. Then
// it ends the Store's goroutines, its local copies and its connections. Calls
// under way and later ones return errors. Close returns nil, and may be called
// again.
func (s *Store) Close() error {
	_ = s.Store.Close()
	s.database.close()
	return nil
}

const defaultPrefix = "hf:"

// clientOptions returns the options of the client.
func (o Options) clientOptions() (client rueidis.ClientOption, err error) {
	client = o.Client
	switch {
	case o.URL != "" && len(client.InitAddress) > 0:
		return client, fmt.Errorf("%w: both URL and Client are set; leave one out", holdfast.ErrOptions)
	case o.URL != "":
		if client, err = parseURL(o.URL); err != nil {
			return client, err
		}
	case len(client.InitAddress) == 0:
		return client, fmt.Errorf("%w: URL is empty; set it, for example to redis://localhost:6379/0", holdfast.ErrOptions)
	case client.SendToReplicas != nil, client.ReplicaOnly, len(client.Standalone.ReplicaAddress) > 0:
		return client, fmt.Errorf("%w: Client reads from replicas, which may have sessions that have ended; let it read from the primary", holdfast.ErrOptions)
	}
	client.OnInvalidations = nil
	client.DisableCache = true // see database.connect
	client.DisableRetry = true // the tier retries
	client.DisableAutoPipelining = false
	client.AlwaysPipelining = true
	client.PipelineMultiplex = -1 // one connection a server
	client.BlockingPipeline = -1  // also for long pipelines
	for _, dialer := range []*net.Dialer{&client.Dialer, &client.Sentinel.Dialer} {
		setDefault(&dialer.KeepAlive, 250*time.Millisecond)
		setDefault(&dialer.Timeout, max(time.Second, o.Tier.Timeout))
	}
	// A message of the Sentinels may be missed, and a client of a cluster that
	// sends no command meets no redirection.
	setDefault(&client.Sentinel.TopologyRefreshInterval, 5*time.Second)
	setDefault(&client.ClusterOption.ShardsRefreshInterval, 5*time.Second)
	setDefault(&client.ConnWriteTimeout, max(500*time.Millisecond, o.Tier.Timeout))
	setDefault(&client.ClientName, "holdfast")
	if client.ClientSetInfo == nil {
		client.ClientSetInfo = rueidis.DisableClientSetInfo // Redis has it from 7.2 on
	}
	return client, nil
}

// parseURL returns the options of a URL. Its errors have no part of the URL,
// which has a password. A password that is not encoded may look like a query or
// a fragment.
func parseURL(text string) (client rueidis.ClientOption, err error) {
	at, err := url.Parse(text)
	if err == nil {
		client, err = rueidis.ParseURL(text)
	}
	if err != nil || at.Opaque != "" || at.Fragment != "" || strings.Contains(at.RawQuery, "@") {
		return client, fmt.Errorf("%w: URL is not of the form redis://user:password@host:6379/0: correct it, and percent-encode the user and the password, such as %%2F for a slash", holdfast.ErrOptions)
	}
	for name := range at.Query() { // ParseURL ignores those that it does not know
		if !slices.Contains(urlParameters, name) {
			return client, fmt.Errorf("%w: URL has an unknown parameter: the known ones are %s", holdfast.ErrOptions, strings.Join(urlParameters, ", "))
		}
	}
	return client, nil
}

// urlParameters are the parameters of rueidis.ParseURL.
var urlParameters = []string{"addr", "client_cache", "client_name", "db", "dial_timeout", "master_set", "max_retries", "protocol", "skip_verify", "write_timeout"}

func setDefault[T comparable](option *T, value T) {
	var zero T
	if *option == zero {
		*option = value
	}
}
