package cache

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// orderTest is a shard with some entries, whose order a test changes directly.
func orderTest(t *testing.T, o Options, entries int) (s *shard, refs []ref) {
	o.Shards = 1
	c := openCache(t, o)
	s = &c.shards[0]
	for i := range entries {
		id := fmt.Sprint(i)
		require.NoError(t, c.Set(id, nil, time.Hour))
		refs = append(refs, s.find(id, tagOf(c.hash(id))))
	}
	t.Cleanup(func() { require.NoError(t, c.checkInvariants()) })
	return s, refs
}

// listed returns the entries of a list from the newest to the oldest.
func (l *list) listed(a *records) (refs []ref) {
	for r, n := l.newest, l.count; n > 0; n-- {
		refs = append(refs, r)
		r = a.record(r).older
	}
	return refs
}

// The first use of an entry promotes it, a demotion takes it back.
func TestEvictionOrder_promote_demote(t *testing.T) {
	s, refs := orderTest(t, Options{MaxBytes: 64 << 10}, 3)
	a, o := &s.arena, &s.order
	assert.Equal(t, []ref{refs[2], refs[1], refs[0]}, o.probation.listed(a))
	o.use(a, refs[0], tickOf(s.now))
	o.use(a, refs[1], tickOf(s.now))
	assert.Equal(t, []ref{refs[1], refs[0]}, o.protected.listed(a))
	assert.Equal(t, []ref{refs[2]}, o.probation.listed(a))

	o.protectedShare = 0
	o.demote(a, tickOf(s.now), 1)
	assert.Equal(t, []ref{refs[1]}, o.protected.listed(a))
	assert.Equal(t, []ref{refs[0], refs[2]}, o.probation.listed(a))
	assert.True(t, a.record(refs[0]).usedAgain())
	assert.False(t, a.record(refs[2]).usedAgain())
}

// A use moves a protected entry to the front of protected, so the longest idle
// is demoted first.
func TestEvictionOrder_protected(t *testing.T) {
	s, refs := orderTest(t, Options{MaxBytes: 64 << 10}, 3)
	a, o := &s.arena, &s.order
	for _, r := range refs {
		o.use(a, r, tickOf(s.now))
	}
	o.use(a, refs[0], tickOf(s.now)+refreshAfter)
	assert.Equal(t, []ref{refs[0], refs[2], refs[1]}, o.protected.listed(a))

	o.protectedShare = 0
	o.demote(a, tickOf(s.now)+refreshAfter, 1)
	assert.Equal(t, []ref{refs[1]}, o.probation.listed(a))
}

// One eviction demotes few entries.
func TestEvictionOrder_bounds_demotions(t *testing.T) {
	s, refs := orderTest(t, Options{MaxBytes: 1 << 20}, 3000)
	o := &s.order
	for _, r := range refs {
		o.use(&s.arena, r, tickOf(s.now))
	}
	o.protectedShare = 0
	for before := o.protected.count; before > 0; before = o.protected.count {
		require.True(t, s.evictVictim())
		require.LessOrEqual(t, before-o.protected.count, uint32(64))
	}
}

// In plain LRU, a use moves an entry to the front of the one list.
func TestEvictionOrder_plain(t *testing.T) {
	s, refs := orderTest(t, Options{MaxBytes: 64 << 10, Protected: -1}, 3)
	a, o := &s.arena, &s.order
	o.use(a, refs[0], tickOf(s.now)+refreshAfter)
	assert.Equal(t, []ref{refs[0], refs[2], refs[1]}, o.probation.listed(a))
	assert.Zero(t, o.protected.count)
	assert.Equal(t, refs[1], o.victim())
}

// demote stops at the limit or after most entries, and does not change the
// victim.
func TestEvictionOrder_demote_bounds(t *testing.T) {
	s, refs := orderTest(t, Options{MaxBytes: 64 << 10}, 100)
	a, o := &s.arena, &s.order
	for _, r := range refs[:80] {
		o.use(a, r, tickOf(s.now))
	}
	limit := int64(o.protectedShare * float64(a.Granules()))
	o.demote(a, tickOf(s.now), maxDemotions)
	require.LessOrEqual(t, o.protected.granules, limit)
	require.EqualValues(t, 80, o.protected.count, "protected is within its limit")

	o.protectedShare = 0
	victim := o.victim()
	o.demote(a, tickOf(s.now), 10)
	assert.EqualValues(t, 70, o.protected.count)
	o.demote(a, tickOf(s.now), 100)
	assert.Zero(t, o.protected.count)
	assert.Equal(t, victim, o.victim())
}

// An entry stays in place at a use only if it moved a short time before, by
// the age of the list.
func TestList_recent_is_an_eighth(t *testing.T) {
	s, refs := orderTest(t, Options{MaxBytes: 1 << 20, Protected: -1}, 1000)
	a, l := &s.arena, &s.order.probation
	random := rand.New(rand.NewPCG(1, 2))
	tick, stayed := tickOf(s.now), 0
	for step := range 100_000 {
		tick += random.Uint64N(3)
		r := refs[min(random.IntN(len(refs)), random.IntN(len(refs)))]
		before, newest := a.record(r).lastUse(), l.newest
		age := tick - a.record(l.oldest).lastUse()
		s.order.use(a, r, tick)
		if before == tick {
			continue
		}
		if a.record(r).lastUse() == before {
			stayed++
			require.True(t, r == newest || 8*(tick-before) < age, "moved %d ago, list of age %d", tick-before, age)
			require.Less(t, tick-before, refreshAfter)
			require.True(t, r == newest || len(refs) >= shortList)
		} else {
			require.Equal(t, r, l.newest)
		}
		if step > 50_000 && random.IntN(20) == 0 && len(refs) > 20 {
			i := random.IntN(len(refs))
			s.drop(refs[i], s.tagAt(refs[i]))
			refs[i] = refs[len(refs)-1]
			refs = refs[:len(refs)-1]
		}
	}
	assert.Greater(t, stayed, 10_000)
	assert.LessOrEqual(t, len(refs), 20)
}
