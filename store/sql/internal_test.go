package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/tier"
)

// stated is an error as drivers return it for a server's error. Its text has an
// argument of the statement.
type stated string

func (s stated) Error() string    { return "duplicate key: secret" }
func (s stated) SQLState() string { return string(s) }

func TestClassify_PostgreSQL(t *testing.T) {
	for state, want := range map[string]struct {
		refused bool
		text    string
	}{
		"53100": {true, "disk is full"},
		"42501": {true, "permission"},
		"42P01": {true, "Migrate"},
		"25006": {false, "read-only"},
		"57P03": {false, "57P03"},
		"XX000": {false, "XX000"},
	} {
		err := classifyPostgres(fmt.Errorf("secret: %w", stated(state)))
		require.Equal(t, want.refused, errors.Is(err, tier.ErrRefused), state)
		require.ErrorContains(t, err, want.text)
		require.NotContains(t, err.Error(), "secret")
	}
	err := classifyPostgres(errors.New("cannot encode secret"))
	require.NotContains(t, err.Error(), "secret")
	require.ErrorIs(t, classifyPostgres(fmt.Errorf("secret: %w", context.DeadlineExceeded)), context.DeadlineExceeded)
	require.NoError(t, classifyPostgres(nil))
}

func TestClassify_SQLite(t *testing.T) {
	for text, refused := range map[string]bool{
		"sqlite3: database or disk is full":                       true,
		"attempt to write a readonly database (8) secret":         true,
		"SQL logic error: no such table: holdfast_sessions (1)":   true,
		"database is locked (5) (SQLITE_BUSY): secret":            false,
		"database disk image is malformed: secret":                false,
		"something that this version of SQLite is new to: secret": false,
	} {
		err := classifySQLite(errors.New(text), "")
		require.Equal(t, refused, errors.Is(err, tier.ErrRefused), text)
		require.NotContains(t, err.Error(), "secret")
	}
}

// A statement that was not carried out is tried again until its context ends.
func TestTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, test := range []struct {
			err   error
			fails int
			calls int
			want  string
		}{
			{nil, 0, 1, ""},
			{stated("40P01"), 3, 4, ""},
			{stated("40001"), 20, 21, ""},
			{stated("57P01"), 20, 21, ""},
			{stated("40001"), 1000, 50, "40001"},
			{stated("57P01"), 1000, 50, "57P01"},
			{stated("53100"), 1000, 1, "53100"},
		} {
			ctx, cancel := context.WithCancel(t.Context())
			calls := 0
			err := new(postgres).try(ctx, func() error {
				if calls++; calls == 50 {
					cancel()
				}
				if calls <= test.fails {
					return test.err
				}
				return nil
			})
			cancel()
			require.Equal(t, test.calls, calls)
			if test.want == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, test.want)
			}
		}
	})
}

func TestTables(t *testing.T) {
	for table, dialects := range map[string][]Dialect{
		"sessions":                    {PostgreSQL, SQLite},
		"a.b":                         {PostgreSQL},
		"a.b.c":                       nil,
		"user":                        {PostgreSQL, SQLite},
		`a"; DROP TABLE b`:            nil,
		"Sessions":                    nil,
		strings.Repeat("x", 51):       nil,
		strings.Repeat("x", 50):       {PostgreSQL, SQLite},
		".sessions":                   nil,
		"sessions.":                   nil,
		"sessions\n":                  nil,
		strings.Repeat("x", 50) + ".": nil,
	} {
		for _, d := range []Dialect{PostgreSQL, SQLite} {
			err := checkTable(d, table)
			valid := false
			for _, allowed := range dialects {
				valid = valid || allowed == d
			}
			if valid {
				require.NoError(t, err, table)
				require.Contains(t, Schema(d, table), quote(table))
			} else {
				require.ErrorIs(t, err, holdfast.ErrOptions, "%s %q", d, table)
				require.Panics(t, func() { Schema(d, table) })
			}
		}
	}
	require.Contains(t, Schema(SQLite, ""), `"holdfast_sessions"`)
	require.Panics(t, func() { Schema(0, "") })
}

func TestOptions(t *testing.T) {
	db := sql.OpenDB(nil)
	for name, test := range map[string]struct {
		db      *sql.DB
		dialect Dialect
		options Options
		want    string
	}{
		"no db":      {nil, PostgreSQL, Options{}, "nil"},
		"no dialect": {db, 0, Options{}, "dialect is 0"},
		"table":      {db, PostgreSQL, Options{Table: "a b"}, `"a b"`},
		"batch":      {db, PostgreSQL, Options{PurgeBatch: -1}, "-1"},
		"tier":       {db, PostgreSQL, Options{Tier: tier.Options{Timeout: -1}}, "Timeout"},
		"listen": {db, SQLite, Options{Listen: func(context.Context, string, func(string)) error { return nil }},
			"SQLite needs none"},
	} {
		_, err := New(test.db, test.dialect, test.options)
		require.ErrorIs(t, err, holdfast.ErrOptions, name)
		require.ErrorContains(t, err, test.want, name)
	}
}

// The tests with a real database have more time.
func TestOptions_Timeout(t *testing.T) {
	for dialect, want := range map[Dialect]time.Duration{PostgreSQL: time.Second, SQLite: 5 * time.Second} {
		o, err := Options{}.withDefaults(dialect)
		require.NoError(t, err)
		require.Equal(t, want, o.Tier.Timeout)
		o, err = Options{Tier: tier.Options{Timeout: time.Hour}}.withDefaults(dialect)
		require.NoError(t, err)
		require.Equal(t, time.Hour, o.Tier.Timeout)
	}
}

// Database is the Database of a Store, for tests of it alone.
func (s *Store) Database() tier.Database { return s.database }

// Purge removes one batch.
func (s *Store) Purge(limit int) (removed int, err error) {
	return s.database.purge(context.Background(), limit)
}

// LockKey is the key of the advisory lock for a purge.
func (s *Store) LockKey() int64 { return s.database.(*postgres).lockKey() }

// Texts returns the statements that list the sessions of a user, and all, and
// the one that removes those that have expired.
func Texts(dialect Dialect, table string) (tagged, page, purge string) {
	if dialect == PostgreSQL {
		texts := newPostgres(nil, Options{Table: table}).texts
		return texts.tagged, texts.page, texts.purge
	}
	var texts sqliteTexts
	texts.prepare(table)
	return texts.tagged, texts.page, texts.purge
}
