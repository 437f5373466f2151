package cache

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const allTags = uint32(1) << tagBits

// sampleAll returns a sampler of all IDs, for a cache of so many granules.
func sampleAll(n int, granules float64) *sampler {
	p := newSampler(n, granules)
	p.setBelow(allTags)
	return &p
}

// A sampler of all IDs counts exactly as five separate LRUs do.
func TestSampler_model(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	p := sampleAll(1000, 1000)
	var caches [curveSizes]exactLRU
	for i := range caches {
		caches[i] = exactLRU{limit: p.limit[i]}
	}
	largest := &caches[curveSizes-1]
	var lost [curveSizes + 1]float64
	for now := uint32(1); now < 100_000; now++ {
		id, shard := uint32(random.IntN(300)), uint8(0)
		deadline := now + 1 + uint32(random.IntN(1000))
		switch random.IntN(10) {
		case 0:
			p.remove(id, shard)
			for i := range caches {
				caches[i].remove(id)
			}
		case 1:
			known := p.touch(id, shard, deadline, now)
			require.Equal(t, largest.find(id, now) >= 0, known, "step %d", now)
			for i := range caches {
				if known {
					caches[i].use(id, largest.granulesOf(id), deadline)
				} else {
					caches[i].remove(id)
				}
			}
		case 2, 3, 4:
			granules := uint32(1 + random.IntN(30))
			p.store(id, shard, granules, deadline)
			for i := range caches {
				caches[i].use(id, granules, deadline)
			}
		default:
			n, granules := 0, largest.granulesOf(id)
			for i := range caches {
				if caches[i].find(id, now) < 0 {
					n++
				}
			}
			require.True(t, p.lookup(id, shard, false, now))
			lost[n]++
			for i := range caches {
				if n < curveSizes {
					caches[i].use(id, granules, largest.deadlineOf(id))
				} else {
					caches[i].remove(id)
				}
			}
		}
		if now%100 == 0 {
			p.sweep(now)
			for i := range caches {
				caches[i].sweep(now)
			}
			require.NoError(t, p.check(), "step %d", now)
		}
	}
	assert.Equal(t, lost, p.counts.lost)
	for n, times := range lost {
		assert.Greater(t, times, 20.0, "too few lookups found the entry in all but %d caches", n)
	}
}

// exactLRU is one cache, the newest entry first.
type exactLRU struct {
	limit   int64
	entries []lruEntry
}

type lruEntry struct{ id, granules, deadline uint32 }

func (l *exactLRU) index(id uint32) int {
	return slices.IndexFunc(l.entries, func(e lruEntry) bool { return e.id == id })
}

func (l *exactLRU) find(id, now uint32) int {
	i := l.index(id)
	if i >= 0 && l.entries[i].deadline <= now {
		return -1
	}
	return i
}

func (l *exactLRU) granulesOf(id uint32) uint32 {
	if i := l.index(id); i >= 0 {
		return l.entries[i].granules
	}
	return 0
}

func (l *exactLRU) deadlineOf(id uint32) uint32 {
	if i := l.index(id); i >= 0 {
		return l.entries[i].deadline
	}
	return 0
}

func (l *exactLRU) remove(id uint32) {
	l.entries = slices.DeleteFunc(l.entries, func(e lruEntry) bool { return e.id == id })
}

func (l *exactLRU) sweep(now uint32) {
	l.entries = slices.DeleteFunc(l.entries, func(e lruEntry) bool { return e.deadline <= now })
}

// use makes an entry the newest. An entry of 0 granules is none.
func (l *exactLRU) use(id, granules, deadline uint32) {
	l.remove(id)
	if granules == 0 {
		return
	}
	l.entries = slices.Insert(l.entries, 0, lruEntry{id, granules, deadline})
	for {
		sum := int64(0)
		for _, e := range l.entries {
			sum += int64(e.granules)
		}
		if sum <= l.limit {
			return
		}
		l.entries = l.entries[:len(l.entries)-1]
	}
}

// check returns the first violation of an invariant, or nil.
func (p *sampler) check() error {
	if len(p.samples) == 0 {
		return nil
	}
	live, lost := 0, uint8(0)
	var used [curveSizes]int64
	var oldest [curveSizes]uint16
	for newer, i := uint16(0), p.samples[0].older; i != 0; newer, i = i, p.samples[i].older {
		v := &p.samples[i]
		switch {
		case live == p.live:
			return fmt.Errorf("the list is longer than %d", p.live)
		case v.newer != newer:
			return fmt.Errorf("sample %d is older than %d, not than %d", i, newer, v.newer)
		case v.lost < lost || v.lost >= curveSizes:
			return fmt.Errorf("sample %d is in more caches than a newer one", i)
		case v.tag >= p.below || p.find(v.tag, v.shard) != i:
			return fmt.Errorf("sample %d is not found", i)
		}
		live, lost = live+1, v.lost
		for c := int(lost); c < curveSizes; c++ {
			used[c] += int64(v.granules)
			oldest[c] = i
		}
	}
	unused := 0
	for i := p.free; i != 0; i = p.samples[i].next {
		unused++
	}
	switch {
	case live != p.live || live+unused != max(1, p.fresh)-1:
		return fmt.Errorf("%d samples in use and %d unused, of %d", live, unused, p.fresh-1)
	case used != p.used || oldest != p.oldest:
		return fmt.Errorf("caches of %d granules and the oldest %d, accounted for as %d and %d", used, oldest, p.used, p.oldest)
	}
	for c := range used {
		if used[c] > p.limit[c] {
			return fmt.Errorf("cache %d has %d granules, of at most %d", c, used[c], p.limit[c])
		}
	}
	return nil
}

// A flood of distinct IDs lowers the threshold and takes no more memory.
func TestSampler_flood(t *testing.T) {
	p := newSampler(minSamples, 1<<40)
	before := cap(p.samples) + cap(p.heads)
	random := rand.New(rand.NewPCG(1, 2))
	assert.Zero(t, testing.AllocsPerRun(1, func() {
		for range 200_000 {
			p.store(random.Uint32N(p.below), uint8(random.IntN(256)), 20, 1)
		}
	}))
	require.NoError(t, p.check())
	assert.Equal(t, before, cap(p.samples)+cap(p.heads))
	assert.Less(t, p.below, mostSampled/100)
	assert.Greater(t, p.live, minSamples/2)

	// Even IDs that a threshold cannot tell apart do not exhaust the sampler.
	for shard := range 256 {
		for range 3 {
			p.store(0, uint8(shard), 20, 1)
		}
	}
	require.NoError(t, p.check())
}

// A lower threshold lets each count stand for as many lookups as before.
func TestSampler_thin(t *testing.T) {
	p := sampleAll(1000, 1<<30)
	for i := range uint32(1000) {
		p.store(i<<21, 0, 1, 10)
		p.lookup(i<<21, 0, true, 1)
		p.lookup(i<<21, 1, false, 1)
	}
	p.thin()

	require.NoError(t, p.check())
	assert.Equal(t, 0.875, p.rate())
	assert.InDelta(t, 1000*0.875, p.counts.lost[0], 0.001)
	assert.InDelta(t, 1000*0.875, p.counts.lost[curveSizes], 0.001)
	assert.InDelta(t, 1000*0.875, p.counts.missed, 0.001)
	assert.Equal(t, 896, p.live, "1<<31 * 7/8 is above the first 896 tags")
	assert.Equal(t, int64(1<<30)*7/8, p.limit[atCap])
}

// A deadline is never earlier in the sampler than in the cache.
func TestSampleDeadline(t *testing.T) {
	for _, at := range []int64{-1, 0, 1, 1 << sampleTickShift, 1<<sampleTickShift + 1, 1 << 60, noDeadline - 1, noDeadline} {
		assert.Greater(t, sampleDeadline(at), sampleTick(at-1), "%d", at)
		assert.Greater(t, sampleDeadline(noDeadline), sampleTick(at), "%d", at)
	}
}
