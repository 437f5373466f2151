package tier_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/tier"
)

// at returns a Histogram with one duration for each of all.
func at(all ...time.Duration) (h tier.Histogram) {
	for _, d := range all {
		bucket, _ := slices.BinarySearch(tier.HistogramBounds(), d)
		h.Buckets[bucket]++
		h.Sum += d
	}
	return h
}

func TestLatency(t *testing.T) {
	inBubble(t, "by command", func(t *testing.T) {
		here := newServer().open(t, tier.Options{MaxStale: hour})
		took := func(d time.Duration) { here.client.with(func(c *client) { c.requestTakes = takes(d) }) }
		before := here.Stats().Latency
		require.Equal(t, tier.Latencies{Pulse: at(0)}, before)

		took(time.Millisecond)
		here.set(t, "a", "1", hour)
		took(2 * time.Millisecond)
		require.Equal(t, "1", here.read(t, "a", holdfast.ReadFresh))
		took(3 * time.Millisecond)
		here.put(t, "a", "2", hour)
		took(4 * time.Millisecond)
		require.True(t, here.touch(t, "a", hour/2))
		took(5 * time.Millisecond)
		for _, err := range here.ScanValues(context.Background(), nil) {
			require.NoError(t, err)
		}

		ms := time.Millisecond
		require.Equal(t, tier.Latencies{
			Set: at(ms), Read: at(2 * ms), Swap: at(3 * ms), Touch: at(4 * ms), Scan: at(5 * ms), Pulse: at(0),
		}, here.Stats().Latency)
	})
	inBubble(t, "a local copy takes no command", func(t *testing.T) {
		here := newServer().open(t, tier.Options{MaxStale: hour})
		here.set(t, "a", "1", hour)
		require.Equal(t, "1", here.get(t, "a"))
		require.Zero(t, here.Stats().Latency.Read)
	})
	inBubble(t, "until the timeout", func(t *testing.T) {
		here := newServer().open(t, tier.Options{MaxStale: hour})
		here.client.with(func(c *client) { c.swallows = true })
		require.Error(t, here.change(cache.Put([]byte("1"), hour), "a"))
		require.Equal(t, at(timeout, timeout), here.Stats().Latency.Read, "a read tries twice")
	})
	inBubble(t, "not while the database is away", func(t *testing.T) {
		here := newServer().open(t, tier.Options{})
		here.client.with(func(c *client) { c.swallows = true })
		time.Sleep(2 * maxStale)
		synctest.Wait()
		require.True(t, here.Stats().Away)
		_, _, err := here.Get(background, "a", holdfast.ReadUse)
		require.Error(t, err)
		require.Zero(t, here.Stats().Latency.Read)
	})
}

func TestHistogram(t *testing.T) {
	bounds := tier.HistogramBounds()
	require.IsIncreasing(t, bounds)
	require.Len(t, tier.Histogram{}.Buckets, len(bounds)+1)
	bounds[0] = 0
	require.NotZero(t, tier.HistogramBounds()[0], "the slice is the caller's")
	require.Zero(t, tier.Histogram{}.Count())
	require.EqualValues(t, 3, at(0, time.Second, hour).Count())
}
