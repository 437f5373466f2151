//go:build linux && !race && !holdfast_heap

package cache

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/cache/internal/arena"
)

// resident returns the resident bytes of memory.
func resident(t *testing.T, memory []byte) int {
	page := os.Getpagesize()
	misaligned := int(-uintptr(unsafe.Pointer(&memory[0])) & uintptr(page-1))
	memory = memory[misaligned:]
	in := make([]byte, len(memory)/page)
	_, _, errno := syscall.Syscall(syscall.SYS_MINCORE, uintptr(unsafe.Pointer(&memory[0])), uintptr(len(in)*page), uintptr(unsafe.Pointer(&in[0])))
	require.Zero(t, errno)
	n := 0
	for _, is := range in {
		n += int(is&1) * page
	}
	return n
}

// residentShards returns the resident bytes of the memory of all shards.
func residentShards(t *testing.T, c *Cache) (n int) {
	for i := range c.shards {
		n += resident(t, c.shards[i].arena.Memory())
	}
	return n
}

// mustPrefault skips the test if the system cannot prefault memory.
func mustPrefault(t *testing.T) {
	memory, err := arena.Reserve(8 * arena.LargePageBytes)
	require.NoError(t, err)
	defer arena.Release(memory)
	arena.Prefault(memory)
	if resident(t, memory) < arena.LargePageBytes {
		t.Skip("Linux before 5.14")
	}
}

// The cache prefaults a large page before a Set reaches it.
func TestPrefault_before_a_Set(t *testing.T) {
	mustPrefault(t)
	synctest.Test(t, func(t *testing.T) {
		c := openCache(t, Options{MaxBytes: 32 << 20, Shards: 1})
		s := &c.shards[0]
		for i := 0; s.prefaultAt != never; i++ {
			require.NoError(t, c.Set(fmt.Sprint(i), make([]byte, 1000), time.Hour))
		}
		synctest.Wait()
		top, unused := s.arena.Top(), s.arena.Unused()
		assert.Greater(t, s.prefaultAt, top)
		assert.NotEqual(t, never, s.prefaultAt)
		assert.GreaterOrEqual(t, resident(t, unused), arena.LargePageBytes)
	})
}

// largePages returns the bytes of memory that lie in large pages.
func largePages(t *testing.T, memory []byte) (n int) {
	maps, err := os.ReadFile("/proc/self/smaps")
	require.NoError(t, err)
	from := uintptr(unsafe.Pointer(&memory[0]))
	inside := false
	for line := range strings.Lines(string(maps)) {
		var start, end uintptr
		var kilobytes int
		if _, err := fmt.Sscanf(line, "%x-%x ", &start, &end); err == nil {
			inside = start < from+uintptr(len(memory)) && from < end
		} else if _, err := fmt.Sscanf(line, "AnonHugePages: %d kB", &kilobytes); err == nil && inside {
			n += kilobytes << 10
		}
	}
	return n
}

// mustCollapse skips the test if the system cannot collapse pages.
func mustCollapse(t *testing.T) {
	memory, err := arena.Reserve(2 * arena.LargePageBytes)
	require.NoError(t, err)
	defer arena.Release(memory)
	clear(memory) // so that it is in use
	end := arena.LargePageEnd(memory, 0)
	arena.Collapse(memory[end-arena.LargePageBytes : end])
	if largePages(t, memory) == 0 {
		t.Skip("Linux before 6.1, an emulator, or no large page is free")
	}
}

// fillCache stores entries until the first shard's top is at least at bytes. The
// last entry requests the pages for which the cache's goroutine was too late.
func fillCache(t *testing.T, c *Cache, ids string, bytes int) {
	for i, last := 0, false; !last; i++ {
		if last = int(c.shards[0].arena.Top())*granule >= bytes; last {
			synctest.Wait()
		}
		require.NoError(t, c.Set(fmt.Sprint(ids, i), make([]byte, 1000), time.Hour))
	}
	synctest.Wait()
}

// The memory of a shard that is too small for large pages gets them once it is
// in use, and not before.
func TestCollapse_of_used_memory(t *testing.T) {
	mustCollapse(t)
	synctest.Test(t, func(t *testing.T) {
		c := openCache(t, Options{MaxBytes: 12 << 20, Shards: 1})
		s := &c.shards[0]
		require.False(t, arena.WantsLargePages(int64(len(s.arena.Memory()))))
		fillCache(t, c, "", 5<<20)
		assert.GreaterOrEqual(t, largePages(t, s.arena.Memory()), arena.LargePageBytes)
		assert.LessOrEqual(t, resident(t, s.arena.Memory()), 6<<20)
		assert.Greater(t, s.prefaultAt, s.arena.Top())
		require.NoError(t, c.checkInvariants())
	})
}

// A shard that grows moves, and its large pages with it or again.
func TestCollapse_after_growing(t *testing.T) {
	mustCollapse(t)
	synctest.Test(t, func(t *testing.T) {
		c := openCache(t, Options{MaxBytes: 9 << 20, Shards: 1, MaxValue: 1 << 10})
		fillCache(t, c, "", 7<<20)
		require.NoError(t, c.SetMaxBytes(15<<20))
		fillCache(t, c, "more", 12<<20)
		assert.GreaterOrEqual(t, largePages(t, c.shards[0].arena.Memory()), 8<<20)
	})
}

// Entries may be deleted between a request and the collapse.
func TestCollapse_after_deletions(t *testing.T) {
	mustCollapse(t)
	synctest.Test(t, func(t *testing.T) {
		c := openCache(t, Options{MaxBytes: 12 << 20, Shards: 1, MaxValue: 3 << 20})
		s := &c.shards[0]
		fillCache(t, c, "", 7<<20)
		require.Greater(t, s.collapsed, 4<<20)
		s.mu.Lock()
		top := int(s.arena.Top()) * granule
		s.mu.Unlock()
		for i := top / 1000; top >= s.collapsed; i-- {
			c.Delete(fmt.Sprint(i))
			s.mu.Lock()
			top = int(s.arena.Top()) * granule
			s.mu.Unlock()
		}
		c.collapse(s, s.arena.Memory()[:top])
		assert.LessOrEqual(t, s.collapsed, top)
	})
}

// Memory that was given back stays with the system.
func TestCollapse_keeps_given_back(t *testing.T) {
	mustCollapse(t)
	synctest.Test(t, func(t *testing.T) {
		c := openCache(t, Options{MaxBytes: 15 << 20, Shards: 1, MaxValue: 4 << 20})
		s := &c.shards[0]
		require.NoError(t, c.Set("a", make([]byte, 1900<<10), time.Hour))
		require.NoError(t, c.Set("stays", make([]byte, 1000), time.Hour))
		c.Delete("a")
		c.lock(s)
		for s.giveBack() {
		}
		c.unlock(s)
		require.Less(t, resident(t, s.arena.Memory()), 100<<10)
		require.NoError(t, c.Set("b", make([]byte, 2500<<10), time.Hour))
		synctest.Wait()
		assert.Less(t, resident(t, s.arena.Memory()), 2700<<10)
	})
}

// A cache that has emptied returns memory to the system.
func TestGiveBack_to_the_system(t *testing.T) {
	for name, o := range map[string]Options{
		"small pages":     {MaxBytes: 32 << 20, Shards: 16, MaxValue: 1 << 10},
		"collapsed pages": {MaxBytes: 32 << 20, Shards: 4, MaxValue: 1 << 10},
		"large pages":     {MaxBytes: 32 << 20, Shards: 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := openCache(t, o)
				const entries, step = 20_000, 200 // every step-th entry stays
				value := func(i int) []byte { return fmt.Appendf(nil, "%1000d", i) }
				for i := range entries {
					ttl := time.Minute
					if i%step == 0 {
						ttl = time.Hour
					}
					require.NoError(t, c.Set(fmt.Sprint(i), value(i), ttl))
				}
				full := residentShards(t, c)

				time.Sleep(2 * time.Minute)
				synctest.Wait()

				emptied := residentShards(t, c)
				assert.Less(t, emptied, full/4, "of %d", full)
				for i := 0; i < entries; i += step {
					got, _ := c.Peek(fmt.Sprint(i))
					require.Equal(t, value(i), got)
				}
				require.NoError(t, c.checkInvariants())

				time.Sleep(time.Hour)
				synctest.Wait()
				assert.Less(t, residentShards(t, c), emptied)
			})
		})
	}
}

const limitedChild = "HOLDFAST_TEST_LIMITED"

// SetMaxBytes refuses a cap for which there is no memory, and the previous cap
// holds.
func TestGrowingWithoutMemory(t *testing.T) {
	if math.MaxInt == math.MaxInt32 {
		t.Skip("the limit is too large for 32 bits")
	}
	if os.Getenv(limitedChild) == "" { // the limit is that of a process
		runChild(t, limitedChild, "1")
		return
	}
	c := openCache(t, Options{MaxBytes: 64 << 20, Shards: 64, MaxValue: 1000})
	for i := range 10_000 {
		require.NoError(t, c.Set(fmt.Sprint(i), make([]byte, 100), time.Hour))
	}
	size := residentKiB(t, "VmSize")
	limit := uint64(size)<<10 + 1<<30
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_AS, &syscall.Rlimit{Cur: limit, Max: limit}))

	err := c.SetMaxBytes(4 << 30)

	require.ErrorIs(t, err, syscall.ENOMEM)
	assert.NotErrorIs(t, err, ErrInvalid)
	stats := c.Stats()
	assert.EqualValues(t, 64<<20, stats.MaxBytes)
	assert.Equal(t, 10_000, stats.Entries)
	assert.Less(t, residentKiB(t, "VmSize")-size, 512<<10, "KiB of addresses more than before")
	require.NoError(t, c.checkInvariants())
	require.NoError(t, c.SetMaxBytes(128<<20))
}

// The largest shard finds entries at its end. Only the pages that the test
// writes to become resident.
func TestShard_of_the_largest_size(t *testing.T) {
	if math.MaxInt == math.MaxInt32 {
		t.Skip("more than there are addresses")
	}
	o, err := Options{MaxBytes: maxShardBytes, Shards: 1}.withDefaults()
	require.NoError(t, err)
	memory, err := syscall.Mmap(-1, 0, int(o.arenaBytes(o.segmentShift())), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE|syscall.MAP_NORESERVE)
	require.NoError(t, err)
	t.Cleanup(func() { arena.Release(memory) }) // after the cache was closed
	c := openCache(t, Options{Shards: 1})
	s := &c.shards[0]
	arena.Release(s.close())
	s.closed = false
	s.init(memory, o, c, 0)
	for len(s.arena.Unused()) > maxBlock*granule {
		s.arena.Alloc(maxBlock, isReserved)
	}

	evicted := 0
	value := func(i int) []byte { return bytes.Repeat([]byte{byte(i)}, i%5000) }
	for i := range 40_000 {
		require.NoError(t, c.Set(fmt.Sprint(i), value(i), time.Hour))
	}
	for i := range 40_000 {
		got, ok := c.Get(fmt.Sprint(i))
		if !ok {
			evicted++
			continue
		}
		require.True(t, bytes.Equal(value(i), got), i)
	}

	assert.Greater(t, s.arena.Top(), ref(maxShardBytes/granule-maxBlock))
	assert.Positive(t, evicted, "the shard became full")
	assert.Less(t, evicted, 30_000)
}
