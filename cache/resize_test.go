package cache

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/cache/internal/arena"
)

// The cap holds after any changes, and no entry has a wrong value.
func TestSetMaxBytes_holds_the_cap(t *testing.T) {
	for _, shards := range []int{1, 4} {
		t.Run(fmt.Sprint(shards, " shards"), func(t *testing.T) {
			c, err := New(Options{MaxBytes: 1 << 20, MaxValue: 16 << 10, Shards: shards})
			require.NoError(t, err)
			defer c.Close()
			random := rand.New(rand.NewPCG(1, 2))
			want := map[string]int{}
			for round := range 60 {
				for range 300 {
					id := fmt.Sprint("id-", random.IntN(3000))
					size := random.IntN(1 << random.IntN(14))
					require.NoError(t, c.Set(id, make([]byte, size), time.Hour))
					want[id] = size
				}
				maxBytes := int64(128<<10 + random.IntN(3<<20))
				require.NoError(t, c.SetMaxBytes(maxBytes))
				stats := c.Stats()
				require.Equal(t, maxBytes, stats.MaxBytes)
				require.LessOrEqual(t, stats.Bytes.Total(), maxBytes, "round %d", round)
				require.NoError(t, c.checkInvariants(), "round %d", round)
				for id, value := range c.All() {
					require.Len(t, value, want[id])
				}
			}
		})
	}
}

// The arena and the tables together stay within the cap even if the arena is
// full to the last granule. A test that fills the cache seldom gets so far.
func TestSetMaxBytes_small_changes(t *testing.T) {
	const shards = 2
	c, err := New(Options{MaxBytes: 16 << 10, Shards: shards, MaxValue: 100})
	require.NoError(t, err)
	defer c.Close()
	random := rand.New(rand.NewPCG(1, 2))
	maxBytes := int64(16 << 10)
	for step := range 5000 {
		maxBytes = min(max(maxBytes+random.Int64N(4000)-2000, 12<<10), 64<<10)
		require.NoError(t, c.SetMaxBytes(maxBytes))
		for i := range c.shards {
			s := &c.shards[i]
			require.LessOrEqual(t, s.arena.Granules()*granule+s.besideArena(), maxBytes/shards, "step %d", step)
		}
	}
}

// The cache fills the memory of a larger cap.
func TestSetMaxBytes_uses_new_memory(t *testing.T) {
	c, err := New(Options{MaxBytes: 1 << 20, Shards: 4, MaxValue: 1000})
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.SetMaxBytes(8<<20))
	for i := range 30_000 {
		require.NoError(t, c.Set(fmt.Sprint(i), make([]byte, 256), time.Hour))
	}
	stats := c.Stats()
	assert.Greater(t, stats.Bytes.Total(), int64(7<<20))
	assert.LessOrEqual(t, stats.Bytes.Total(), int64(8<<20))
	require.NoError(t, c.checkInvariants())
}

// A smaller cap evicts exactly the longest idle entries.
func TestSetMaxBytes_keeps_latest_used(t *testing.T) {
	c, err := New(Options{MaxBytes: 1 << 20, Shards: 1, MaxValue: 1000, Protected: -1})
	require.NoError(t, err)
	defer c.Close()
	for i := range 2000 {
		require.NoError(t, c.Set(fmt.Sprint(i), make([]byte, 256), time.Hour))
	}
	require.NoError(t, c.SetMaxBytes(256<<10))
	require.NoError(t, c.checkInvariants())
	n := c.Len()
	assert.Greater(t, n, 500)
	for i := range 2000 {
		_, ok := c.Peek(fmt.Sprint(i))
		assert.Equal(t, i >= 2000-n, ok, "entry %d", i)
	}
}

// A value of MaxValue fits under every accepted cap, although the segments of
// the index keep the size that the first cap chose.
func TestSetMaxBytes_fits_MaxValue(t *testing.T) {
	const maxValue = 30 << 10
	c := openCache(t, Options{MaxBytes: 64 << 10, Shards: 1, MaxValue: maxValue})
	accepted, refused := 0, 0
	for maxBytes := int64(maxValue); maxBytes < 40<<10; maxBytes += 8 {
		for _, before := range []int64{64 << 10, 200 << 10, maxBytes - 500} {
			c.SetMaxBytes(before) // the last one is sometimes too small
			if err := c.SetMaxBytes(maxBytes); err != nil {
				require.ErrorIs(t, err, ErrInvalid)
				refused++
				continue
			}
			accepted++
			require.NoError(t, c.Set(strings.Repeat("i", idRoom), make([]byte, maxValue), time.Hour), "%d after %d bytes", maxBytes, before)
		}
	}
	require.Positive(t, accepted)
	require.Positive(t, refused)
	require.NoError(t, c.SetMaxBytes(64<<10), "New's cap is accepted again")
}

// A segment has a granule more than it needs if the rest of its free block was
// too short for a block. The retired memory may begin with that granule.
func TestSetMaxBytes_segment_surplus(t *testing.T) {
	surplus := ref(0)
	for tries := 20; surplus == 0; tries-- {
		require.Positive(t, tries, "no free block follows a segment in any of the caches")
		c := openCache(t, Options{MaxBytes: 64 << 10, Shards: 1, MaxValue: 500})
		for i := range 1000 {
			require.NoError(t, c.Set(fmt.Sprint(i), make([]byte, 20), time.Hour))
		}
		for i := range 500 {
			c.Delete(fmt.Sprint(2 * i))
		}
		s := &c.shards[0]
		c.lock(s)
		if surplus = s.lengthenSegment(); surplus != 0 {
			s.shrinkTo(int64(surplus) + 1) // the surplus granule becomes the sentinel
		}
		c.unlock(s)

		require.NoError(t, c.checkInvariants())
	}
}

// shrinkTo gives up all memory of the arena but the first granules.
func (s *shard) shrinkTo(granules int64) {
	s.arena.Retire(granules)
	for i := uint32(0); i < uint32(len(s.index.segments)); {
		if s.evacuateSegment(i) {
			i++
		}
	}
	for w := (walk{shard: s}); !w.done; s.arena.Work = 0 {
		s.evacuateSome(&w)
	}
	before := s.arena.Memory()
	s.arena.Cut(granules * granule)
	arena.Truncate(before, granules*granule)
}

// lengthenSegment moves the border between a segment and the free block behind
// it by a granule, and returns that granule; 0 if no free block follows a
// segment.
func (s *shard) lengthenSegment() (surplus ref) {
	a := &s.arena
	for _, r := range s.index.segments[1:] {
		surplus := r + ref(a.Header(r).Granules())
		free := *a.Header(surplus)
		if free.Kind() != arena.KindFree || free.Granules() <= minBlock {
			continue
		}
		a.AllocAt(surplus, isReserved)
		*a.Header(r)++ // one granule more
		*a.Header(surplus + 1) = *a.Header(surplus) - 1
		a.Free(surplus + 1)
		return surplus
	}
	return 0
}

// While a shard gives memory up, other calls delete entries between its steps.
// The index shrinks then, and hides no entry from the evacuation.
func TestSetMaxBytes_index_shrinks_midway(t *testing.T) {
	const entries = 90_000
	c := openCache(t, Options{MaxBytes: 8 << 20, Shards: 1, MaxValue: 1000})
	for i := range entries {
		require.NoError(t, c.Set(fmt.Sprint(i), make([]byte, 20), time.Hour))
	}
	s, o := &c.shards[0], c.options
	o.MaxBytes = 4 << 20
	buckets := s.index.buckets

	c.lock(s)
	s.beginShrinking(o)
	c.unlock(s)
	deleted := 0
	for steps := 0; s.shrink != nil; steps++ {
		c.lock(s)
		_, err := s.fitSome(o)
		c.unlock(s)
		require.NoError(t, err)
		if steps%50 == 0 {
			require.NoError(t, c.checkInvariants())
		}
		if s.shrink == nil || s.shrink.walk.next < 1<<tagBits/2 { // until it has visited half of the buckets
			continue
		}
		for range 1000 {
			c.Delete(fmt.Sprint(deleted))
			deleted++
		}
	}

	require.Less(t, s.index.buckets, buckets)
	require.NoError(t, c.checkInvariants())
}
