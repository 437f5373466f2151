package cache

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/cache/internal/arena"
)

// A cache whose cap has changed has the same memory and tables as a new cache.
func TestSetMaxBytes_like_a_new_cache(t *testing.T) {
	skipUnderRace(t)
	for name, o := range map[string]Options{
		"one small shard": {MaxBytes: 64 << 10, Shards: 1, MaxValue: 1000},
		"shards":          {MaxBytes: 8 << 20, Shards: 8, MaxValue: 1000},
		"plain LRU":       {MaxBytes: 1 << 20, Shards: 2, MaxValue: 1000, Protected: -1},
	} {
		t.Run(name, func(t *testing.T) {
			c := openCache(t, o)
			random := rand.New(rand.NewPCG(1, 2))
			for cycle := range 200 {
				for range 200 {
					require.NoError(t, c.Set(fmt.Sprint(random.IntN(2000)), make([]byte, random.IntN(1000)), time.Hour))
				}
				o.MaxBytes = c.options.MaxBytes
				if cycle%10 != 9 {
					o.MaxBytes = o.MaxBytes/2 + random.Int64N(o.MaxBytes)
					o.MaxBytes = min(max(o.MaxBytes, 32<<10), 16<<20)
				}
				require.NoError(t, c.SetMaxBytes(o.MaxBytes))
				for i := range c.shards {
					s := &c.shards[i]
					require.EqualValues(t, o.arenaBytes(c.segmentShift), len(s.arena.Memory()))
					require.Equal(t, len(s.arena.Memory()), cap(s.arena.Memory()))
					require.EqualValues(t, o.mostSegments(c.segmentShift), cap(s.index.segments))
					require.EqualValues(t, cap(s.index.segments), cap(s.segmentEarliest))
					require.LessOrEqual(t, s.arena.Granules()*granule+s.besideArena(), o.MaxBytes/int64(o.Shards))
				}
				require.NoError(t, c.checkInvariants())
			}
		})
	}
}

const cyclesChild = "HOLDFAST_TEST_CYCLES"

// cycles are pairs of caps that a cache alternates between.
var cycles = map[string]struct {
	low, high int64
	times     int
}{
	"small": {64 << 10, 128 << 10, 12_000},
	"large": {256 << 20, 512 << 20, 400},
}

// Many changes of the cap leave no memory, addresses or mappings behind. A
// process of its own measures that.
func TestCyclesOfTheCap(t *testing.T) {
	if runtime.GOOS != "linux" || raceEnabled || !arena.ResizesInPlace {
		t.Skip("elsewhere the memory is the garbage collector's, or moves")
	}
	if name := os.Getenv(cyclesChild); name != "" {
		cycle(t, name)
		return
	}
	for name := range cycles {
		t.Run(name, func(t *testing.T) {
			runChild(t, cyclesChild, name)
		})
	}
}

func cycle(t *testing.T, name string) {
	y := cycles[name]
	c := openCache(t, Options{MaxBytes: y.high, Shards: 1})
	value := make([]byte, 1000)
	fill := func(maxBytes int64) {
		for i := range min(maxBytes/2000, 20_000) {
			require.NoError(t, c.Set(strconv.FormatInt(i, 10), value, time.Hour))
		}
	}
	round := func() {
		require.NoError(t, c.SetMaxBytes(y.low))
		require.NoError(t, c.SetMaxBytes(y.high))
	}
	fill(y.high)
	for range 3 { // so that Go's own memory is there
		round()
	}
	fill(y.high)
	runtime.GC()
	size, resident := residentKiB(t, "VmSize"), residentKiB(t, "VmRSS")
	maps := mappings(t)
	for range y.times {
		round()
	}
	fill(y.high)
	runtime.GC()
	// There may be new threads, and Go reserves addresses for its heap 64 MiB at a
	// time. A mapping that each cycle left would be more, and so would be a page
	// that each of the small cycles left.
	assert.Less(t, residentKiB(t, "VmSize")-size, 512<<10, "KiB of addresses more than before %d cycles", y.times)
	assert.Less(t, residentKiB(t, "VmRSS")-resident, 32<<10, "KiB resident more than before %d cycles", y.times)
	assert.Less(t, mappings(t)-maps, 100, "mappings more than before %d cycles", y.times)
	for i := range min(y.high/2000, 20_000) {
		got, ok := c.Get(strconv.FormatInt(i, 10))
		require.True(t, ok)
		require.Len(t, got, 1000)
	}
}

func mappings(t *testing.T) int {
	maps, err := os.ReadFile("/proc/self/maps")
	require.NoError(t, err)
	return strings.Count(string(maps), "\n")
}
