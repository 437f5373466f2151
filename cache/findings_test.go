package cache

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/cache/internal/arena"
)

// Faults that reviews found, each in a place that no other test covers.

// The tables outside the arena halve at powers of two. So a slightly smaller
// cap can give the arena more memory and the index fewer segments.
func TestSetMaxBytes_table_boundary(t *testing.T) {
	skipUnderRace(t)
	for _, maxBytes := range []int64{4 << 20, 8 << 20} {
		for _, less := range []int64{8, 16} {
			t.Run(fmt.Sprint(maxBytes, " - ", less), func(t *testing.T) {
				c := openCache(t, Options{MaxBytes: maxBytes, Shards: 1})
				for i := range maxBytes / 50 { // until the table of segments is full
					require.NoError(t, c.Set(fmt.Sprint(i), make([]byte, 8), time.Hour))
				}
				require.NoError(t, c.SetMaxBytes(maxBytes-less))
				require.NoError(t, c.checkInvariants())
				require.NoError(t, c.SetMaxBytes(maxBytes))
				require.NoError(t, c.checkInvariants())
			})
		}
	}
}

// A compaction makes no block longer than the longest length.
func TestCompact_beside_longest_block(t *testing.T) {
	if raceEnabled {
		t.Skip("it needs 200 MiB")
	}
	c := openCache(t, Options{MaxBytes: 200 << 20, Shards: 1, MaxValue: 1 << 20, Protected: -1})
	s, n := &c.shards[0], 0
	set := func(size int) string {
		id := fmt.Sprintf("%08d", n)
		n++
		require.NoError(t, c.Set(id, make([]byte, size), time.Hour))
		return id
	}
	small := set(12) // the record between moves here
	set(1000)
	middle := set(60) // 12 granules
	set(0)            // the record between
	var big []string
	for range 63 {
		big = append(big, set(1<<20)) // 131,077 granules each
	}
	big = append(big, set(1045996)) // together maxBlock-2
	set(1000)
	for _, id := range big {
		c.Delete(id)
	}
	c.Delete(middle)
	c.Delete(small)
	r := ref(0)
	for b, h := range s.arena.Blocks() {
		if h.Kind() == arena.KindFree && h.Granules() == 12 {
			r = b
		}
	}
	require.NotZero(t, r)
	c.lock(s)
	row := s.compact(22)
	require.Equal(t, r, row)
	require.NotZero(t, row)
	require.Less(t, s.arena.Header(row).Granules(), uint32(100))
	s.arena.Free(row)
	c.unlock(s)
	require.NoError(t, c.checkInvariants())
}

// A value longer than the longest block becomes a chain, also in an empty
// cache.
func TestSet_longer_than_a_block(t *testing.T) {
	if raceEnabled || runtime.GOARCH == "386" || runtime.GOARCH == "arm" {
		t.Skip("it needs half a GiB")
	}
	c := openCache(t, Options{MaxBytes: 512 << 20, Shards: 1, MaxValue: 200 << 20})
	for i := range 1000 {
		require.NoError(t, c.Set(fmt.Sprint(i), make([]byte, 100), time.Hour))
	}
	require.NoError(t, c.Set("a", make([]byte, 150<<20), time.Hour))
	require.NoError(t, c.checkInvariants())
	value, _ := c.Get("a")
	assert.Len(t, value, 150<<20)
	assert.Zero(t, c.Stats().EvictedForCapacity)
	assert.Less(t, c.blocks("a"), 5)
}

// Other Sets may use the memory that a large Set has freed in one lock hold
// before the next.
func TestSet_large_while_others_store(t *testing.T) {
	const large = 256 << 10
	c := openCache(t, Options{MaxBytes: 8 << 20, Shards: 1, MaxValue: 1 << 20})
	fillTiny(t, c)
	s, steps := &c.shards[0], 0
	for err := errInSteps; err == errInSteps; steps++ {
		require.Less(t, steps, large/1024, "no progress")
		err = c.setStep("large", make([]byte, large))
		for i := 0; s.arena.FreeGranules() > 200 && i < 5000; i++ { // others use the free memory
			require.NoError(t, c.Set(fmt.Sprint(steps, " ", i), nil, time.Hour))
		}
	}
	_, ok := c.Peek("large")
	assert.True(t, ok || steps > 10)
	require.NoError(t, c.checkInvariants())
}

// If the longest idle entries lie in retired memory, evicting them makes no
// room. A Set does a bounded amount of work anyway.
func TestSet_while_the_cap_shrinks(t *testing.T) {
	c := openCache(t, Options{MaxBytes: 16 << 20, Shards: 1, MaxValue: 1 << 20, Protected: -1})
	s, n := &c.shards[0], 0
	for ; len(s.arena.Unused()) > 100_000*granule; n++ {
		require.NoError(t, c.Set(fmt.Sprintf("%08d", n), make([]byte, 60), time.Hour))
	}
	time.Sleep(time.Millisecond)
	for i := range n * 53 / 100 {
		c.Get(fmt.Sprintf("%08d", i)) // the tail is the longest idle
	}
	_, _, err := c.aim(8 << 20)
	require.NoError(t, err)
	for done := false; !done; {
		done, _, _, err = c.fitStep(s)
		require.NoError(t, err)
		before := s.counts.evictions[Capacity-1]
		require.NoError(t, c.Set(fmt.Sprint("new", s.counts.sets), make([]byte, 60), time.Hour))
		require.Less(t, s.counts.evictions[Capacity-1]-before, uint64(3*workMost))
	}
	require.NoError(t, c.checkInvariants())
}

// If there is enough free memory, shrinking evicts nothing, even if the free
// blocks are scattered.
func TestSetMaxBytes_emptied_evicts_little(t *testing.T) {
	c := openCache(t, Options{MaxBytes: 16 << 20, Shards: 1, MaxValue: 1000})
	s, n := &c.shards[0], 0
	for ; len(s.arena.Unused()) > 100_000*granule; n++ {
		require.NoError(t, c.Set(fmt.Sprint(n), make([]byte, 20), time.Hour))
	}
	for i := 0; i < n; i += 2 {
		c.Delete(fmt.Sprint(i))
	}
	require.NoError(t, c.SetMaxBytes(13<<20))
	require.NoError(t, c.checkInvariants())
	assert.Less(t, c.Stats().EvictedForCapacity, uint64(n/1000))
}

// OnEvict may end every goroutine that calls it, and the cap holds soon anyway.
func TestSetMaxBytes_every_goroutine_ends(t *testing.T) {
	var ends atomic.Bool
	c := openCache(t, Options{MaxBytes: 1 << 20, Shards: 1, OnEvict: func(string, EvictionReason) {
		if ends.Load() {
			runtime.Goexit()
		}
	}})
	fillTiny(t, c)
	ends.Store(true)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = c.SetMaxBytes(512 << 10)
	}()
	<-ended
	assert.Eventually(t, func() bool { return c.Stats().MaxBytes == 512<<10 }, time.Minute, time.Millisecond)
}

// If there is no memory for an aim, the latest cap that held takes its place,
// and every affected call returns the error.
func TestSetMaxBytes_failed_growth(t *testing.T) {
	c := openCache(t, Options{MaxBytes: 4 << 20, Shards: 4, MaxValue: 1000})
	first, _, err := c.aim(8 << 20)
	require.NoError(t, err)
	second, _, err := c.aim(16 << 20)
	require.NoError(t, err)
	_, _, _, err = c.fitStep(&c.shards[0])
	require.NoError(t, err)
	c.resizing.Lock()
	c.giveUp(ErrSnapshot) // any error
	c.resizing.Unlock()
	assert.ErrorIs(t, c.fit(first, new(progress)), ErrSnapshot)
	assert.ErrorIs(t, c.fit(second, new(progress)), ErrSnapshot)
	assert.EqualValues(t, 4<<20, c.Stats().MaxBytes)
	assert.NoError(t, c.SetMaxBytes(6<<20))
	assert.EqualValues(t, 6<<20, c.Stats().MaxBytes)
	require.NoError(t, c.checkInvariants())
}
