package sqlstore_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	sqlstore "github.com/holdfast-go/holdfast/store/sql"
	"github.com/holdfast-go/holdfast/tier"
)

func noise(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	return string(b)
}

// eachOptions runs a test with each kind of database and with each way in which
// pgx sends arguments.
func eachOptions(t *testing.T, test func(t *testing.T, s *sqlstore.Store)) {
	for _, mode := range []string{"cache_statement", "exec", "simple_protocol"} {
		t.Run("PostgreSQL/"+mode, func(t *testing.T) {
			test(t, open(t, openURL(t, postgres(t)+"&default_query_exec_mode="+mode), sqlstore.PostgreSQL, sqlstore.Options{}))
		})
	}
	eachSQLite(t, func(t *testing.T, driver string) {
		test(t, open(t, openFile(t, driver, file(t)), sqlstore.SQLite, sqlstore.Options{}))
	})
}

// An ID or a value of any bytes stores what it stores, or is refused.
func TestHostile_bytes(t *testing.T) {
	eachOptions(t, func(t *testing.T, s *sqlstore.Store) {
		require.NoError(t, s.Set(background, "neighbour", []byte("1"), time.Hour))
		for _, id := range []string{
			"\x00", "a\x00b", "a", "\xff\xfe", "\xc3\x28", `'; DROP TABLE holdfast_sessions; --`, `\x6e`, `\`, "$1", "%", "é",
			strings.Repeat("\x00", 2000), noise(2000), noise(10_000), noise(cache.MaxIDLen), noise(cache.MaxIDLen + 1), "",
		} {
			value := []byte("\x00" + id + "\x00'")
			err := s.Set(background, id, value, time.Hour)
			if len(id) > 2000 || id == "" {
				if err != nil {
					require.True(t, errors.Is(err, tier.ErrRefused) || errors.Is(err, cache.ErrInvalid), err)
					require.Less(t, len(err.Error()), 300)
					continue
				}
			}
			require.NoError(t, err)
			for range 2 {
				require.NoError(t, s.Update(background, id, func(old []byte, found bool) (cache.Change, error) {
					require.Equal(t, value, old)
					return cache.Put(old, time.Hour), nil
				}))
				got, found, err := s.Get(background, id, holdfast.ReadFresh)
				require.NoError(t, err)
				require.True(t, found)
				require.Equal(t, value, got)
			}
			seen := 0
			for e, err := range s.ScanValues(background, value) {
				require.NoError(t, err)
				require.Equal(t, id, e.ID)
				seen++
			}
			require.Equal(t, 1, seen)
			require.NoError(t, remove(s, id))
		}
		value, found, err := s.Get(background, "neighbour", holdfast.ReadFresh)
		require.NoError(t, err)
		require.True(t, found)
		require.Equal(t, "1", string(value))
	})
}

// Statements of somebody who alters the table, and the write that they spoil.
// Such a write is refused, and an Update ends.
func TestHostile_table(t *testing.T) {
	set := func(s *sqlstore.Store) error { return s.Set(background, "new", []byte("2"), time.Hour) }
	put := func(id string) func(s *sqlstore.Store) error {
		return func(s *sqlstore.Store) error {
			return s.Update(background, id, func([]byte, bool) (cache.Change, error) { return cache.Put([]byte("2"), time.Hour), nil })
		}
	}
	get := func(s *sqlstore.Store) error {
		_, _, err := s.Get(background, "a", holdfast.ReadFresh)
		return err
	}
	const ignores = `CREATE FUNCTION ignore() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER x BEFORE INSERT OR UPDATE OR DELETE ON holdfast_sessions FOR EACH ROW EXECUTE FUNCTION ignore()`
	const ignoresLite = `CREATE TRIGGER x BEFORE INSERT ON holdfast_sessions BEGIN SELECT RAISE(IGNORE); END;
CREATE TRIGGER y BEFORE UPDATE ON holdfast_sessions BEGIN SELECT RAISE(IGNORE); END;
CREATE TRIGGER z BEFORE DELETE ON holdfast_sessions BEGIN SELECT RAISE(IGNORE); END`
	tests := []struct {
		postgres, sqlite, want string
		command                func(s *sqlstore.Store) error
	}{
		{"ALTER TABLE holdfast_sessions DROP COLUMN tag", "ALTER TABLE holdfast_sessions RENAME COLUMN tag TO x", "lacks a column", set},
		{"ALTER TABLE holdfast_sessions ALTER version TYPE text", "UPDATE holdfast_sessions SET version = 'x'", "not one of Schema", get},
		{"ALTER TABLE holdfast_sessions ALTER version TYPE int USING 1", "", "another type", set},
		{"ALTER TABLE holdfast_sessions ALTER version DROP NOT NULL; UPDATE holdfast_sessions SET version = NULL", "", "another type", get},
		{"ALTER TABLE holdfast_sessions ADD CHECK (value = '1')", "", "a constraint", set},
		{"ALTER TABLE holdfast_sessions DROP CONSTRAINT holdfast_sessions_pkey",
			"DROP TABLE holdfast_sessions; CREATE TABLE holdfast_sessions (id, value, version, expires, tag)", "not one of Schema", set},
		{"DROP TABLE holdfast_sessions; CREATE VIEW holdfast_sessions AS SELECT '1'::bytea AS id, '1'::bytea AS value, 1::bigint AS version, now() AS expires, '1'::bytea AS tag",
			"", "not one of Schema", set},
		{"DROP TABLE holdfast_sessions", "DROP TABLE holdfast_sessions", "Migrate", set},
		{ignores, ignoresLite, "ignored", set},
		{ignores, ignoresLite, "ignored", put("a")},
		{ignores, ignoresLite, "ignored", put("new")},
		{ignores, ignoresLite, "ignored", func(s *sqlstore.Store) error { return remove(s, "a") }},
	}
	run := func(t *testing.T, s *sqlstore.Store, exec func(string) error, statement, want string, command func(*sqlstore.Store) error) {
		require.NoError(t, s.Set(background, "a", []byte("1"), time.Hour))
		require.NoError(t, exec(statement))
		err := command(s)
		require.ErrorIs(t, err, tier.ErrRefused, statement)
		require.ErrorIs(t, err, holdfast.ErrUnavailable)
		require.ErrorContains(t, err, want)
	}
	o := sqlstore.Options{PurgeEvery: -1}
	t.Run("PostgreSQL", func(t *testing.T) {
		for i, test := range tests {
			db := openURL(t, postgres(t))
			o.Table = "holdfast_sessions"
			s := open(t, db, sqlstore.PostgreSQL, o)
			exec := func(statement string) error { _, err := db.Exec(statement); return err }
			t.Run(fmt.Sprint(i), func(t *testing.T) { run(t, s, exec, test.postgres, test.want, test.command) })
		}
	})
	eachSQLite(t, func(t *testing.T, driver string) {
		for i, test := range tests {
			if test.sqlite == "" {
				continue
			}
			db := openFile(t, driver, file(t))
			s := open(t, db, sqlstore.SQLite, o)
			exec := func(statement string) error { _, err := db.Exec(statement); return err }
			t.Run(fmt.Sprint(i), func(t *testing.T) { run(t, s, exec, test.sqlite, test.want, test.command) })
		}
	})
}

// A row of the version 0 is no entry. An Update replaces it.
func TestHostile_version(t *testing.T) {
	test := func(t *testing.T, s *sqlstore.Store, exec func(string) error) {
		require.NoError(t, s.Set(background, "a", []byte("1"), time.Hour))
		require.NoError(t, exec("UPDATE holdfast_sessions SET version = 0"))
		ctx, cancel := contextFor(patience)
		defer cancel()
		for range 2 {
			require.NoError(t, s.Update(ctx, "a", func([]byte, bool) (cache.Change, error) { return cache.Put([]byte("2"), time.Hour), nil }))
		}
		value, found, err := s.Get(ctx, "a", holdfast.ReadFresh)
		require.NoError(t, err)
		require.True(t, found)
		require.Equal(t, "2", string(value))
	}
	t.Run("PostgreSQL", func(t *testing.T) {
		db := openURL(t, postgres(t))
		test(t, open(t, db, sqlstore.PostgreSQL, sqlstore.Options{}), func(s string) error { _, err := db.Exec(s); return err })
	})
	eachSQLite(t, func(t *testing.T, driver string) {
		db := openFile(t, driver, file(t))
		test(t, open(t, db, sqlstore.SQLite, sqlstore.Options{}), func(s string) error { _, err := db.Exec(s); return err })
	})
}

// A file that is emptied, or whose WAL is overwritten, takes no write that the
// next process would not find.
func TestHostile_file(t *testing.T) {
	for name, harm := range map[string]func(file string) error{
		"emptied":         func(file string) error { return os.Truncate(file, 0) },
		"WAL emptied":     func(file string) error { return os.Truncate(file+"-wal", 0) },
		"WAL overwritten": func(file string) error { return os.WriteFile(file+"-wal", []byte(noise(20_000)), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			eachSQLite(t, func(t *testing.T, driver string) {
				file := file(t)
				s := open(t, openFile(t, driver, file), sqlstore.SQLite, sqlstore.Options{})
				for i := range 50 {
					require.NoError(t, s.Set(background, fmt.Sprint(i), make([]byte, 1000), time.Hour))
				}
				require.NoError(t, harm(file))
				var err error
				for began := time.Now(); err == nil; {
					err = s.Set(background, "a", []byte("1"), time.Hour)
					require.Less(t, time.Since(began), patience)
				}
				require.ErrorIs(t, err, holdfast.ErrUnavailable)
				soon(t, func() bool { return s.Stats().Away })
				require.ErrorIs(t, remove(s, "1"), holdfast.ErrUnavailable)
			})
		})
	}
}

// A Store is closed while it is used. Each command is carried out or fails, and
// what was acknowledged is there.
func TestHostile_close(t *testing.T) {
	test := func(t *testing.T, reopen func() *sqlstore.Store) {
		for range 5 {
			s := reopen()
			var counts [8]int
			for w := range counts {
				require.NoError(t, s.Set(background, fmt.Sprint(w), []byte("0"), time.Hour))
			}
			var group sync.WaitGroup
			ready := make(chan struct{}, len(counts))
			for w := range counts {
				group.Go(func() {
					for {
						_, err := increment(s, fmt.Sprint(w))
						if err == nil {
							counts[w]++
							_, _, err = s.Get(background, fmt.Sprint(w), holdfast.ReadFresh)
						}
						for _, failed := range s.ScanValues(background, nil) {
							err = errors.Join(err, failed)
						}
						if err != nil {
							if !errors.Is(err, holdfast.ErrUnavailable) {
								t.Errorf("%v", err)
							}
							return
						}
						select {
						case ready <- struct{}{}:
						default:
						}
					}
				})
			}
			for range counts {
				<-ready
			}
			require.NoError(t, s.Close())
			group.Wait()
			s = reopen()
			for w, n := range counts {
				stored, _ := counter(t, s, fmt.Sprint(w))
				require.GreaterOrEqual(t, stored, n)
			}
			require.NoError(t, s.Close())
		}
	}
	t.Run("PostgreSQL", func(t *testing.T) {
		db := openURL(t, postgres(t))
		test(t, func() *sqlstore.Store { return open(t, db, sqlstore.PostgreSQL, sqlstore.Options{}) })
	})
	eachSQLite(t, func(t *testing.T, driver string) {
		db := openFile(t, driver, file(t))
		test(t, func() *sqlstore.Store { return open(t, db, sqlstore.SQLite, sqlstore.Options{}) })
	})
}

// A command whose context has ended already says so, and harms no other.
func TestHostile_cancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(background)
	cancel()
	eachOptions(t, func(t *testing.T, s *sqlstore.Store) {
		require.NoError(t, s.Set(background, "a", []byte("1"), time.Hour))
		for range 20 {
			require.ErrorIs(t, s.Set(ctx, "a", []byte("2"), time.Hour), context.Canceled)
			_, err := s.Touch(ctx, "b", time.Hour)
			require.ErrorIs(t, err, context.Canceled)
			_, _, err = s.Database().Swap(ctx, "b", 0, 1, nil, time.Hour)
			require.ErrorIs(t, err, context.Canceled)
		}
		value, found, err := s.Get(background, "a", holdfast.ReadFresh)
		require.NoError(t, err)
		require.True(t, found)
		require.Equal(t, "1", string(value))
	})
}

// The application has taken all connections. That ends in an error, and once
// they are back, all goes on.
func TestHostile_pool(t *testing.T) {
	t.Run("PostgreSQL", func(t *testing.T) {
		db := openURL(t, postgres(t))
		db.SetMaxOpenConns(1)
		s := open(t, db, sqlstore.PostgreSQL, sqlstore.Options{Tier: tier.Options{Timeout: 2 * time.Second}})
		conn, err := db.Conn(background)
		require.NoError(t, err)
		require.ErrorIs(t, s.Set(background, "a", []byte("1"), time.Hour), holdfast.ErrUnavailable)
		soon(t, func() bool { return s.Stats().Away })
		require.NoError(t, conn.Close())
		soon(t, func() bool { return s.Set(background, "a", []byte("1"), time.Hour) == nil })
	})
	eachSQLite(t, func(t *testing.T, driver string) {
		db := openFile(t, driver, file(t))
		db.SetMaxOpenConns(6)
		conn, err := db.Conn(background)
		require.NoError(t, err)
		o := sqlstore.Options{Migrate: true, Tier: tier.Options{Timeout: 300 * time.Millisecond}}
		_, err = sqlstore.New(db, sqlstore.SQLite, o)
		require.ErrorIs(t, err, holdfast.ErrUnavailable)
		require.ErrorContains(t, err, "connections of the *sql.DB")
		require.NoError(t, conn.Close())
		require.NoError(t, open(t, db, sqlstore.SQLite, sqlstore.Options{}).Close())
	})
}
