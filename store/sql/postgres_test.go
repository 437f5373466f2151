package sqlstore_test

import (
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/internal/faultproxy"
	"github.com/holdfast-go/holdfast/internal/testserver"
	sqlstore "github.com/holdfast-go/holdfast/store/sql"
	"github.com/holdfast-go/holdfast/tier"
)

// An update that changes no index leaves the new row on the old one's page.
// With an index on expires, none does.
func TestPostgres_HOT(t *testing.T) {
	db := openURL(t, postgres(t))
	s := open(t, db, sqlstore.PostgreSQL, sqlstore.Options{Tier: tier.Options{TouchEvery: -1}})
	share := func(table string) float64 {
		t.Helper()
		const sessions, rounds = 100, 40
		updates := func() (all, hot int) {
			require.NoError(t, db.QueryRow(`SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = $1`, table).Scan(&all, &hot))
			return all, hot
		}
		allBefore, hotBefore := updates()
		for i := range sessions {
			require.NoError(t, s.Set(background, fmt.Sprint(i), tagged(byte(i), "0"), 24*time.Hour))
		}
		for round := range rounds {
			for i := range sessions {
				if round%2 == 0 {
					require.NoError(t, s.Set(background, fmt.Sprint(i), tagged(byte(i), fmt.Sprint(round)), 24*time.Hour))
				} else {
					found, err := s.Touch(background, fmt.Sprint(i), 24*time.Hour)
					require.NoError(t, err)
					require.True(t, found)
				}
			}
		}
		soon(t, func() bool { all, _ := updates(); return all-allBefore >= sessions*rounds })
		all, hot := updates()
		return float64(hot-hotBefore) / float64(all-allBefore)
	}
	hot := share("holdfast_sessions")
	t.Logf("%.1f %% of the updates are HOT", 100*hot)
	// If an hour ends meanwhile, each row changes its bucket once.
	require.Greater(t, hot, 0.9)
	_, err := db.Exec("CREATE INDEX ON holdfast_sessions (expires)")
	require.NoError(t, err)
	require.Less(t, share("holdfast_sessions"), 0.1)
}

// Instances that start at the same time make the table together.
func TestPostgres_Migrate(t *testing.T) {
	url := postgres(t)
	admin := openURL(t, url)
	_, err := admin.Exec("CREATE SCHEMA site")
	require.NoError(t, err)
	for _, table := range []string{"", "site.user"} {
		var group sync.WaitGroup
		for range 5 {
			group.Go(func() {
				s, err := sqlstore.New(openURL(t, url), sqlstore.PostgreSQL, sqlstore.Options{Table: table, Migrate: true, Tier: patient})
				if err != nil {
					t.Errorf("New: %v", err)
					return
				}
				defer s.Close()
				if err := s.Set(background, "a", []byte("1"), time.Hour); err != nil {
					t.Errorf("Set: %v", err)
				}
			})
		}
		group.Wait()
	}
	_, err = admin.Exec(sqlstore.Schema(sqlstore.PostgreSQL, "site.user"))
	require.NoError(t, err, "the statements may run again")

	// A user who may use the table, but not make one.
	_, err = admin.Exec(`CREATE ROLE clerk LOGIN; GRANT USAGE ON SCHEMA site TO clerk;
GRANT SELECT, INSERT, UPDATE, DELETE ON site.user TO clerk`)
	require.NoError(t, err)
	clerk := openURL(t, strings.Replace(url, "postgres@", "clerk@", 1))
	s := open(t, clerk, sqlstore.PostgreSQL, sqlstore.Options{Table: "site.user"})
	n, err := s.Purge(1000)
	require.NoError(t, err)
	require.Zero(t, n)
	_, err = increment(s, "b")
	require.NoError(t, err)
	_, err = sqlstore.New(clerk, sqlstore.PostgreSQL, sqlstore.Options{Table: "site.other", Migrate: true, Tier: patient})
	require.ErrorIs(t, err, tier.ErrRefused)
	require.ErrorIs(t, err, holdfast.ErrUnavailable)
	s = open(t, clerk, sqlstore.PostgreSQL, sqlstore.Options{Table: "site.user"})
	_, err = admin.Exec("REVOKE UPDATE ON site.user FROM clerk")
	require.NoError(t, err)
	require.ErrorIs(t, s.Set(background, "a", []byte("1"), time.Hour), tier.ErrRefused)
}

func TestPostgres_no_table(t *testing.T) {
	s, err := sqlstore.New(openURL(t, postgres(t)), sqlstore.PostgreSQL, sqlstore.Options{Tier: patient})
	require.NoError(t, err)
	defer s.Close()
	_, _, err = s.Get(background, "secret", holdfast.ReadUse)
	require.ErrorIs(t, err, holdfast.ErrUnavailable)
	require.ErrorIs(t, err, tier.ErrRefused)
	require.ErrorContains(t, err, "Options.Migrate")
	require.NotContains(t, err.Error(), "secret")
	require.False(t, s.Stats().Away, "other tables may exist")
}

// New works while the server is away, and the Store works once it is there.
func TestPostgres_away(t *testing.T) {
	server := testserver.Run(t, testserver.Postgres, "fsync = off")
	url := newDatabase(t, server)
	require.NoError(t, open(t, openURL(t, url), sqlstore.PostgreSQL, sqlstore.Options{}).Close())
	require.NoError(t, server.Stop())

	_, err := sqlstore.New(openURL(t, url), sqlstore.PostgreSQL, sqlstore.Options{Migrate: true, Tier: patient})
	require.ErrorIs(t, err, holdfast.ErrUnavailable)
	s, err := sqlstore.New(openURL(t, url), sqlstore.PostgreSQL, sqlstore.Options{Tier: patient})
	require.NoError(t, err)
	defer s.Close()
	_, _, err = s.Get(background, "a", holdfast.ReadUse)
	require.ErrorIs(t, err, holdfast.ErrUnavailable)
	require.NotErrorIs(t, err, tier.ErrRefused)
	for _, err := range s.ScanValues(background, nil) {
		require.ErrorIs(t, err, holdfast.ErrUnavailable)
	}
	require.NoError(t, server.Restart())
	soon(t, func() bool { return s.Set(background, "a", []byte("1"), time.Hour) == nil })
}

// A server that takes no writes is no place to read from either.
func TestPostgres_standby(t *testing.T) {
	server := testserver.Run(t, testserver.Postgres, "fsync = off")
	url := newDatabase(t, server)
	db := openURL(t, url)
	s := open(t, db, sqlstore.PostgreSQL, sqlstore.Options{})
	require.NoError(t, s.Set(background, "a", []byte("1"), time.Hour))
	var folder string
	require.NoError(t, db.QueryRow("SHOW data_directory").Scan(&folder))
	signal := filepath.Join(folder, "standby.signal")
	require.NoError(t, os.WriteFile(signal, nil, 0o644))
	require.NoError(t, server.Restart())
	soon(t, func() bool { return s.Stats().Away })
	_, _, err := s.Get(background, "a", holdfast.ReadUse)
	require.ErrorIs(t, err, holdfast.ErrUnavailable)
	soon(t, func() bool {
		_, err := s.Database().Pulse(background)
		return err != nil && strings.Contains(err.Error(), "standby")
	})

	require.NoError(t, server.Stop())
	require.NoError(t, os.Remove(signal))
	require.NoError(t, server.Restart())
	soon(t, func() bool { _, found, err := s.Get(background, "a", holdfast.ReadUse); return found && err == nil })
}

// A server may be set to take no writes, when its disk is almost full for
// example. That is not for ever, so it is no refusal.
func TestPostgres_read_only(t *testing.T) {
	address := postgres(t)
	s := open(t, openURL(t, address), sqlstore.PostgreSQL, sqlstore.Options{})
	require.NoError(t, s.Set(background, "a", []byte("1"), time.Hour))
	s = open(t, openURL(t, address+"&default_transaction_read_only=on"), sqlstore.PostgreSQL, sqlstore.Options{})
	err := s.Set(background, "a", []byte("2"), time.Hour)
	require.ErrorIs(t, err, holdfast.ErrUnavailable)
	require.NotErrorIs(t, err, tier.ErrRefused)
	require.ErrorContains(t, err, "read-only")
	require.ErrorIs(t, remove(s, "a"), holdfast.ErrUnavailable)
	value, found, err := s.Get(background, "a", holdfast.ReadUse)
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, "1", string(value))
}

// The reply to a commit is lost with the connection. The second attempt finds
// that the first one has succeeded.
func TestPostgres_lost_reply(t *testing.T) {
	t.Parallel()
	server := testserver.Run(t, testserver.Postgres, "fsync = off")
	address := newDatabase(t, server)
	proxy, err := faultproxy.New(server.Addr())
	require.NoError(t, err)
	defer proxy.Close()
	db := openURL(t, strings.Replace(address, server.Addr(), proxy.Addr(), 1))
	db.SetMaxOpenConns(1)
	// A pulse without a reply would let commands fail at once.
	s := open(t, db, sqlstore.PostgreSQL, sqlstore.Options{Tier: tier.Options{MaxStale: time.Hour, Timeout: 2 * time.Second}})
	direct := open(t, openURL(t, address), sqlstore.PostgreSQL, sqlstore.Options{})
	for i := range 3 {
		id := strconv.Itoa(i)
		require.NoError(t, s.Set(background, id, []byte("0"), time.Hour))
		_, err := increment(s, id) // so that the statement is prepared
		require.NoError(t, err)
		proxy.Swallow(faultproxy.ToClient, true)
		before := proxy.Received(faultproxy.ToClient)
		done := make(chan error)
		go func() {
			_, err := increment(s, id)
			done <- err
		}()
		soon(t, func() bool { return proxy.Received(faultproxy.ToClient) > before })
		n, _ := counter(t, direct, id)
		require.Equal(t, 2, n, "the server has carried out the command whose reply is lost")
		proxy.Swallow(faultproxy.ToClient, false)
		require.NoError(t, <-done)
		n, _ = counter(t, direct, id)
		require.Equal(t, 2, n)
	}
}

// The server is stopped and killed while three instances append words. Each
// word that was acknowledged is there, and none is there twice.
func TestPostgres_restarts(t *testing.T) {
	t.Parallel()
	server := testserver.Run(t, testserver.Postgres, "fsync = off")
	stores := openAll(t, newDatabase(t, server), 3, sqlstore.Options{
		Tier: tier.Options{MaxStale: 100 * time.Millisecond, Logger: slog.New(slog.DiscardHandler)},
	})
	const lists, workers = 4, 12
	for i := range lists {
		require.NoError(t, stores[0].Set(background, strconv.Itoa(i), nil, time.Hour))
	}
	var acknowledged [workers][]string
	var done, failed atomic.Int64
	stop := make(chan struct{})
	var group sync.WaitGroup
	for w := range workers {
		s, id := stores[w%len(stores)], strconv.Itoa(w%lists)
		group.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				word, lost := fmt.Sprintf("%d.%d", w, n), false
				err := s.Update(background, id, func(old []byte, found bool) (cache.Change, error) {
					lost = !found
					return cache.Put(fmt.Appendf(old, "%s ", word), time.Hour), nil
				})
				switch {
				case lost:
					t.Error("a session is lost")
				case err == nil:
					acknowledged[w] = append(acknowledged[w], word)
					done.Add(1)
				case errors.Is(err, holdfast.ErrUnavailable):
					failed.Add(1)
					time.Sleep(time.Millisecond)
				default:
					t.Errorf("Update: %v", err)
				}
			}
		})
	}
	progress := func() {
		t.Helper()
		before := done.Load()
		soon(t, func() bool { return done.Load() > before+100 })
	}
	for range 2 {
		progress()
		require.NoError(t, server.Restart())
		progress()
		require.NoError(t, server.Kill())
		require.NoError(t, server.Restart())
	}
	progress()
	close(stop)
	group.Wait()
	stored := make(map[string]int)
	for i := range lists {
		var value []byte
		var found bool
		soon(t, func() bool { // that instance may not have made progress yet
			var err error
			value, found, err = stores[i%len(stores)].Get(background, strconv.Itoa(i), holdfast.ReadFresh)
			return err == nil
		})
		require.True(t, found)
		for word := range strings.FieldsSeq(string(value)) {
			stored[word]++
		}
	}
	for _, words := range acknowledged {
		for _, word := range words {
			require.Equal(t, 1, stored[word], word)
		}
	}
	for word, n := range stored {
		require.Equal(t, 1, n, word)
	}
	t.Logf("%d words acknowledged, %d without, %d stored", done.Load(), failed.Load(), len(stored))
}

// The server ends all connections, as at each restart. No command fails because
// it gets one of them.
func TestPostgres_connections_end(t *testing.T) {
	address := postgres(t)
	admin := openURL(t, address)
	s := open(t, openURL(t, address+"&application_name=pool"), sqlstore.PostgreSQL, sqlstore.Options{})
	for range 5 {
		var group sync.WaitGroup
		for i := range 16 {
			group.Go(func() {
				if err := s.Set(background, strconv.Itoa(i), []byte("0"), time.Hour); err != nil {
					t.Errorf("Set: %v", err)
				}
			})
		}
		group.Wait()
		ended := stat(t, admin, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'pool'")
		require.NotZero(t, ended)
		require.NoError(t, s.Database().Set(background, "a", 1, nil, time.Hour))
	}
}

// expire lets all entries whose ID begins with prefix end some time ago.
func expire(t testing.TB, db *sql.DB, prefix string, ago time.Duration) {
	t.Helper()
	_, err := db.Exec(`UPDATE holdfast_sessions SET expires = now() - $1 * interval '1 second' WHERE substring(id FROM 1 FOR octet_length($2::bytea)) = $2::bytea`,
		ago.Seconds(), []byte(prefix))
	require.NoError(t, err)
}

func TestPostgres_purge(t *testing.T) {
	address := postgres(t)
	db := openURL(t, address)
	s := open(t, db, sqlstore.PostgreSQL, sqlstore.Options{PurgeEvery: -1})
	rows := func() int { return stat(t, db, "SELECT count(*) FROM holdfast_sessions") }
	purge := func(limit, want int) {
		t.Helper()
		n, err := s.Purge(limit)
		require.NoError(t, err)
		require.Equal(t, want, n)
	}
	for i := range 50 {
		require.NoError(t, s.Set(background, fmt.Sprint("old ", i), []byte("1"), time.Hour))
	}
	require.NoError(t, s.Set(background, "live", []byte("1"), time.Hour))
	purge(1000, 0)
	expire(t, db, "old", 2*time.Hour)
	purge(20, 20)
	require.Equal(t, 31, rows())

	// Another instance purges.
	tx, err := db.Begin()
	require.NoError(t, err)
	_, err = tx.Exec("SELECT pg_advisory_xact_lock($1::bigint)", s.LockKey())
	require.NoError(t, err)
	purge(20, 0)
	require.NoError(t, tx.Rollback())

	// A row in use is left for the next time, and nobody waits.
	tx, err = db.Begin()
	require.NoError(t, err)
	_, err = tx.Exec("SELECT FROM holdfast_sessions WHERE expires < now() LIMIT 1 FOR UPDATE")
	require.NoError(t, err)
	purge(1000, 29)
	require.NoError(t, tx.Rollback())
	purge(1000, 1)
	require.Equal(t, 1, rows())

	// An entry of this hour is not purged yet, and not found either.
	require.NoError(t, s.Set(background, "now", []byte("1"), time.Millisecond))
	time.Sleep(5 * time.Millisecond)
	purge(1000, 0)
	require.Zero(t, read(t, s.Database(), "now", 0))
}

// The Store purges by itself, all batches.
func TestPostgres_purges(t *testing.T) {
	address := postgres(t)
	db := openURL(t, address)
	for _, s := range openAll(t, address, 2, sqlstore.Options{PurgeEvery: 10 * time.Millisecond, PurgeBatch: 10}) {
		require.NoError(t, s.Set(background, "live", []byte("1"), time.Hour))
	}
	_, err := db.Exec(`INSERT INTO holdfast_sessions (id, value, version, expires) SELECT decode(lpad(to_hex(n), 8, '0'), 'hex'), '', 1, now() - interval '3 hours' FROM generate_series(1, 95) n`)
	require.NoError(t, err)
	soon(t, func() bool { return stat(t, db, "SELECT count(*) FROM holdfast_sessions") == 1 })
}

// Entries begin and end all the time. A swap that loses to them is not taken for
// a write that the table ignores.
func TestPostgres_contended_swap(t *testing.T) {
	s := open(t, openURL(t, postgres(t)), sqlstore.PostgreSQL, sqlstore.Options{Tier: tier.Options{Mode: tier.Direct}})
	var group sync.WaitGroup
	for worker := range 16 {
		group.Go(func() {
			for range 400 {
				if worker%2 == 0 {
					_, err := s.Touch(background, "a", 0)
					assert.NoError(t, err)
					continue
				}
				err := s.Update(background, "a", func([]byte, bool) (cache.Change, error) { return cache.Put([]byte("1"), time.Hour), nil })
				assert.NoError(t, err)
			}
		})
	}
	group.Wait()
}
