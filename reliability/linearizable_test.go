// Package reliability tests the cache with tools that its own module should not
// depend on: porcupine, which checks a history of concurrent operations, and
// goleak.
package reliability

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/holdfast-go/holdfast/cache"
)

// steps is n, or as many times that as HOLDFAST_LONG says.
func steps(n int) int {
	if times, err := strconv.Atoi(os.Getenv("HOLDFAST_LONG")); err == nil {
		return n * times
	}
	return n
}

type call struct {
	operation string
	id        int
	value     string // of a set, or what an update appends
}

type outcome struct {
	ok    bool
	value string
}

// entry is the model of what is under one ID. Eviction needs no choice: whoever
// misses sees that the entry has gone, and gone it is until it is set anew.
var entry = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byID := map[int][]porcupine.Operation{}
		for _, operation := range history {
			id := operation.Input.(call).id
			byID[id] = append(byID[id], operation)
		}
		var parts [][]porcupine.Operation
		for _, part := range byID {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() any { return outcome{} },
	Step: func(state, input, output any) (bool, any) {
		before, call, got := state.(outcome), input.(call), output.(outcome)
		gone := outcome{}
		switch call.operation {
		case "set":
			return true, outcome{true, call.value}
		case "get", "peek":
			if !got.ok {
				return true, gone
			}
			return got == before, before
		case "touch":
			if !got.ok {
				return true, gone
			}
			return before.ok, before
		case "delete":
			return before.ok || !got.ok, gone
		case "update": // got is what the update saw
			after := outcome{true, got.value + call.value}
			return !got.ok || got == before, after
		}
		return false, nil
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v -> %+v", input, output) },
}

func TestOperationsOnAnIDAreLinearizable(t *testing.T) {
	for name, o := range map[string]cache.Options{
		"all fits":    {MaxBytes: 4 << 20, MaxValue: 4000},
		"one shard":   {MaxBytes: 4 << 20, MaxValue: 4000, Shards: 1},
		"evictions":   {MaxBytes: 16 << 10, MaxValue: 4000, Shards: 1},
		"plain LRU":   {MaxBytes: 16 << 10, MaxValue: 4000, Shards: 1, Protected: -1},
		"two, evicts": {MaxBytes: 32 << 10, MaxValue: 4000, Shards: 2},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := cache.New(o)
			require.NoError(t, err)
			defer c.Close()
			history := record(c, steps(40_000), o.MaxBytes < 1<<20)
			result, info := porcupine.CheckOperationsVerbose(entry, history, 2*time.Minute)
			if result != porcupine.Ok {
				path := t.TempDir() + "/history.html"
				_ = porcupine.VisualizePath(entry, info, path)
				t.Fatalf("%s; the history is in %s", result, path)
			}
			if o.MaxBytes < 1<<20 {
				require.Positive(t, c.Stats().EvictedForCapacity)
			}
		})
	}
}

// record lets goroutines do random things and returns what they saw.
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

func TestNoGoroutineIsLeftAfterClose(t *testing.T) {
	defer goleak.VerifyNone(t)
	for range 20 {
		c, err := cache.New(cache.Options{})
		require.NoError(t, err)
		require.NoError(t, c.Set("id", nil, time.Millisecond))
		require.NoError(t, c.Close())
		require.NoError(t, c.Close())
	}
}
