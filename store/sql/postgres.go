package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/tier"
)

// postgres is a tier.Database on PostgreSQL. Each method is one statement in a
// transaction of its own, so it works behind a pooler of transactions too. All
// times are the server's, of the moment when it looks at a row: a statement may
// have waited for another one.
type postgres struct {
	db      *sql.DB
	table   string
	channel string // of notifications; "" if there are none
	timeout time.Duration
	texts   postgresTexts
}

// postgresTexts are statements. Each parameter has a type, since some drivers
// and poolers do not ask the server for it.
type postgresTexts struct {
	read, swap, create, set, remove, removeAndNotify, touch, extend, tagged, page, purge string
}

// An entry's TTL in microseconds, and the end of an entry by its TTL. NULL is a
// TTL without end. The entry exists, so a negative TTL is one that has ended
// while the server looked.
const (
	ttlOfRow  = `CASE WHEN isfinite(expires) THEN greatest(0, extract(epoch FROM expires - clock_timestamp()) * 1000000)::bigint END`
	endAfter4 = `coalesce(clock_timestamp() + $4::bigint * interval '1 microsecond', 'infinity')`
	endAfter2 = `coalesce(clock_timestamp() + $2::bigint * interval '1 microsecond', 'infinity')`
)

func newPostgres(db *sql.DB, o Options) *postgres {
	p := &postgres{db: db, table: o.Table, timeout: o.Tier.Timeout}
	if o.Listen != nil {
		p.channel = o.Table
	}
	const insert = `INSERT INTO {table} AS entry (id, value, version, expires, tag)
VALUES ($1::bytea, $2::bytea, $3::bigint, ` + endAfter4 + `, $5::bytea)
ON CONFLICT (id) DO UPDATE SET value = excluded.value, version = excluded.version, expires = excluded.expires, tag = excluded.tag`
	const remove = `DELETE FROM {table} WHERE id = $1::bytea AND $2::bigint IN (0, version) AND expires > clock_timestamp()`
	const touched = ` WHERE id = $1::bytea AND $3::bigint IN (0, version) AND expires > clock_timestamp()`
	p.texts = postgresTexts{
		read: `SELECT version, CASE WHEN version <> $2::bigint THEN value END, ` + ttlOfRow + `
FROM {table} WHERE id = $1::bytea AND expires > clock_timestamp()`,

		swap: `UPDATE {table} SET value = $2::bytea, version = $3::bigint, expires = ` + endAfter4 + `, tag = $5::bytea
WHERE id = $1::bytea AND version = $6::bigint AND expires > clock_timestamp()`,

		create: insert + ` WHERE entry.expires <= clock_timestamp() OR entry.version = 0`,
		set:    insert,

		remove: remove,
		removeAndNotify: `WITH removed AS (` + remove + ` RETURNING id)
SELECT pg_notify($3::text, CASE WHEN octet_length(id) < 4000 THEN encode(id, 'hex') ELSE '' END)::text FROM removed`,

		touch:  `UPDATE {table} SET expires = ` + endAfter2 + touched,
		extend: `UPDATE {table} SET expires = greatest(expires, ` + endAfter2 + `)` + touched,

		tagged: `SELECT id, value, ` + ttlOfRow + ` FROM {table}
WHERE tag = $1::bytea AND id > $2::bytea AND expires > clock_timestamp() AND substring(value FROM 1 FOR octet_length($3::bytea)) = $3::bytea
ORDER BY tag, id LIMIT $4::bigint`,

		// It looks at a bounded number of rows, and returns each ID, so that
		// the next page begins behind it.
		page: `SELECT id, CASE WHEN matches THEN value END, ` + ttlOfRow + ` FROM (
	SELECT id, value, expires, expires > clock_timestamp() AND substring(value FROM 1 FOR octet_length($2::bytea)) = $2::bytea AS matches
	FROM {table} WHERE id > $1::bytea ORDER BY id LIMIT $3::bigint
) AS page`,

		purge: `WITH turn AS MATERIALIZED (SELECT pg_try_advisory_xact_lock($1::bigint) AS mine)
DELETE FROM {table} WHERE id = ANY (ARRAY(
	SELECT id FROM {table} WHERE (SELECT mine FROM turn) AND bucket < date_trunc('hour', now() AT TIME ZONE 'UTC')
	ORDER BY bucket LIMIT $2::bigint FOR UPDATE SKIP LOCKED
))`,
	}
	for _, text := range p.texts.all() {
		*text = withTable(*text, o.Table)
	}
	return p
}

func (t *postgresTexts) all() []*string {
	return []*string{
		&t.read, &t.swap, &t.create, &t.set, &t.remove, &t.removeAndNotify, &t.touch, &t.extend, &t.tagged, &t.page, &t.purge,
	}
}

// microseconds rounds up: an entry never ends early. The result is NULL for a
// TTL without end.
func microseconds(ttl time.Duration) any {
	if ttl == cache.NoExpiry {
		return nil
	}
	return int64((ttl-1)/time.Microsecond + 1)
}

func durationOf(microseconds sql.NullInt64) time.Duration {
	if !microseconds.Valid || microseconds.Int64 > int64(cache.NoExpiry/time.Microsecond) {
		return cache.NoExpiry
	}
	return time.Duration(microseconds.Int64) * time.Microsecond
}

// tagOf returns the user tag of a value, or NULL. A nil []byte would be an
// empty value for some drivers.
func tagOf(value []byte) any {
	if tag, ok := holdfast.UserTag(value); ok {
		return tag
	}
	return nil
}

// try runs a statement, again if the server has not carried it out because
// another transaction came first, or because it had been told to end the
// connection. Each such attempt removes a connection from the *sql.DB.
func (p *postgres) try(ctx context.Context, statement func() error) error {
	for n := 1; ; n++ {
		err := statement()
		switch sqlState(err) {
		case "57P01": // admin_shutdown
			if ctx.Err() == nil {
				continue
			}
		case "40001", "40P01": // serialization_failure, deadlock_detected
			if sleep(ctx, rand.N(time.Millisecond<<min(n, 6))) {
				continue
			}
		}
		return classifyPostgres(err)
	}
}

// change runs a statement and returns the number of rows that it has changed.
func (p *postgres) change(ctx context.Context, text string, args ...any) (rows int64, err error) {
	err = p.try(ctx, func() error {
		result, err := p.db.ExecContext(ctx, text, args...)
		if err == nil {
			rows, err = result.RowsAffected()
		}
		return err
	})
	return rows, err
}

// Read implements tier.Database.
func (p *postgres) Read(ctx context.Context, id string, known tier.Version) (item tier.Item, err error) {
	err = p.try(ctx, func() error {
		var version int64
		var value []byte
		var ttl sql.NullInt64
		err := p.db.QueryRowContext(ctx, p.texts.read, []byte(id), int64(known)).Scan(&version, &value, &ttl)
		if errors.Is(err, sql.ErrNoRows) {
			item = tier.Item{}
			return nil
		}
		item = tier.Item{Version: tier.Version(version), Value: value, TTL: durationOf(ttl)}
		item.Same = known != 0 && item.Version == known
		return err
	})
	if err != nil {
		return tier.Item{}, err
	}
	return item, nil
}

// Swap implements tier.Database.
func (p *postgres) Swap(ctx context.Context, id string, old, next tier.Version, value []byte, ttl time.Duration) (swapped bool, current tier.Item, err error) {
	for range swapTries {
		swapped, current, err = p.swap(ctx, id, old, next, value, ttl)
		if err != errIgnored {
			break
		}
	}
	return swapped, current, err
}

// An entry may end, and another begin, between the two statements of a swap.
// Then the swap has changed nothing, as if a trigger had ignored it. So Swap
// tries it so many times in all. A trigger ignores each try.
const swapTries = 10

func (p *postgres) swap(ctx context.Context, id string, old, next tier.Version, value []byte, ttl time.Duration) (swapped bool, current tier.Item, err error) {
	switch {
	case value != nil && old == 0:
		swapped, err = p.store(ctx, p.texts.create, id, next, value, ttl)
	case value != nil:
		swapped, err = p.store(ctx, p.texts.swap, id, next, value, ttl, int64(old))
	case old != 0:
		swapped, err = p.remove(ctx, id, old)
	}
	if swapped || err != nil {
		return swapped, tier.Item{}, err
	}
	// A second statement: the first one sees the rows of its beginning, even if
	// it has waited for the write that it lost to.
	if current, err = p.Read(ctx, id, 0); err != nil {
		return false, tier.Item{}, err
	}
	return afterNoChange(old, next, value, current)
}

// store runs one of the statements that store a value.
func (p *postgres) store(ctx context.Context, text, id string, next tier.Version, value []byte, ttl time.Duration, more ...any) (stored bool, err error) {
	args := append([]any{[]byte(id), value, int64(next), microseconds(ttl), tagOf(value)}, more...)
	rows, err := p.change(ctx, text, args...)
	return rows > 0, err
}

// remove removes an entry of that version, or of any if it is 0.
func (p *postgres) remove(ctx context.Context, id string, version tier.Version) (removed bool, err error) {
	if p.channel == "" {
		rows, err := p.change(ctx, p.texts.remove, []byte(id), int64(version))
		return rows > 0, err
	}
	err = p.try(ctx, func() error {
		var none string
		err := p.db.QueryRowContext(ctx, p.texts.removeAndNotify, []byte(id), int64(version), p.channel).Scan(&none)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		removed = err == nil
		return err
	})
	return removed, err
}

// Set implements tier.Database.
func (p *postgres) Set(ctx context.Context, id string, next tier.Version, value []byte, ttl time.Duration) error {
	if value == nil {
		value = []byte{}
	}
	stored, err := p.store(ctx, p.texts.set, id, next, value, ttl)
	if !stored && err == nil {
		return errIgnored
	}
	return err
}

// Touch implements tier.Database.
func (p *postgres) Touch(ctx context.Context, id string, known tier.Version, ttl time.Duration, extend bool) (found bool, err error) {
	if ttl == 0 {
		_, err := p.remove(ctx, id, known)
		return false, err
	}
	text := p.texts.touch
	if extend {
		text = p.texts.extend
	}
	rows, err := p.change(ctx, text, []byte(id), microseconds(ttl), int64(known))
	return rows > 0, err
}

// A page of a scan has so many rows.
const scanPage = 250

// Scan implements tier.Database. The cursor is the last ID of a page.
func (p *postgres) Scan(ctx context.Context, prefix []byte, cursor string) (found []tier.Entry, next string, err error) {
	if prefix == nil {
		prefix = []byte{}
	}
	text, args := p.texts.page, []any{[]byte(cursor), prefix, scanPage}
	if tag, ok := holdfast.UserTag(prefix); ok {
		text, args = p.texts.tagged, []any{tag, []byte(cursor), prefix, scanPage}
	}
	err = p.try(ctx, func() error {
		rows, err := p.db.QueryContext(ctx, text, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		seen := 0
		for found, next = nil, ""; rows.Next(); seen++ {
			var id, value []byte
			var ttl sql.NullInt64
			if err := rows.Scan(&id, &value, &ttl); err != nil {
				return err
			}
			if next = string(id); value != nil {
				found = append(found, tier.Entry{ID: next, Value: value, TTL: durationOf(ttl)})
			}
		}
		if seen < scanPage {
			next = ""
		}
		return rows.Err()
	})
	if err != nil {
		return nil, "", err
	}
	return found, next, nil
}

// errStandby is the error of a pulse that reaches a server which does not take
// writes. Its rows may be old, so nothing may be read from it either.
var errStandby = failed("the server is a standby, or recovers from a crash: connect to the primary server, with target_session_attrs=read-write")

// Pulse implements tier.Database. The server notifies of removals at most, so
// copies are never current without a question.
func (p *postgres) Pulse(ctx context.Context) (tier.Pulse, error) {
	var now int64
	var recovers bool
	err := p.try(ctx, func() error {
		return p.db.QueryRowContext(ctx, `SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, pg_is_in_recovery()`).Scan(&now, &recovers)
	})
	switch {
	case err != nil:
		return tier.Pulse{}, err
	case recovers:
		return tier.Pulse{}, errStandby
	}
	return tier.Pulse{Now: time.UnixMicro(now)}, nil
}

// lockKey is the key of the advisory lock for work on the table that one
// instance does at a time.
func (p *postgres) lockKey() int64 {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte("holdfast:" + p.table))
	return int64(hash.Sum64())
}

// purge removes up to limit entries of hours that are over. All of these have
// expired, so it looks at no other row. It removes none while another instance
// purges.
func (p *postgres) purge(ctx context.Context, limit int) (removed int, err error) {
	rows, err := p.change(ctx, p.texts.purge, p.lockKey(), limit)
	return int(rows), err
}

// migrate makes the table. Nothing but CREATE TABLE needs the permission to
// make one. So migrate does nothing if the table and its indexes exist. It
// waits the Timeout for the server's first answer. After that it may have to
// wait for another instance.
func (p *postgres) migrate(ctx context.Context) error {
	schema, bare, qualified := strings.Cut(p.table, ".")
	if !qualified {
		schema, bare = "", p.table
	}
	names := make([]any, 0, 3)
	for _, name := range []string{bare, bare + "_bucket", bare + "_tag"} {
		if qualified {
			name = schema + "." + name
		}
		names = append(names, quote(name))
	}
	limited, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	exist := false
	err := p.db.QueryRowContext(limited, `SELECT num_nulls(to_regclass($1::text), to_regclass($2::text), to_regclass($3::text)) = 0`, names...).Scan(&exist)
	if exist || err != nil {
		return classifyPostgres(err)
	}
	tx, err := p.db.BeginTx(ctx, nil)
	if err != nil {
		return classifyPostgres(err)
	}
	defer tx.Rollback()
	// Two instances that make one table at the same time would both fail.
	if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1::bigint)`, p.lockKey()); err != nil {
		return classifyPostgres(err)
	}
	for _, statement := range statements(PostgreSQL, p.table) {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return classifyPostgres(err)
		}
	}
	return classifyPostgres(tx.Commit())
}

func (p *postgres) close() {}
