package redisstore_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/internal/testserver"
	redisstore "github.com/holdfast-go/holdfast/store/redis"
	"github.com/holdfast-go/holdfast/tier"
)

// The model: several stores, several goroutines on each, random operations on a
// few IDs that all of them use. It knows what each operation may return:
//
//   - A counter is only incremented. So each value that a store returns is at
//     least the greatest that the store had returned before the call began, and
//     the last value is the number of increments.
//   - A session is created, changed and removed. Its number is never used
//     again. Once it was removed, no call that begins later finds it: on the
//     store that removed it, in Update, and in ReadFresh. Other local copies
//     have MaxStale.
//   - At the end, when all notifications have arrived, all copies are right.
const (
	modelStores   = 3
	modelWorkers  = 4 // of each store
	modelCounters = 8
	modelSessions = 8
)

type model struct {
	stores   []*redisstore.Store
	mode     tier.Mode
	began    time.Time
	counters [modelCounters]atomic.Int64              // increments
	seen     [modelStores][modelCounters]atomic.Int64 // the greatest value
	created  atomic.Int64                             // the latest number of a session
	removed  sync.Map                                 // number: removal
	calls    atomic.Int64
	mu       sync.Mutex
	broken   map[string]int // what was broken, and how often
}

type removal struct {
	store int
	at    time.Duration // since the beginning; after the removal had returned
}

func (m *model) breaks(rule string, args ...any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.broken[rule]++; m.broken[rule] == 1 {
		m.broken[rule+": "+fmt.Sprint(args...)] = 1
	}
}

func atLeast(a *atomic.Int64, n int64) {
	for old := a.Load(); old < n && !a.CompareAndSwap(old, n); old = a.Load() {
	}
}

// run runs operations and returns what was broken. Only faults that the caller
// has caused can break something.
func (m *model) run(t *testing.T, operations int) map[string]int {
	m.broken = map[string]int{}
	m.began = time.Now()
	var group sync.WaitGroup
	for store := range m.stores {
		for range modelWorkers {
			group.Go(func() {
				for range operations / modelStores / modelWorkers {
					m.operation(t.Context(), store)
				}
			})
		}
	}
	group.Wait()
	m.quiesce(t)
	return m.broken
}

// A touch costs a further command if the first bytes of a value have changed.
const counterPrefix = "a counter: "

func counterOf(value []byte) int64 {
	return int64(number(strings.TrimPrefix(string(value), counterPrefix)))
}

func (m *model) operation(ctx context.Context, store int) {
	s := m.stores[store]
	m.calls.Add(1)
	how := []holdfast.ReadMode{holdfast.ReadUse, holdfast.ReadPeek, holdfast.ReadFresh}[rand.IntN(3)]
	if counter := rand.IntN(modelCounters + modelSessions); counter < modelCounters {
		id, floor := fmt.Sprint("counter ", counter), m.seen[store][counter].Load()
		var value []byte
		var err error
		switch rand.IntN(10) {
		case 0, 1, 2:
			err = s.Update(ctx, id, func(old []byte, _ bool) (change, error) {
				value = fmt.Append([]byte(counterPrefix), counterOf(old)+1)
				return cache.Put(value, time.Hour), nil
			})
			m.counters[counter].Add(1)
			floor++
		case 3:
			_, err = s.Touch(ctx, id, time.Hour)
			value = fmt.Append([]byte(counterPrefix), floor)
		default:
			value, _, err = s.Get(ctx, id, how)
		}
		if err != nil {
			m.breaks("error", err)
		}
		if n := counterOf(value); n < floor {
			m.breaks("monotonic", n, " after ", floor, ", mode ", how)
		} else {
			atLeast(&m.seen[store][counter], n)
		}
		return
	}
	m.session(ctx, store, fmt.Sprint("session ", rand.IntN(modelSessions)), how)
}

// session is an operation on a session: "session number 7 +++", with a plus for
// each change.
func (m *model) session(ctx context.Context, store int, id string, how holdfast.ReadMode) {
	s, began := m.stores[store], time.Since(m.began)
	var found string
	var err error
	fresh := how == holdfast.ReadFresh || m.mode != tier.Cached
	switch n := rand.IntN(10); {
	case n < 2: // create, unless there is one
		fresh = true
		err = s.Update(ctx, id, func(old []byte, exists bool) (change, error) {
			if found = string(old); exists {
				return keep, nil
			}
			return cache.Put(fmt.Append(nil, "session number ", m.created.Add(1), " "), time.Hour), nil
		})
	case n < 4: // change
		fresh = true
		err = s.Update(ctx, id, func(old []byte, exists bool) (change, error) {
			if found = string(old); !exists || len(old) > 500 {
				return keep, nil
			}
			return cache.Put(append(old, '+'), time.Hour), nil
		})
	case n == 4: // remove
		fresh = true
		err = s.Update(ctx, id, func(old []byte, exists bool) (change, error) {
			found = string(old)
			return cache.Remove(), nil
		})
		if err == nil && found != "" {
			m.check(store, found, began, true)
			m.removed.LoadOrStore(session(found), removal{store, time.Since(m.began)})
			return
		}
	case n == 5:
		_, err = s.Touch(ctx, id, time.Hour)
	default:
		var value []byte
		value, _, err = s.Get(ctx, id, how)
		found = string(value)
	}
	if err != nil {
		m.breaks("error", err)
	}
	m.check(store, found, began, fresh)
}

func session(value string) string {
	number, _, _ := strings.Cut(strings.TrimPrefix(value, "session number "), " ")
	return number
}

// check notes a session that a call found although it had been removed before.
func (m *model) check(store int, value string, began time.Duration, fresh bool) {
	r, ok := m.removed.Load(session(value))
	if !ok {
		return
	}
	since := began - r.(removal).at
	if since > 0 && (fresh || r.(removal).store == store || since > time.Second) {
		m.breaks("resurrection", "found ", since, " after its removal; fresh ", fresh)
	}
}

// quiesce waits until all notifications have arrived, and compares all copies
// with the server.
func (m *model) quiesce(t *testing.T) {
	// The answer to a read comes after the notifications of earlier writes.
	for _, s := range m.stores {
		_, _, err := s.Get(t.Context(), "nothing", holdfast.ReadFresh)
		require.NoError(t, err)
	}
	for store, s := range m.stores {
		for n := range modelCounters + modelSessions {
			id := fmt.Sprint("counter ", n)
			if n >= modelCounters {
				id = fmt.Sprint("session ", n-modelCounters)
			}
			local, truth := get(t, s, id, holdfast.ReadUse), get(t, s, id, holdfast.ReadFresh)
			if local != truth {
				m.breaks("stale for good", "store ", store, " has ", local, ", the server ", truth)
			}
			if n >= modelCounters {
				m.check(store, truth, time.Since(m.began), true)
			} else if counterOf([]byte(truth)) != m.counters[n].Load() {
				m.breaks("counter", truth, " after ", m.counters[n].Load())
			}
		}
	}
}

func modelOf(t *testing.T, server *testserver.Server, mode tier.Mode, database func(tier.Database) tier.Database, listener func(tier.Listener) tier.Listener) *model {
	m := &model{mode: mode}
	for range modelStores {
		s, err := redisstore.NewWith(options(server.Addr(), check, patient, in(mode)), database, listener)
		require.NoError(t, err)
		t.Cleanup(func() { _ = s.Close() })
		m.stores = append(m.stores, s)
	}
	return m
}

// HOLDFAST_LONG multiplies the operations.
func TestModel(t *testing.T) {
	t.Parallel()
	eachModeAtOnce(t, func(t *testing.T, server *testserver.Server, mode tier.Mode) {
		m := modelOf(t, server, mode, nil, nil)
		do(t, server, "CONFIG", "RESETSTAT")
		broken := m.run(t, long(20_000))
		require.Empty(t, broken)

		// Each command that the stores have counted is one at the server.
		var sum tier.Stats
		for _, s := range m.stores {
			stats := s.Stats()
			require.Zero(t, stats.Mismatches)
			require.Zero(t, stats.Unavailable)
			sum.Hits += stats.Hits
			sum.Misses += stats.Misses + stats.Verified
			sum.OwnWrites += stats.OwnWrites
			sum.Conflicts += stats.Conflicts
			sum.Touches += stats.Touches
		}
		calls, err := server.Calls()
		require.NoError(t, err)
		t.Logf("%d operations, %d commands: %d reads, %d writes, %d conflicts, %d touches; %d hits",
			m.calls.Load(), calls["evalsha"], sum.Misses, sum.OwnWrites, sum.Conflicts, sum.Touches, sum.Hits)
		if mode == tier.Cached {
			require.Positive(t, sum.Hits)
		}
		counted := sum.Misses + sum.OwnWrites + sum.Conflicts + sum.Touches
		// Some hits are sampled, and a touch that finds no entry is no script.
		require.LessOrEqual(t, calls["evalsha"], int(counted+sum.Hits/100+10))
		require.GreaterOrEqual(t, calls["evalsha"], int(counted-sum.Touches))
	})
}

// The model finds writes after which the server does not track the key.
func TestModel_control_trailing_read(t *testing.T) {
	each(t, func(t *testing.T, server *testserver.Server) {
		defer redisstore.WithoutTrailingRead()()
		requireBroken(t, modelOf(t, server, tier.Cached, nil, nil).run(t, 5_000), "stale for good")
	})
}

// dropper drops one of 20 notifications.
type dropper struct {
	tier.Listener
	n atomic.Int64
}

func (d *dropper) Changed(id string) {
	if d.n.Add(1)%20 != 0 {
		d.Listener.Changed(id)
	}
}

// The model finds notifications that are lost.
func TestModel_control_notifications(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, server *testserver.Server) {
		drop := func(l tier.Listener) tier.Listener { return &dropper{Listener: l} }
		broken := map[string]int{}
		for try := 0; try < 20 && broken["stale for good"] == 0; try++ {
			do(t, server, "FLUSHALL")
			broken = modelOf(t, server, tier.Cached, nil, drop).run(t, 5_000)
		}
		requireBroken(t, broken, "stale for good")
	})
}

// weak stores without comparing.
type weak struct{ tier.Database }

func (w weak) Swap(ctx context.Context, id string, _, next tier.Version, value []byte, ttl time.Duration) (bool, tier.Item, error) {
	if value == nil {
		_, err := w.Touch(ctx, id, 0, 0, false)
		return true, tier.Item{}, err
	}
	return true, tier.Item{}, w.Set(ctx, id, next, value, ttl)
}

// The model finds writes that do not compare.
func TestModel_control_compare_and_set(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, server *testserver.Server) {
		broken := modelOf(t, server, tier.Cached, func(db tier.Database) tier.Database { return weak{db} }, nil).run(t, 5_000)
		requireBroken(t, broken, "counter")
		requireBroken(t, broken, "resurrection")
	})
}

func requireBroken(t *testing.T, broken map[string]int, rule string) {
	t.Helper()
	t.Log(broken)
	require.Positive(t, broken[rule], "the model does not find the fault")
}
