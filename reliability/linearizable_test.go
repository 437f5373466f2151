// Package reliability tests the cache with tools on which the core module must
// not depend. porcupine checks that a history of concurrent operations is
// linearizable. goleak finds goroutines that are still running.
package reliability

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/cache"
)

// steps returns n, multiplied by HOLDFAST_LONG if that is set.
func steps(n int) int {
	if times, err := strconv.Atoi(os.Getenv("HOLDFAST_LONG")); err == nil {
		return n * times
	}
	return n
}

type call struct {
	operation string
	id        int
	value     string // the value of a set, or the suffix that an update appends
}

type outcome struct {
	ok    bool
	value string
}

// entryModel is the sequential model of the entry under one ID. The model does
// not choose evictions: an operation that misses shows that the entry was
// evicted, and it stays absent until the next set. If all entries fit, nothing
// is evicted and an entry stays until it is deleted.
func entryModel(allFits bool) porcupine.Model {
	return porcupine.Model{
		Partition: byID,
		Init:      func() any { return outcome{} },
		Step: func(state, input, output any) (bool, any) {
			before, call, got := state.(outcome), input.(call), output.(outcome)
			if call.operation != "set" && !got.ok {
				if allFits && before.ok {
					return false, nil
				}
				before = outcome{}
			}
			switch call.operation {
			case "set":
				return true, outcome{true, call.value}
			case "get", "peek":
				return got == before, before
			case "touch":
				return got.ok == before.ok, before
			case "delete":
				return got.ok == before.ok, outcome{}
			case "update": // got is the entry that the update read
				return got == before, outcome{true, got.value + call.value}
			}
			return false, nil
		},
		DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v -> %+v", input, output) },
	}
}

func byID(history []porcupine.Operation) [][]porcupine.Operation {
	parts := map[int][]porcupine.Operation{}
	for _, operation := range history {
		id := operation.Input.(call).id
		parts[id] = append(parts[id], operation)
	}
	return slices.Collect(maps.Values(parts))
}

// All cases together are 240,000 operations. CI runs 1.2 million, with
// HOLDFAST_LONG=5.
func TestOperations_are_linearizable(t *testing.T) {
	for name, o := range map[string]cache.Options{
		"all fits":    {MaxBytes: 4 << 20, MaxValue: 4000},
		"one shard":   {MaxBytes: 4 << 20, MaxValue: 4000, Shards: 1},
		"evictions":   {MaxBytes: 16 << 10, MaxValue: 4000, Shards: 1}, // too small for reads without the lock
		"and no lock": {MaxBytes: 48 << 10, MaxValue: 4000, Shards: 1},
		"plain LRU":   {MaxBytes: 16 << 10, MaxValue: 4000, Shards: 1, Protected: -1},
		"two, evicts": {MaxBytes: 32 << 10, MaxValue: 4000, Shards: 2},
	} {
		t.Run(name, func(t *testing.T) {
			allFits := o.MaxBytes > 1<<20
			model := entryModel(allFits)
			operations, concurrent := 0, 0
			for range steps(1) {
				c, err := cache.New(o)
				require.NoError(t, err)
				history := record(c, 40_000, !allFits)
				evicted := c.Stats().EvictedForCapacity
				require.NoError(t, c.Close())

				require.Equal(t, allFits, evicted == 0)
				operations += len(history)
				concurrent += overlapping(history)
				result, info := porcupine.CheckOperationsVerbose(model, history, 2*time.Minute)
				if result != porcupine.Ok {
					path := t.TempDir() + "/history.html"
					_ = porcupine.VisualizePath(model, info, path)
					t.Fatalf("%s; the history is in %s", result, path)
				}
			}
			require.Greater(t, concurrent, operations/50, "too few concurrent operations to prove anything")
			t.Logf("%d operations; %d of them began during another on the same ID", operations, concurrent)
		})
	}
}

// overlapping returns how many operations began before an earlier one on the
// same ID had returned.
func overlapping(history []porcupine.Operation) int {
	n := 0
	for _, part := range byID(history) {
		slices.SortFunc(part, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
		latest := int64(0)
		for _, operation := range part {
			if operation.Call < latest {
				n++
			}
			latest = max(latest, operation.Return)
		}
	}
	return n
}

// record runs random operations on c in several goroutines and returns their
// history.
func record(c *cache.Cache, operations int, resize bool) []porcupine.Operation {
	const clients = 8
	var wg sync.WaitGroup
	var clock atomic.Int64
	histories := make([][]porcupine.Operation, clients)
	for client := range clients {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(uint64(client), 2))
			for n := range operations / clients {
				call := call{id: random.IntN(60)}
				at := clock.Add(1)
				got := perform(c, &call, random, strconv.Itoa(client)+"-"+strconv.Itoa(n)+";")
				histories[client] = append(histories[client], porcupine.Operation{
					ClientId: client, Input: call, Call: at, Output: got, Return: clock.Add(1),
				})
				if resize && n%500 == 499 {
					_ = c.SetMaxBytes(int64(16<<10 + random.IntN(32<<10)))
				}
			}
		})
	}
	wg.Wait()
	var all []porcupine.Operation
	for _, history := range histories {
		all = append(all, history...)
	}
	return all
}

func perform(c *cache.Cache, call *call, random *rand.Rand, unique string) outcome {
	id := "id-" + strconv.Itoa(call.id)
	switch n := random.IntN(100); {
	case n < 25:
		call.operation = "set"
		call.value = unique + string(make([]byte, random.IntN(800)))
		if err := c.Set(id, []byte(call.value), time.Hour); err != nil {
			panic(err)
		}
		return outcome{}
	case n < 55:
		call.operation = "get"
		value, ok := c.Get(id)
		return outcome{ok, string(value)}
	case n < 65:
		call.operation = "peek"
		value, ok := c.Peek(id)
		return outcome{ok, string(value)}
	case n < 75:
		call.operation = "touch"
		return outcome{ok: c.Touch(id, time.Hour)}
	case n < 85:
		call.operation = "delete"
		return outcome{ok: c.Delete(id)}
	}
	call.operation = "update"
	call.value = unique
	var seen outcome
	err := c.Update(id, func(old []byte, found bool) (cache.Change, error) {
		runtime.Gosched() // lets another goroutine run even on one processor
		if len(old) > 3000 {
			old, found = nil, false
			call.operation, call.value = "set", unique
		} else {
			call.operation = "update"
		}
		seen = outcome{found, string(old)}
		return cache.Put(append(old, unique...), time.Hour), nil
	})
	if err != nil {
		panic(err)
	}
	return seen
}
