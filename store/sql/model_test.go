package sqlstore_test

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	sqlstore "github.com/holdfast-go/holdfast/store/sql"
	"github.com/holdfast-go/holdfast/tier"
)

// increment adds 1 to a counter that exists, and reports whether it does.
func increment(s *sqlstore.Store, id string) (exists bool, err error) {
	err = s.Update(background, id, func(old []byte, found bool) (cache.Change, error) {
		if exists = found; !found {
			return cache.Keep(), nil
		}
		n, err := strconv.Atoi(string(old))
		return cache.Put([]byte(strconv.Itoa(n+1)), time.Hour), err
	})
	return exists, err
}

func remove(s *sqlstore.Store, id string) error {
	return s.Update(background, id, func([]byte, bool) (cache.Change, error) { return cache.Remove(), nil })
}

func counter(t testing.TB, s *sqlstore.Store, id string) (n int, found bool) {
	t.Helper()
	value, found, err := s.Get(background, id, holdfast.ReadFresh)
	require.NoError(t, err)
	if found {
		n, err = strconv.Atoi(string(value))
		require.NoError(t, err)
	}
	return n, found
}

// model lets all stores change a few counters at the same time. Half of the
// counters are removed once, in the middle. No step may be lost, no counter may
// come back, and no read may go back in time.
func model(t *testing.T, stores []*sqlstore.Store, steps int) {
	t.Helper()
	const counters, workers = 6, 4
	var want [counters]atomic.Int64
	var removed [counters]atomic.Bool
	ids := make([]string, counters)
	for i := range ids {
		ids[i] = fmt.Sprint("counter ", i, rand.Uint64())
		require.NoError(t, stores[0].Set(background, ids[i], []byte("0"), time.Hour))
	}
	var group sync.WaitGroup
	for w := range workers * len(stores) {
		s, seed := stores[w%len(stores)], rand.Uint64()
		group.Go(func() {
			r := rand.New(rand.NewPCG(seed, 0))
			seen := [counters]int{}
			for step := range steps {
				i := r.IntN(counters)
				wasRemoved := removed[i].Load()
				switch choice := r.IntN(10); {
				case w == 0 && step == steps/2:
					for i := range counters / 2 {
						if err := remove(s, ids[i]); err != nil {
							t.Errorf("remove: %v", err)
						}
						removed[i].Store(true)
					}
				case choice < 5:
					exists, err := increment(s, ids[i])
					if err != nil || exists && wasRemoved {
						t.Errorf("increment: %v, found %v after its removal", err, exists)
					}
					if exists {
						want[i].Add(1)
					}
				case choice < 6:
					found, err := s.Touch(background, ids[i], time.Hour)
					if err != nil {
						t.Errorf("touch: %v, found %v", err, found)
					}
				default:
					how := []holdfast.ReadMode{holdfast.ReadUse, holdfast.ReadFresh}[r.IntN(2)]
					value, found, err := s.Get(background, ids[i], how)
					n, _ := strconv.Atoi(string(value))
					if err != nil || found && (wasRemoved || n < seen[i]) {
						t.Errorf("read: %v, %d after %d, found %v, removed before %v", err, n, seen[i], found, wasRemoved)
					}
					seen[i] = max(seen[i], n)
				}
			}
		})
	}
	group.Wait()
	for i, id := range ids {
		for _, s := range stores {
			n, found := counter(t, s, id)
			require.Equal(t, i >= counters/2, found)
			if found {
				require.EqualValues(t, want[i].Load(), n)
			}
		}
	}
	for _, s := range stores {
		require.Zero(t, s.Stats().Mismatches)
	}
}

// HOLDFAST_LONG multiplies the steps.
func TestModel(t *testing.T) {
	steps := 100 * long()
	for _, mode := range modes {
		o := sqlstore.Options{Tier: tier.Options{Mode: mode}}
		t.Run("PostgreSQL/"+mode.String(), func(t *testing.T) {
			url := postgres(t)
			model(t, openAll(t, url, 3, o), steps)
		})
		for name, driver := range sqliteDrivers {
			t.Run(name+"/"+mode.String(), func(t *testing.T) {
				model(t, []*sqlstore.Store{open(t, openFile(t, driver, file(t)), sqlstore.SQLite, o)}, steps)
			})
		}
	}
}

// openAll returns stores that are on one database and share nothing else.
func openAll(t testing.TB, url string, n int, o sqlstore.Options) (stores []*sqlstore.Store) {
	t.Helper()
	for range n {
		stores = append(stores, open(t, openURL(t, url), sqlstore.PostgreSQL, o))
	}
	return stores
}

func stat(t testing.TB, db *sql.DB, query string, args ...any) (n int) {
	t.Helper()
	require.NoError(t, db.QueryRow(query, args...).Scan(&n))
	return n
}

// A server whose transactions are serializable by default refuses some of them.
// They are tried again.
func TestModel_serializable(t *testing.T) {
	url := postgres(t)
	db := openURL(t, url)
	stores := openAll(t, url+"&default_transaction_isolation=serializable", 3, sqlstore.Options{})
	model(t, stores, 100*long())
	soon(t, func() bool {
		return stat(t, db, "SELECT xact_rollback FROM pg_stat_database WHERE datname = current_database()") > 0
	}, "no transaction was refused, so nothing was tested")
}
