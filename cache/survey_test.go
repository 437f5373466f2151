package cache

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSurvey(t *testing.T) {
	t.Run("lifetimes", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := openCache(t, Options{})
			for i, ttl := range []time.Duration{
				1, time.Minute, time.Minute + 1, time.Hour, 24 * time.Hour, 365*24*time.Hour + 1, NoExpiry,
			} {
				require.NoError(t, c.Set(fmt.Sprint(i), nil, ttl))
			}
			time.Sleep(time.Nanosecond)
			got := map[time.Duration]int{}
			for _, l := range c.Survey().Lifetimes {
				if l.Entries > 0 {
					got[l.UpTo] = l.Entries
				}
			}
			assert.Equal(t, map[time.Duration]int{
				time.Minute:          2, // one has expired, and one is a nanosecond older than above
				time.Hour:            1,
				24 * time.Hour:       1,
				365 * 24 * time.Hour: 1,
				NoExpiry:             1,
			}, got)
		})
	})

	t.Run("sizes", func(t *testing.T) {
		c := openCache(t, Options{MaxBytes: 16 << 20, MaxValue: 3 << 20, Shards: 1})
		for _, n := range []int{0, 64, 65, 1 << 20, 1<<20 + 1} {
			require.NoError(t, c.Set(fmt.Sprint(n), make([]byte, n), time.Hour))
		}
		got := map[int64]int{}
		for _, s := range c.Survey().Sizes {
			if s.Entries > 0 {
				got[s.UpTo] = s.Entries
			}
		}
		assert.Equal(t, map[int64]int{64: 2, 128: 1, 1 << 20: 1, 1 << 30: 1}, got)
	})

	t.Run("shards", func(t *testing.T) {
		c := openCache(t, Options{MaxBytes: 4 << 20, Shards: 4})
		for i := range 10_000 {
			require.NoError(t, c.Set(fmt.Sprint(i), make([]byte, 50), time.Hour))
		}
		stats, survey := c.Stats(), c.Survey()
		require.Len(t, survey.Shards, 4)
		entries, bytes := 0, int64(0)
		for _, s := range survey.Shards {
			assert.InDelta(t, 2500, s.Entries, 300) // 6 standard deviations
			entries, bytes = entries+s.Entries, bytes+s.Bytes
		}
		assert.Equal(t, 10_000, survey.Entries)
		assert.Equal(t, survey.Entries, entries)
		assert.Equal(t, stats.Bytes.Total(), bytes+Options{MaxBytes: 4 << 20}.curveBytes(), "all but the curve")
	})

	t.Run("every entry once", func(t *testing.T) {
		c := openCache(t, Options{MaxBytes: 64 << 20, Shards: 2})
		for i := range 50_000 {
			require.NoError(t, c.Set(fmt.Sprint(i), nil, time.Hour))
		}
		survey := c.Survey()
		lifetimes, sizes := 0, 0
		for i := range survey.Lifetimes {
			lifetimes += survey.Lifetimes[i].Entries
			sizes += survey.Sizes[i].Entries
		}
		assert.Equal(t, []int{50_000, 50_000, 50_000}, []int{survey.Entries, lifetimes, sizes})
	})

	t.Run("is no use", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := openCache(t, Options{Shards: 1})
			require.NoError(t, c.Set("a", nil, time.Hour))
			time.Sleep(time.Minute)
			before := c.Stats()
			c.Survey()
			assert.Equal(t, before, c.Stats())
			assert.Equal(t, time.Minute, before.VictimAge.Round(time.Second))
		})
	})

	// The bounds stay, so that a page shows the same bars without entries.
	t.Run("closed", func(t *testing.T) {
		c := openCache(t, Options{})
		require.NoError(t, c.Set("a", nil, time.Hour))
		require.NoError(t, c.Close())
		survey := c.Survey()
		assert.Zero(t, survey.Entries)
		assert.Equal(t, LifetimeCount{UpTo: time.Minute}, survey.Lifetimes[0])
		assert.Equal(t, SizeCount{UpTo: 64}, survey.Sizes[0])
		assert.Zero(t, survey.Shards[0])
	})
}

// Each bound is above the one before, and the last has no value beyond it.
func TestSurvey_bounds(t *testing.T) {
	for i := range lifetimeBounds[1:] {
		assert.Less(t, lifetimeBounds[i], lifetimeBounds[i+1])
	}
	for i := range sizeBounds[1:] {
		assert.Less(t, sizeBounds[i], sizeBounds[i+1])
	}
	assert.Equal(t, NoExpiry, lifetimeBounds[len(lifetimeBounds)-1])
	assert.EqualValues(t, maxValueBytes, sizeBounds[len(sizeBounds)-1])
}
