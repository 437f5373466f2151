package cache

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const residentChild = "HOLDFAST_TEST_RESIDENT"

// Resident memory stays within the cap for any mix of sizes. Only the resident
// set of a process shows that, and it remembers its peak. So each mix runs in a
// process of its own.
func TestResidentMemory(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the peak of the resident set is read from /proc")
	}
	if raceEnabled {
		t.Skip("the race detector's own memory is many times the cache's")
	}
	if name := os.Getenv(residentChild); name != "" {
		churn(t, churns[name])
		return
	}
	for name := range churns {
		t.Run(name, func(t *testing.T) {
			runChild(t, residentChild, name)
		})
	}
}

// runChild runs the top-level test of t in a process of its own, with value in
// an environment variable, and returns the output.
func runChild(t *testing.T, variable, value string) string {
	t.Helper()
	test, _, _ := strings.Cut(t.Name(), "/")
	child := exec.Command(os.Args[0], "-test.run=^"+test+"$", "-test.count=1", "-test.v", "-test.timeout=15m")
	// Go's runtime starts a thread when it likes. A thread has four mappings and
	// 73 MiB of addresses, but two and 8 MiB if libc has a single heap.
	child.Env = append(os.Environ(), variable+"="+value, "MALLOC_ARENA_MAX=1")
	out, err := child.CombinedOutput()
	assert.NoError(t, err, "%s", out)
	return string(out)
}

const churnCap = 32 << 20

// churns are mixes of sizes: size returns the length of the i-th value. deletes
// means that the test deletes about every other entry on the way.
var churns = map[string]struct {
	size    func(i int, random *rand.Rand) int
	deletes bool
}{
	"one size":            {size: func(int, *rand.Rand) int { return 256 }},
	"64 bytes to 60 KiB":  {size: func(_ int, r *rand.Rand) int { return 64 << r.IntN(10) * (8 + r.IntN(8)) / 8 }},
	"sawtooth":            {size: func(i int, _ *rand.Rand) int { return 64 + i%5000*7 }},
	"growing":             {size: func(i int, _ *rand.Rand) int { return 200 + i/20 }},
	"small, then large":   {size: func(i int, _ *rand.Rand) int { return []int{250, 20_000}[min(1, i/200_000)] }},
	"tiny, then large":    {size: func(i int, _ *rand.Rand) int { return []int{1, 20_000}[min(1, i/400_000)] }},
	"every other deleted": {size: func(_ int, r *rand.Rand) int { return 200 + r.IntN(2000) }, deletes: true},
}

func churn(t *testing.T, sizes struct {
	size    func(int, *rand.Rand) int
	deletes bool
}) {
	empty := residentKiB(t, "VmRSS")
	c := openCache(t, Options{MaxBytes: churnCap, MaxValue: 64 << 10})
	random := rand.New(rand.NewPCG(1, 2))
	value := make([]byte, 64<<10)
	written := 0
	for i := 0; written < 12*churnCap; i++ {
		size := min(sizes.size(i, random), len(value))
		require.NoError(t, c.Set(fmt.Sprintf("%043d", i), value[:size], time.Hour))
		written += size
		if sizes.deletes && i%2 == 1 {
			c.Delete(fmt.Sprintf("%043d", i-1-random.IntN(2000)))
		}
		if i%1000 == 0 {
			require.LessOrEqual(t, c.Stats().Bytes.Total(), int64(churnCap))
		}
	}
	for !sizes.deletes && c.Stats().EvictedForCapacity == 0 {
		t.Fatal("the cap was never reached")
	}
	peak := residentKiB(t, "VmHWM") - empty
	assert.LessOrEqual(t, peak, (churnCap*105/100+8<<20)>>10, "KiB at the peak")
	stats := c.Stats()
	if !sizes.deletes {
		assert.GreaterOrEqual(t, float64(stats.Bytes.IDs+stats.Bytes.Values)/churnCap, 0.85, "share of the cap in IDs and values")
	}
	assert.NoError(t, c.checkInvariants())
}

// residentKiB returns a line of the status of the process, in KiB.
func residentKiB(t *testing.T, line string) int {
	status, err := os.ReadFile("/proc/self/status")
	require.NoError(t, err)
	_, rest, _ := strings.Cut(string(status), line+":")
	number, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	n, err := strconv.Atoi(number)
	require.NoError(t, err)
	return n
}

// A large value fits in free blocks that are scattered, without an eviction.
func TestSet_large_in_scattered_blocks(t *testing.T) {
	c := openCache(t, Options{MaxBytes: 1 << 20, MaxValue: 100_000, Shards: 1})
	for i := range 2500 {
		require.NoError(t, c.Set(fmt.Sprintf("%043d", i), make([]byte, 256), time.Hour))
	}
	for i := range 1250 {
		c.Delete(fmt.Sprintf("%043d", 2*i))
	}
	large := make([]byte, 100_000)
	for i := range large {
		large[i] = byte(i * i >> 3)
	}
	for i := range 3 {
		require.NoError(t, c.Set(fmt.Sprint("large-", i), large, time.Hour))
	}
	assert.Zero(t, c.Stats().EvictedForCapacity)
	require.NoError(t, c.Set("large-3", large, time.Hour))
	assert.Less(t, c.Stats().EvictedForCapacity, uint64(50), "a compaction needs some room")
	for i := range 4 {
		value, _ := c.Get(fmt.Sprint("large-", i))
		assert.Equal(t, large, value)
	}
	assert.NoError(t, c.checkInvariants())
}

// The cache needs at most 48 bytes for an entry beside its ID and value.
func TestOverhead_per_session(t *testing.T) {
	for _, entries := range []int{5_000, 20_000, 37_000, 50_000, 70_000} {
		c := openCache(t, Options{MaxBytes: 64 << 20})
		for i := range entries {
			require.NoError(t, c.Set(fmt.Sprintf("%043d", i), make([]byte, 256), time.Hour))
		}
		stats := c.Stats()
		empty := openCache(t, Options{MaxBytes: 64 << 20}).Stats().Bytes.Index
		assert.LessOrEqual(t, float64(stats.Bytes.Headers+stats.Bytes.Index-empty)/float64(entries), 48.0, "with %d entries", entries)
	}
}

// The hot operations do not allocate.
func TestAllocations_none(t *testing.T) {
	c := openCache(t, Options{MaxBytes: 1 << 20, MaxValue: 1000})
	ids := make([]string, 20_000)
	for i := range ids {
		ids[i] = fmt.Sprintf("%043d", i)
	}
	value, buf := make([]byte, 256), make([]byte, 0, 256)
	i := 0
	next := func() string { i++; return ids[i%len(ids)] }
	for range ids {
		require.NoError(t, c.Set(next(), value, time.Hour))
	}
	for name, operation := range map[string]func(){
		"Append": func() { c.Append(buf, next()) },
		"Set":    func() { c.Set(next(), value, time.Hour) },
		"Touch":  func() { c.Touch(next(), time.Hour) },
		"Delete": func() { c.Delete(next()) },
	} {
		assert.Zero(t, testing.AllocsPerRun(5000, operation), name)
	}
}

// Entries are not objects of Go's heap.
func TestHeapObjects(t *testing.T) {
	c := openCache(t, Options{MaxBytes: 64 << 20})
	objects := func() int64 {
		var stats runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&stats)
		return int64(stats.HeapObjects)
	}
	before := objects()
	for i := range 100_000 {
		require.NoError(t, c.Set(fmt.Sprintf("%043d", i), make([]byte, 256), time.Hour))
	}
	assert.Less(t, objects()-before, int64(1000))
}
