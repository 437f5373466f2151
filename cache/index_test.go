package cache

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSlot(t *testing.T) {
	const r, tg = ref(1<<32 - 1), tag(1<<tagBits - 1)
	v := makeSlot(tg, r)
	assert.Equal(t, r, v.ref())
	assert.Equal(t, tg, v.tag())
	assert.False(t, v.link())
	link := isLink | slot(r)
	assert.Equal(t, r, link.ref())
	assert.Zero(t, link.tag())
	assert.True(t, link.link())
}

// A split moves entries only from the bucket that is split to the new one.
func TestIndex_numberOf(t *testing.T) {
	x := index{buckets: 1, topBit: 1}
	random := rand.New(rand.NewPCG(1, 2))
	tags := make([]tag, 500)
	for i := range tags {
		tags[i] = tag(random.Uint32() >> 1)
	}
	for range 300 {
		before := x
		if x.buckets++; x.buckets == 2*x.topBit {
			x.topBit = x.buckets
		}
		for _, tg := range tags {
			from, to := before.numberOf(tg), x.numberOf(tg)
			require.Less(t, to, x.buckets)
			if from != to {
				require.Equal(t, before.buckets, to, "the new bucket")
				require.Equal(t, before.buckets-before.topBit, from, "the one that is split")
			}
		}
	}
}

// Splits and merges, one at a time, lose no entry.
func TestIndex_split_and_merge(t *testing.T) {
	c := openCache(t, Options{MaxBytes: 1 << 20, Shards: 1})
	const entries = 1000
	for i := range entries {
		require.NoError(t, c.Set(fmt.Sprint(i), nil, time.Hour))
	}
	s := &c.shards[0]
	step := func(resize func() bool) bool {
		c.lock(s)
		ok := resize()
		c.unlock(s)
		require.NoError(t, c.checkInvariants())
		require.Equal(t, entries, c.Len())
		return ok
	}
	before := s.index.buckets
	for range 400 {
		require.True(t, step(s.split))
	}
	require.Equal(t, before+400, s.index.buckets)
	for s.index.buckets > 50 && step(s.merge) {
	}
	assert.Less(t, s.index.buckets, before)
}

// Entries with the same tag form one chain of overflow buckets, which is as
// short as it can be and is freed with the entries.
func TestIndex_overflow(t *testing.T) {
	c := openCache(t, Options{MaxBytes: 64 << 10, Shards: 1})
	c.hashMask = 0
	s := &c.shards[0]
	overflow := func() (n int) {
		for _, h := range s.arena.Blocks() {
			if h.Kind() == isOverflow {
				n++
			}
		}
		return n
	}
	var ids []string
	for i := range 60 {
		ids = append(ids, fmt.Sprint(i))
		require.NoError(t, c.Set(ids[i], nil, time.Hour))
		// Each bucket but the last has a link in place of an entry.
		require.Equal(t, max(0, (i-1)/(slotsPerBucket-1)), overflow(), "%d entries", i+1)
		require.NoError(t, c.checkInvariants())
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	for i := range slices.Backward(ids) {
		require.True(t, c.Delete(ids[i]))
		require.Equal(t, max(0, (i-2)/(slotsPerBucket-1)), overflow(), "%d entries", i)
		require.NoError(t, c.checkInvariants())
	}
}
