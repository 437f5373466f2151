package redisstore_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/internal/testserver"
	redisstore "github.com/holdfast-go/holdfast/store/redis"
	"github.com/holdfast-go/holdfast/tier"
)

// call is an operation on the entry under an ID.
type call struct {
	operation string
	id        int
	value     string // that a set stores, or that an update appends
}

// outcome is an entry, as a call found it. A call that failed has none: perhaps
// it was carried out, perhaps not.
type outcome struct {
	found  bool
	value  string
	failed bool
}

// entries is the sequential model. Its states are sets of entries, since a call
// that failed may or may not have been carried out.
var entries = (&porcupine.NondeterministicModel{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		parts := map[int][]porcupine.Operation{}
		for _, operation := range history {
			id := operation.Input.(call).id
			parts[id] = append(parts[id], operation)
		}
		return slices.Collect(maps.Values(parts))
	},
	Init: func() []any { return []any{outcome{}} },
	Step: func(state, input, output any) []any {
		before, c, got := state.(outcome), input.(call), output.(outcome)
		after := before
		switch c.operation {
		case "set":
			after = outcome{found: true, value: c.value}
		case "update":
			after = outcome{found: true, value: before.value + c.value}
		case "remove", "end":
			after = outcome{}
		}
		switch {
		case got.failed && after != before:
			return []any{before, after}
		case got.failed, c.operation == "set", c.operation == "end":
			return []any{after}
		case c.operation == "touch" && got.found == before.found, got == before:
			return []any{after}
		}
		return nil
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v -> %+v", input, output) },
}).ToModel()

// requireLinearizable checks a history.
func requireLinearizable(t *testing.T, history []porcupine.Operation) {
	t.Helper()
	result, info := porcupine.CheckOperationsVerbose(entries, history, 2*time.Minute)
	if result != porcupine.Ok {
		for _, part := range entries.Partition(history) {
			if porcupine.CheckOperations(entries, part) {
				continue
			}
			slices.SortFunc(part, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
			for _, o := range part {
				t.Logf("%2d %v-%v %+v -> %+v", o.ClientId, time.Duration(o.Call), time.Duration(o.Return), o.Input, o.Output)
			}
		}
		path := t.TempDir() + "/history.html"
		_ = porcupine.VisualizePath(entries, info, path)
		t.Fatalf("%s; the history is in %s", result, path)
	}
}

const workers = 3 // of each store

// history runs random operations on stores, workers at once on each, and
// returns their history. Reads of how are part of it. Each worker rests for
// about pace after each operation.
func history(t *testing.T, stores []*redisstore.Store, operations, ids int, pace time.Duration, how []holdfast.ReadMode) (all []porcupine.Operation) {
	began := time.Now()
	var mu sync.Mutex
	var group sync.WaitGroup
	for i, s := range stores {
		for worker := range workers {
			group.Go(func() {
				var own []porcupine.Operation
				client := i*workers + worker
				for n := range operations / len(stores) / workers {
					c := call{id: rand.IntN(ids), value: fmt.Sprint(client, "-", n, ";")}
					at := time.Since(began)
					got := perform(t.Context(), s, &c, how[rand.IntN(len(how))])
					end := time.Since(began)
					if pace > 0 {
						time.Sleep(rand.N(2 * pace))
					}
					if got.failed {
						if c.operation == "get" || c.operation == "keep" {
							continue // it has no effect
						}
						end = time.Hour // it may be carried out at any later time
					}
					own = append(own, porcupine.Operation{ClientId: client, Input: c, Call: int64(at), Output: got, Return: int64(end)})
				}
				mu.Lock()
				defer mu.Unlock()
				all = append(all, own...)
			})
		}
	}
	group.Wait()
	return all
}

func perform(ctx context.Context, s *redisstore.Store, c *call, how holdfast.ReadMode) (got outcome) {
	id, err := fmt.Sprint(c.id), error(nil)
	update := func(decide func(old []byte, found bool) change) {
		err = s.Update(ctx, id, func(old []byte, found bool) (change, error) {
			got = outcome{found: found, value: string(old)}
			return decide(old, found), nil
		})
	}
	switch n := rand.IntN(20); {
	case n < 2:
		c.operation = "set"
		err = s.Set(ctx, id, []byte(c.value), time.Hour)
	case n < 4:
		c.operation = "touch"
		got.found, err = s.Touch(ctx, id, time.Hour)
	case n < 5:
		c.operation = "end"
		_, err = s.Touch(ctx, id, 0)
	case n < 6:
		c.operation = "remove"
		update(func([]byte, bool) change { return cache.Remove() })
	case n < 8:
		c.operation = "keep"
		update(func([]byte, bool) change { return keep })
	case n < 13:
		c.operation = "update"
		update(func(old []byte, _ bool) change {
			if len(old) > 300 {
				c.operation = "remove"
				return cache.Remove()
			}
			c.operation = "update"
			return cache.Put(append(old, c.value...), time.Hour)
		})
	default:
		c.operation = "get"
		var value []byte
		value, got.found, err = s.Get(ctx, id, how)
		got.value = string(value)
	}
	if err != nil {
		return outcome{failed: true}
	}
	return got
}

var (
	allReads   = []holdfast.ReadMode{holdfast.ReadUse, holdfast.ReadPeek, holdfast.ReadFresh}
	freshReads = allReads[2:]
)

// strict writes each touch: otherwise a touch may report an entry that has
// ended.
func strict(o *redisstore.Options) { o.Tier.TouchEvery = -1 }

// In the modes Verified and Direct all calls are linearizable. In Cached all
// are but reads of local copies. HOLDFAST_LONG multiplies the operations.
func TestLinearizable(t *testing.T) {
	t.Parallel()
	eachModeAtOnce(t, func(t *testing.T, server *testserver.Server, mode tier.Mode) {
		reads := allReads
		if mode == tier.Cached {
			reads = freshReads
		}
		var stores []*redisstore.Store
		for range 3 {
			stores = append(stores, open(t, server.Addr(), in(mode), patient, strict))
		}
		for range long(1) {
			do(t, server, "FLUSHALL")
			operations := history(t, stores, 9000, 20, 0, reads)
			for _, operation := range operations {
				require.False(t, operation.Output.(outcome).failed, operation.Input)
			}
			requireLinearizable(t, operations)
		}
	})
}

// The check finds the reads of local copies, which are not linearizable, as
// healthy as all is.
func TestLinearizable_control(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, server *testserver.Server) {
		var stores []*redisstore.Store
		for range 3 {
			stores = append(stores, open(t, server.Addr(), patient, strict))
		}
		for range 100 {
			do(t, server, "FLUSHALL")
			if porcupine.CheckOperationsTimeout(entries, history(t, stores, 9000, 3, 0, allReads), time.Minute) == porcupine.Illegal {
				return
			}
		}
		t.Fatal("the check finds nothing")
	})
}

// The network breaks connections and loses answers. A call that failed was
// carried out once, or not at all.
func TestLinearizable_faults(t *testing.T) {
	t.Parallel()
	eachModeAtOnce(t, func(t *testing.T, server *testserver.Server, mode tier.Mode) {
		reads := allReads
		if mode == tier.Cached {
			reads = freshReads
		}
		proxy := proxyTo(t, server.Addr())
		failed, done := 0, 0
		// On a busy machine few calls end within the timeout, and connections break
		// before they are used. There, further rounds are slower.
		timeout := 50 * time.Millisecond
		for n := 0; n < long(1) || done < 600*long(1) || failed == 0; n++ {
			require.Less(t, n, long(1)+20, "too few calls to prove anything: %d done, %d failed", done, failed)
			stores := []*redisstore.Store{open(t, server.Addr(), in(mode), patient, strict)}
			for range 2 {
				stores = append(stores, open(t, proxy.Addr(), in(mode), strict, func(o *redisstore.Options) {
					o.Check, o.Tier.Timeout, o.Tier.MaxStale = false, timeout, timeout
				}))
			}
			do(t, server, "FLUSHALL")
			stop := disturb(proxy, timeout)
			operations := history(t, stores, 3600, 300, 5*time.Millisecond, reads)
			stop()
			before := done
			for _, operation := range operations {
				switch {
				case operation.Output.(outcome).failed:
					failed++
				case operation.ClientId >= workers:
					done++ // through the proxy
				}
			}
			t.Logf("through the proxy, with a timeout of %v: %d calls done; %d have failed so far", timeout, done-before, failed)
			requireLinearizable(t, operations)
			for _, s := range stores {
				require.NoError(t, s.Close())
			}
			if done-before < 600 {
				timeout = min(2*timeout, patience)
			}
		}
	})
}
