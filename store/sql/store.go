package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/tier"
)

// Dialect is a kind of database.
type Dialect uint8

// The dialects.
const (
	PostgreSQL Dialect = iota + 1 // 12 and later
	SQLite                        // 3.35 and later, one process a file
)

func (d Dialect) String() string {
	switch d {
	case PostgreSQL:
		return "PostgreSQL"
	case SQLite:
		return "SQLite"
	}
	return "unknown"
}

func checkDialect(d Dialect) error {
	if d != PostgreSQL && d != SQLite {
		return fmt.Errorf("%w: the dialect is %d; it must be PostgreSQL or SQLite", holdfast.ErrOptions, d)
	}
	return nil
}

// Options configure a Store. The zero value suits a table that exists.
type Options struct {
	// Table is the table's name. For PostgreSQL it may have a schema and a dot
	// before it. "" means "holdfast_sessions". Stores with one table share
	// their entries.
	Table string

	// Migrate lets New make the table and its indexes, unless they exist. New
	// then fails if the database does not answer within Tier.Timeout. Several
	// instances may do this at the same time: they wait for each other, for 30
	// seconds at most. See Schema for the statements.
	Migrate bool

	// Tier configures the local copies. PostgreSQL does not notify of changes,
	// so there the mode Cached is Verified: each read asks it whether the local
	// copy is the latest version. For SQLite the mode Cached needs no question.
	// A commit waits for a disk, so a Timeout of 0 means a second, and 5
	// seconds for SQLite.
	Tier tier.Options

	// PurgeEvery is the time between two purges of expired entries. 0 means a
	// minute, a negative time no purge. A purge begins after that time, and
	// removes batches until none is left.
	PurgeEvery time.Duration

	// PurgeBatch is the most entries that one statement of a purge removes. 0
	// means 1,000, and 100 for SQLite, where other writes wait for it.
	PurgeBatch int

	// Listen, if not nil, lets Session.Ended report within milliseconds that
	// another instance has ended a session. Otherwise that takes some seconds.
	// It is for PostgreSQL, and all instances must set it. The database is
	// notified in each removal of a session, at a cost: see the package
	// comment. Package pgxlisten has a Listen on the driver pgx.
	//
	// Listen executes LISTEN for the channel on a connection of its own. It
	// calls notified with an empty payload when it has begun to listen, and
	// with the payload of each notification that follows. It returns an error
	// when the connection is lost, and when ctx ends. The Store calls it again
	// after a pause. The payload is the store key of a session in hexadecimal
	// digits. That is a hash. It does not open the session.
	Listen func(ctx context.Context, channel string, notified func(payload string)) error
}

const (
	defaultPurgeEvery = time.Minute

	postgresBatch   = 1000
	postgresTimeout = time.Second

	sqliteBatch   = 100
	sqliteTimeout = 5 * time.Second
)

func (o Options) withDefaults(dialect Dialect) (Options, error) {
	o.Table = cmp.Or(o.Table, defaultTable)
	o.PurgeEvery = cmp.Or(o.PurgeEvery, defaultPurgeEvery)
	if o.Tier.Logger == nil {
		o.Tier.Logger = slog.Default()
	}
	if err := checkDialect(dialect); err != nil {
		return o, err
	}
	if err := checkTable(dialect, o.Table); err != nil {
		return o, err
	}
	switch {
	case o.PurgeBatch < 0:
		return o, fmt.Errorf("%w: PurgeBatch is %d; it must be positive", holdfast.ErrOptions, o.PurgeBatch)
	case dialect == SQLite && o.Listen != nil:
		return o, fmt.Errorf("%w: Listen is set; SQLite needs none, since one process uses the file", holdfast.ErrOptions)
	case dialect == SQLite:
		o.PurgeBatch = cmp.Or(o.PurgeBatch, sqliteBatch)
		o.Tier.Timeout = cmp.Or(o.Tier.Timeout, sqliteTimeout)
		return o, nil
	}
	o.PurgeBatch = cmp.Or(o.PurgeBatch, postgresBatch)
	o.Tier.Timeout = cmp.Or(o.Tier.Timeout, postgresTimeout)
	if o.Tier.Mode == tier.Cached {
		o.Tier.Mode = tier.Verified
	}
	return o, nil
}

// database is a tier.Database that a Store looks after.
type database interface {
	tier.Database

	// purge removes up to limit expired entries, and returns how many. There
	// may be more if it has removed limit.
	purge(ctx context.Context, limit int) (removed int, err error)

	migrate(ctx context.Context) error
	close()
}

// afterNoChange returns the result of a Swap whose statement has changed no
// row, so that current is the entry. The error is errIgnored if the statement
// should have changed it.
func afterNoChange(old, next tier.Version, value []byte, current tier.Item) (bool, tier.Item, error) {
	appliedBefore := current.Version == next
	nothingToDo := old == 0 && value == nil && current.Version == 0
	switch {
	case appliedBefore || nothingToDo:
		return true, tier.Item{}, nil
	case current.Version == old:
		return false, tier.Item{}, errIgnored
	}
	return false, current, nil
}

// Store is a holdfast.Store on a table. Make one with New, and end it with
// Close. It is safe for concurrent use. The zero Store cannot be used.
type Store struct {
	*tier.Store
	database database
	options  Options
	end      context.CancelFunc
	tasks    sync.WaitGroup
	closing  sync.Once

	purged, purgeErrors atomic.Uint64
}

// Stats returns the figures of now. They are read one after the other.
func (s *Store) Stats() tier.Stats {
	stats := s.Store.Stats()
	stats.Purged, stats.PurgeErrors = s.purged.Load(), s.purgeErrors.Load()
	return stats
}

// New returns a Store on a table of db. The db stays the caller's, and is
// closed after the Store. For PostgreSQL New works while the server is away,
// unless Options.Migrate is set. For SQLite New opens the file. The error wraps
// holdfast.ErrOptions, holdfast.ErrUnavailable, tier.ErrRefused or ErrInUse.
func New(db *sql.DB, dialect Dialect, o Options) (*Store, error) {
	if db == nil {
		return nil, fmt.Errorf("%w: the *sql.DB is nil", holdfast.ErrOptions)
	}
	o, err := o.withDefaults(dialect)
	if err != nil {
		return nil, err
	}
	s := &Store{options: o}
	s.Store, err = tier.New(func(l tier.Listener) (tier.Database, error) {
		err := s.open(db, dialect, l)
		return s.database, err
	}, o.Tier)
	if err != nil {
		return nil, err
	}
	ctx, end := context.WithCancel(context.Background())
	s.end = end
	if o.PurgeEvery > 0 {
		s.tasks.Go(func() { s.purges(ctx) })
	}
	if o.Listen != nil {
		s.tasks.Go(func() { s.listens(ctx) })
	}
	return s, nil
}

// migrateTimeout bounds New while it makes the table.
const migrateTimeout = 30 * time.Second

func (s *Store) open(db *sql.DB, dialect Dialect, l tier.Listener) error {
	ctx, cancel := context.WithTimeout(context.Background(), migrateTimeout)
	defer cancel()
	if dialect == PostgreSQL {
		s.database = newPostgres(db, s.options)
	} else {
		lite, err := openSQLite(ctx, db, s.options, l)
		if err != nil {
			return err
		}
		s.database = lite
	}
	var err error
	if s.options.Migrate {
		err = s.database.migrate(ctx)
	}
	if err == nil && dialect == SQLite {
		_, err = s.database.Read(ctx, "\x00", 0) // is there the table?
	}
	if err != nil {
		s.database.close()
		return unavailable(err)
	}
	return nil
}

// Close ends the Store's goroutines and releases its local copies, and for
// SQLite the file. Later calls return errors. The *sql.DB stays open. Close
// returns nil, and may be called again.
func (s *Store) Close() error {
	s.closing.Do(func() {
		s.end()
		s.tasks.Wait()
		_ = s.Store.Close()
		s.database.close()
	})
	return nil
}

// purgeTimeout bounds one statement of a purge.
const purgeTimeout = 10 * time.Second

// purges removes expired entries until ctx ends.
func (s *Store) purges(ctx context.Context) {
	fails := false
	for sleep(ctx, s.options.PurgeEvery) {
		err := s.purge(ctx)
		if err != nil && !fails && ctx.Err() == nil {
			s.warn("holdfast: expired sessions are not removed from the table", err)
		}
		fails = err != nil
	}
}

// purge removes all entries that can be purged. It rests after each batch for
// the time that the batch took, so that it takes half of one connection's time
// at most.
func (s *Store) purge(ctx context.Context) error {
	for {
		began := time.Now()
		limited, cancel := context.WithTimeout(ctx, purgeTimeout)
		removed, err := s.database.purge(limited, s.options.PurgeBatch)
		cancel()
		s.purged.Add(uint64(removed))
		if err != nil && ctx.Err() == nil {
			s.purgeErrors.Add(1)
		}
		if err != nil || removed < s.options.PurgeBatch || !sleep(ctx, time.Since(began)) {
			return err
		}
	}
}

// relisten is the pause before Listen is called again.
const relisten = time.Second

// listens receives notifications until ctx ends.
func (s *Store) listens(ctx context.Context) {
	var warned atomic.Bool // since the last notification
	notified := func(payload string) {
		warned.Store(false)
		s.notified(payload)
	}
	for ctx.Err() == nil {
		err := s.options.Listen(ctx, s.options.Table, notified)
		if ctx.Err() == nil && !warned.Swap(true) {
			s.warn("holdfast: no notifications of sessions that end elsewhere", err)
		}
		sleep(ctx, relisten)
	}
}

// notified receives one notification. An empty one means that others may be
// missing.
func (s *Store) notified(payload string) {
	if id, err := hex.DecodeString(payload); err == nil && len(id) > 0 {
		s.Changed(string(id))
	} else {
		s.Lost()
	}
}

func (s *Store) warn(message string, err error) {
	s.options.Tier.Logger.LogAttrs(context.Background(), slog.LevelWarn, message, slog.Any("error", err))
}

// sleep waits, and reports false if ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
