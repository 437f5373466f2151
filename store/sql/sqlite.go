package sqlstore

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/tier"
)

// sqlite is a tier.Database on an SQLite file. All connections are the Store's
// own: one that writes, some that read, and one that keeps other
// stores away from the file. In the journal mode WAL, readers and the writer do
// not wait for each other.
type sqlite struct {
	texts    sqliteTexts
	files    files
	table    string
	listener tier.Listener
	writer   *writer
	readers  chan *connection // those that are idle
	count    int              // of readers
	owner    *connection
	quit     chan struct{}
	version  int64 // of the file's data; only the writer uses it
}

type sqliteTexts struct {
	read, swap, create, set, remove, touch, extend, tagged, page, purge string
}

const (
	readers = 4

	// connections are the writer's, the readers', and the one that has the
	// lock.
	connections = readers + 2

	// Another program, a backup for example, may hold a lock for a short time.
	busyTimeout = "PRAGMA busy_timeout = 5000"
)

// openSQLite opens the file of db.
func openSQLite(ctx context.Context, db *sql.DB, o Options, l tier.Listener) (*sqlite, error) {
	if limit := db.Stats().MaxOpenConnections; limit > 0 && limit < connections {
		return nil, fmt.Errorf("%w: SetMaxOpenConns allows the *sql.DB %d connections; it must allow %d, or be left out", holdfast.ErrOptions, limit, connections)
	}
	s := &sqlite{table: o.Table, listener: l, readers: make(chan *connection, readers), quit: make(chan struct{})}
	s.texts.prepare(o.Table)
	ctx, cancel := context.WithTimeout(ctx, o.Tier.Timeout)
	defer cancel()
	if err := s.connect(ctx, db); err != nil {
		s.closeConnections()
		return nil, err
	}
	go s.writer.work()
	return s, nil
}

func (s *sqlite) connect(ctx context.Context, db *sql.DB) (err error) {
	if err := s.own(ctx, db); err != nil {
		return err
	}
	// synchronous is FULL: see setDurable. fullfsync lets the disk of a Mac
	// store its own cache too.
	c, err := connect(ctx, db, busyTimeout, "PRAGMA synchronous = FULL", "PRAGMA fullfsync = ON", "PRAGMA checkpoint_fullfsync = ON")
	if err != nil {
		return s.unavailable(err)
	}
	s.writer = newWriter(c, s.listener, s.files.check)
	mode := ""
	if err := c.conn.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode); err != nil {
		return s.unavailable(err)
	}
	if mode != "wal" {
		return fmt.Errorf("%w: the journal mode of the file is %q; it must be WAL, which its file system or its driver refuses", holdfast.ErrOptions, mode)
	}
	// The first read makes the WAL.
	if _, err := c.conn.ExecContext(ctx, "SELECT 1 FROM sqlite_master"); err != nil {
		return s.unavailable(err)
	}
	s.files.open()
	for range readers {
		c, err := connect(ctx, db, busyTimeout, "PRAGMA query_only = ON")
		if err != nil {
			return s.unavailable(err)
		}
		s.readers <- c
		s.count++
	}
	return nil
}

func (s *sqlite) classify(err error) error {
	err = classifySQLite(err, s.files.name)
	if err != nil && strings.Contains(err.Error(), damaged) {
		s.files.damage.CompareAndSwap(nil, &err)
	}
	return err
}

// unavailable is the error of New for an error of the driver.
func (s *sqlite) unavailable(err error) error { return unavailable(s.classify(err)) }

// own takes the lock of a file beside that of db. Its error may wrap ErrInUse.
// The lock is SQLite's own: a transaction that never ends. So it works wherever
// SQLite does, and ends with the process, however that ends.
func (s *sqlite) own(ctx context.Context, db *sql.DB) error {
	c, err := connect(ctx, db, "PRAGMA busy_timeout = 0")
	if err != nil {
		return s.unavailable(err)
	}
	s.owner = c
	var number int
	var name string
	if err := c.conn.QueryRowContext(ctx, "PRAGMA database_list").Scan(&number, &name, &s.files.name); err != nil {
		return s.unavailable(err)
	}
	if s.files.name == "" {
		return fmt.Errorf("%w: the database is in memory; it must be in a file", holdfast.ErrOptions)
	}
	// Another name of the file has another lock.
	if n := s.files.links(); n > 1 {
		return fmt.Errorf("%w: %s: it has %d names, so another store can use it by another one; remove the other hard links", ErrInUse, s.files.name, n)
	}
	_, err = c.conn.ExecContext(ctx, "ATTACH DATABASE ? AS owner", s.files.name+ownerSuffix)
	for _, statement := range []string{"PRAGMA owner.journal_mode = MEMORY", "BEGIN", "PRAGMA owner.user_version = 1"} {
		if err == nil {
			_, err = c.conn.ExecContext(ctx, statement)
		}
	}
	switch {
	case err == nil:
		return nil
	case strings.Contains(err.Error(), "database is locked"):
		return fmt.Errorf("%w: %s: one store can use it at a time; end the other one, or use PostgreSQL for several processes", ErrInUse, s.files.name)
	}
	return s.unavailable(err)
}

func (s *sqlite) close() {
	close(s.quit)
	s.writer.close()
	s.closeConnections()
}

// closeConnections waits until the readers are idle. The owner goes last.
func (s *sqlite) closeConnections() {
	for range s.count {
		(<-s.readers).close()
	}
	if s.writer != nil {
		s.writer.connection.close()
	}
	if s.owner != nil {
		s.owner.close()
	}
}

func (t *sqliteTexts) prepare(table string) {
	const insert = `INSERT INTO {table} AS entry (id, value, version, expires, tag) VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (id) DO UPDATE SET value = excluded.value, version = excluded.version, expires = excluded.expires, tag = excluded.tag`
	const existing = ` WHERE id = ?1 AND ?2 IN (0, version) AND expires > ?3`
	*t = sqliteTexts{
		read: `SELECT version, expires, CASE WHEN version <> ?2 THEN value END FROM {table} WHERE id = ?1 AND expires > ?3`,
		swap: `UPDATE {table} SET value = ?2, version = ?3, expires = ?4, tag = ?5 WHERE id = ?1 AND version = ?6 AND expires > ?7`,

		create: insert + ` WHERE entry.expires <= ?6 OR entry.version = 0`,
		set:    insert,

		remove: `DELETE FROM {table}` + existing,
		touch:  `UPDATE {table} SET expires = ?4` + existing,
		extend: `UPDATE {table} SET expires = max(expires, ?4)` + existing,

		tagged: `SELECT id, value, expires FROM {table} WHERE tag = ?1 AND id > ?2 ORDER BY id LIMIT ?3`,
		page:   `SELECT id, value, expires FROM {table} WHERE id > ?1 ORDER BY id LIMIT ?2`,

		purge: `DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE expires <= ?1 ORDER BY expires LIMIT ?2)`,
	}
	for _, text := range []*string{&t.read, &t.swap, &t.create, &t.set, &t.remove, &t.touch, &t.extend, &t.tagged, &t.page, &t.purge} {
		*text = withTable(*text, table)
	}
}

// endOf returns the time in the column expires of an entry that has ttl from
// now.
func endOf(now int64, ttl time.Duration) int64 {
	if now > 0 && int64(ttl) > math.MaxInt64-now {
		return math.MaxInt64
	}
	return now + int64(ttl)
}

func ttlOf(now, end int64) time.Duration {
	if end == math.MaxInt64 {
		return cache.NoExpiry
	}
	return time.Duration(end - now)
}

// find returns the entry under id.
func (s *sqlite) find(c *connection, id string, known tier.Version, now int64) (item tier.Item, err error) {
	err = c.query(s.texts.read, []any{[]byte(id), int64(known), now}, func(scan func(...any) error) error {
		var version, end int64
		var value []byte
		err := scan(&version, &end, &value)
		item = tier.Item{Version: tier.Version(version), Value: value, TTL: ttlOf(now, end)}
		item.Same = known != 0 && item.Version == known
		return err
	})
	return item, err
}

// reader returns a connection that reads. The caller returns it to s.readers.
func (s *sqlite) reader(ctx context.Context) (*connection, error) {
	select {
	case <-s.quit:
		return nil, errClosed
	default:
	}
	select {
	case c := <-s.readers:
		return c, nil
	case <-s.quit:
		return nil, errClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Read implements tier.Database.
func (s *sqlite) Read(ctx context.Context, id string, known tier.Version) (tier.Item, error) {
	c, err := s.reader(ctx)
	if err != nil {
		return tier.Item{}, s.classify(err)
	}
	defer func() { s.readers <- c }()
	item, err := s.find(c, id, known, time.Now().UnixNano())
	if err != nil {
		return tier.Item{}, s.classify(err)
	}
	return item, nil
}

// change carries out a job for an entry, and returns the number of rows that it
// has changed.
func (s *sqlite) change(ctx context.Context, id string, durable bool, run func(now int64) (int64, error)) (rows int64, err error) {
	done, err := s.writer.do(ctx, id, durable, func(*writer) (done effect, err error) {
		done.rows, err = run(time.Now().UnixNano())
		return done, err
	})
	return done.rows, s.classify(err)
}

// Swap implements tier.Database.
func (s *sqlite) Swap(ctx context.Context, id string, old, next tier.Version, value []byte, ttl time.Duration) (swapped bool, current tier.Item, err error) {
	value = bytes.Clone(value)
	text, args, tag := s.texts.swap, []any{[]byte(id), value, int64(next)}, tagOf(value)
	switch {
	case value == nil && old == 0:
		text = ""
	case value == nil:
		text = s.texts.remove
	case old == 0:
		text = s.texts.create
	}
	done, err := s.writer.do(ctx, id, true, func(w *writer) (done effect, err error) {
		now := time.Now().UnixNano()
		switch text {
		case s.texts.swap:
			done.rows, err = w.exec(text, append(args, endOf(now, ttl), tag, int64(old), now)...)
		case s.texts.create:
			done.rows, err = w.exec(text, append(args, endOf(now, ttl), tag, now)...)
		case s.texts.remove:
			done.rows, err = w.exec(text, args[0], int64(old), now)
		}
		if err == nil && done.rows == 0 {
			done.current, err = s.find(w.connection, id, 0, now)
		}
		return done, err
	})
	if err != nil || done.rows > 0 {
		return err == nil, tier.Item{}, s.classify(err)
	}
	return afterNoChange(old, next, value, done.current)
}

// Set implements tier.Database.
func (s *sqlite) Set(ctx context.Context, id string, next tier.Version, value []byte, ttl time.Duration) error {
	value = append([]byte{}, value...)
	rows, err := s.change(ctx, id, true, func(now int64) (int64, error) {
		return s.writer.exec(s.texts.set, []byte(id), value, int64(next), endOf(now, ttl), tagOf(value))
	})
	if rows == 0 && err == nil {
		return errIgnored
	}
	return err
}

// Touch implements tier.Database. One that only extends a TTL does not wait for
// the disk: if it is lost, the session ends as if it had not been used.
func (s *sqlite) Touch(ctx context.Context, id string, known tier.Version, ttl time.Duration, extend bool) (found bool, err error) {
	rows, err := s.change(ctx, id, !extend, func(now int64) (int64, error) {
		switch {
		case ttl == 0:
			_, err := s.writer.exec(s.texts.remove, []byte(id), int64(known), now)
			return 0, err
		case extend:
			return s.writer.exec(s.texts.extend, []byte(id), int64(known), now, endOf(now, ttl))
		}
		return s.writer.exec(s.texts.touch, []byte(id), int64(known), now, endOf(now, ttl))
	})
	return rows > 0, err
}

// Scan implements tier.Database. The cursor is the last ID of a page.
func (s *sqlite) Scan(ctx context.Context, prefix []byte, cursor string) (found []tier.Entry, next string, err error) {
	c, err := s.reader(ctx)
	if err != nil {
		return nil, "", s.classify(err)
	}
	defer func() { s.readers <- c }()
	text, args := s.texts.page, []any{[]byte(cursor), scanPage}
	if tag, ok := holdfast.UserTag(prefix); ok {
		text, args = s.texts.tagged, []any{tag, []byte(cursor), scanPage}
	}
	seen, now := 0, time.Now().UnixNano()
	err = c.query(text, args, func(scan func(...any) error) error {
		var id, value sql.RawBytes
		var end int64
		if err := scan(&id, &value, &end); err != nil {
			return err
		}
		next = string(id)
		if seen++; end > now && bytes.HasPrefix(value, prefix) {
			found = append(found, tier.Entry{ID: next, Value: bytes.Clone(value), TTL: ttlOf(now, end)})
		}
		return nil
	})
	if err != nil {
		return nil, "", s.classify(err)
	}
	if seen < scanPage {
		next = ""
	}
	return found, next, nil
}

// Pulse implements tier.Database. It reads, since only a reader finds damage:
// the writer knows its own pages. All writes come from this Store, so it knows
// them, unless a person changes the file with a tool. SQLite then gives the
// data another version for this connection.
func (s *sqlite) Pulse(ctx context.Context) (tier.Pulse, error) {
	c, err := s.reader(ctx)
	if err == nil {
		err = c.query("SELECT 1 FROM sqlite_master LIMIT 1", nil, func(func(...any) error) error { return nil })
		s.readers <- c
	}
	if err != nil {
		return tier.Pulse{}, s.classify(err)
	}
	_, err = s.writer.do(ctx, "", false, func(w *writer) (effect, error) {
		return effect{}, w.query("PRAGMA data_version", nil, func(scan func(...any) error) error {
			before := s.version
			err := scan(&s.version)
			if s.version != before && before != 0 {
				s.listener.Lost()
			}
			return err
		})
	})
	if err != nil {
		return tier.Pulse{}, s.classify(err)
	}
	return tier.Pulse{Now: time.Now(), Notifies: true}, nil
}

// purge removes up to limit expired entries.
func (s *sqlite) purge(ctx context.Context, limit int) (removed int, err error) {
	rows, err := s.change(ctx, "", false, func(now int64) (int64, error) { return s.writer.exec(s.texts.purge, now, limit) })
	return int(rows), err
}

func (s *sqlite) migrate(ctx context.Context) error {
	_, err := s.writer.do(ctx, "", true, func(w *writer) (effect, error) {
		for _, statement := range statements(SQLite, s.table) {
			if _, err := w.exec(statement); err != nil {
				return effect{}, err
			}
		}
		return effect{}, nil
	})
	return s.classify(err)
}
