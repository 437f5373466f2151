package sqlstore_test

import (
	"crypto/rand"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	sqlstore "github.com/holdfast-go/holdfast/store/sql"
)

// A table has 5,000 sessions of users with 4 or 8 each. HOLDFAST_LONG=200 makes
// a million of it.
func largeRows() int { return 5_000 * long() }

// tagOfUser is the tag of a user of the large table.
func tagOfUser(n int) []byte {
	return []byte{1, 'n', 'a', 'm', 'e', 's', byte(n >> 16), byte(n >> 8), byte(n) | 1}
}

const (
	fillPostgres = `INSERT INTO holdfast_sessions (id, value, version, expires, tag)
SELECT sha256(int4send(n)), tag || decode(repeat(md5(n::text), 12), 'hex'), n, now() + interval '1 hour' + random() * interval '1 day', tag
FROM (SELECT n, '\x016e616d6573'::bytea || substring(int4send((n / 4) | 1) FROM 2) AS tag FROM generate_series(0, $1 - 1) n) AS row`

	fillSQLite = `WITH RECURSIVE n(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < ?1 - 1)
INSERT INTO holdfast_sessions (id, value, version, expires, tag)
SELECT randomblob(32), tag || randomblob(200), n + 1, ?2 + n, tag
FROM (SELECT n, unhex(printf('016e616d6573%06x', (n / 4) | 1)) AS tag FROM n)`
)

// large returns a store with a large table.
func large(t testing.TB, dialect sqlstore.Dialect, db *sql.DB) *sqlstore.Store {
	t.Helper()
	_, err := db.Exec(sqlstore.Schema(dialect, ""))
	require.NoError(t, err)
	began := time.Now()
	if dialect == sqlstore.PostgreSQL {
		_, err = db.Exec(fillPostgres, largeRows())
	} else {
		_, err = db.Exec(fillSQLite, largeRows(), time.Now().Add(time.Hour).UnixNano())
	}
	require.NoError(t, err)
	t.Logf("%d sessions made in %v", largeRows(), time.Since(began).Round(time.Millisecond))
	return open(t, db, dialect, sqlstore.Options{PurgeEvery: -1})
}

// plan returns how the database carries out a statement.
func plan(t testing.TB, dialect sqlstore.Dialect, db interface {
	Query(string, ...any) (*sql.Rows, error)
}, text string, args ...any) string {
	t.Helper()
	if dialect == sqlstore.PostgreSQL {
		text = "EXPLAIN (ANALYZE) " + text
	} else {
		text = "EXPLAIN QUERY PLAN " + text
	}
	rows, err := db.Query(text, args...)
	require.NoError(t, err)
	defer rows.Close()
	columns, err := rows.Columns()
	require.NoError(t, err)
	var lines []string
	for rows.Next() {
		var line string
		dest := slices.Repeat([]any{new(any)}, len(columns))
		dest[len(dest)-1] = &line
		require.NoError(t, rows.Scan(dest...))
		lines = append(lines, line)
	}
	require.NoError(t, rows.Err())
	return strings.Join(lines, "\n")
}

// Users' sessions are found by an index, whether the database has gathered
// statistics or not.
func TestLarge_list(t *testing.T) {
	list := func(t *testing.T, dialect sqlstore.Dialect, db *sql.DB, index, page string) {
		s := large(t, dialect, db)
		tagged, paged, _ := sqlstore.Texts(dialect, "holdfast_sessions")
		for _, analyze := range []bool{false, true} {
			if analyze {
				_, err := db.Exec("ANALYZE")
				require.NoError(t, err)
			}
			args, pageArgs := []any{tagOfUser(5), []byte{}, 250}, []any{[]byte{}, 250}
			if dialect == sqlstore.PostgreSQL {
				args, pageArgs = []any{tagOfUser(5), []byte{}, tagOfUser(5), 250}, []any{[]byte{}, []byte{1}, 250}
			}
			got := plan(t, dialect, db, tagged, args...)
			require.Contains(t, got, index)
			if analyze {
				require.NotContains(t, got, "Sort")
				require.NotContains(t, got, "TEMP B-TREE")
			}
			t.Log(got)
			require.Contains(t, plan(t, dialect, db, paged, pageArgs...), page)
		}
		var times []time.Duration
		for n := range 500 {
			tag, found := tagOfUser(n*largeRows()/4/500), 0
			began := time.Now()
			for _, err := range s.ScanValues(background, tag) {
				require.NoError(t, err)
				found++
			}
			times = append(times, time.Since(began))
			require.Contains(t, []int{4, 8}, found) // the last bit of a user is 1
		}
		report(t, "listing the sessions of one user", times)
		began, all := time.Now(), 0
		for _, err := range s.ScanValues(background, nil) {
			require.NoError(t, err)
			all++
		}
		require.Equal(t, largeRows(), all)
		t.Logf("listing all: %v", time.Since(began).Round(time.Millisecond))
	}
	t.Run("PostgreSQL", func(t *testing.T) {
		db := openURL(t, postgres(t)+"&default_query_exec_mode=simple_protocol")
		list(t, sqlstore.PostgreSQL, db, "holdfast_sessions_tag", "holdfast_sessions_pkey")
		var sizes [4]string
		for i, name := range []string{"holdfast_sessions", "holdfast_sessions_pkey", "holdfast_sessions_tag", "holdfast_sessions_bucket"} {
			require.NoError(t, db.QueryRow("SELECT pg_size_pretty(pg_relation_size($1::text::regclass))", name).Scan(&sizes[i]))
		}
		t.Logf("table %s, primary key %s, index by tag %s, by bucket %s", sizes[0], sizes[1], sizes[2], sizes[3])
	})
	eachSQLite(t, func(t *testing.T, driver string) {
		list(t, sqlstore.SQLite, openFile(t, driver, file(t)), "holdfast_sessions_tag", "PRIMARY KEY (id>?)")
	})
}

func report(t testing.TB, what string, times []time.Duration) {
	t.Helper()
	slices.Sort(times)
	at := func(share float64) time.Duration {
		return times[int(share*float64(len(times)-1))].Round(time.Microsecond)
	}
	t.Logf("%s: median %v, 99 %% %v, longest %v of %d", what, at(0.5), at(0.99), at(1), len(times))
}

// Requests go on while half of the table is purged.
func TestLarge_purge(t *testing.T) {
	purge := func(t *testing.T, dialect sqlstore.Dialect, db *sql.DB, batch int, index string, expire func() (rows int)) {
		s := large(t, dialect, db)
		require.NoError(t, s.Close())
		expired := expire()
		s = open(t, db, dialect, sqlstore.Options{PurgeEvery: -1})
		_, _, text := sqlstore.Texts(dialect, "holdfast_sessions")
		tx, err := db.Begin()
		require.NoError(t, err)
		require.Contains(t, plan(t, dialect, tx, text, 1, batch), index)
		require.NoError(t, tx.Rollback())
		request := func() time.Duration {
			id := rand.Text()
			began := time.Now()
			require.NoError(t, s.Set(background, id, make([]byte, 200), time.Hour))
			_, found, err := s.Get(background, id, holdfast.ReadFresh)
			require.NoError(t, err)
			require.True(t, found)
			return time.Since(began)
		}
		var quiet, busy []time.Duration
		for range 300 {
			quiet = append(quiet, request())
		}
		report(t, "a write and a read, no purge", quiet)

		var done atomic.Bool
		removed, batches, began := 0, []time.Duration(nil), time.Now()
		go func() {
			defer done.Store(true)
			for {
				start := time.Now()
				n, err := s.Purge(batch)
				if err != nil {
					t.Errorf("Purge: %v", err)
				}
				batches = append(batches, time.Since(start))
				if removed += n; n < batch {
					return
				}
				time.Sleep(time.Since(start))
			}
		}()
		for !done.Load() {
			busy = append(busy, request())
		}
		require.Equal(t, expired, removed)
		t.Logf("%d removed in %v", removed, time.Since(began).Round(time.Millisecond))
		report(t, "one batch", batches)
		report(t, "a write and a read during the purge", busy)
		require.Equal(t, largeRows()-expired+len(quiet)+len(busy), stat(t, db, "SELECT count(*) FROM holdfast_sessions"))
	}
	t.Run("PostgreSQL", func(t *testing.T) {
		db := openURL(t, postgres(t)+"&default_query_exec_mode=simple_protocol")
		purge(t, sqlstore.PostgreSQL, db, 1000, "holdfast_sessions_bucket", func() int {
			result, err := db.Exec("UPDATE holdfast_sessions SET expires = expires - interval '2 days' WHERE version % 2 = 0")
			require.NoError(t, err)
			rows, err := result.RowsAffected()
			require.NoError(t, err)
			return int(rows)
		})
	})
	eachSQLite(t, func(t *testing.T, driver string) {
		db := openFile(t, driver, file(t))
		purge(t, sqlstore.SQLite, db, 100, "holdfast_sessions_expires", func() int {
			result, err := db.Exec(fmt.Sprint("UPDATE holdfast_sessions SET expires = ", time.Now().UnixNano(), " - version WHERE version % 2 = 0"))
			require.NoError(t, err)
			rows, err := result.RowsAffected()
			require.NoError(t, err)
			return int(rows)
		})
	})
}
