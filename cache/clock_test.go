package cache

import (
	"bytes"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheClockIsMonotonicAndNotTheWalls(t *testing.T) {
	c := openCache(t, Options{})
	assert.NotEqual(t, c.clock.start.Round(0), c.clock.start, "it has a monotonic reading")

	// A step of the wall clock by ten years shows in the wall reading alone.
	wall := c.clock.start.Round(0).Add(-10 * 365 * 24 * time.Hour)
	require.Greater(t, time.Since(wall), 9*365*24*time.Hour)
	assert.Less(t, c.clock.now()-clockStart, int64(time.Hour))
}

func TestASleepingSweeperIsWokenForAnEarlierDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := openCache(t, Options{Shards: 1})
		synctest.Wait() // it sleeps, without an end
		for i, ttl := range []time.Duration{time.Hour, time.Minute, time.Second} {
			require.NoError(t, c.Set(fmt.Sprint(i), nil, ttl))
			synctest.Wait() // it sleeps until then
		}
		for left, sleep := range []time.Duration{3 * time.Second, 2 * time.Minute, 2 * time.Hour} {
			time.Sleep(sleep)
			synctest.Wait()
			c.shards[0].mu.Lock()
			assert.Equal(t, 2-left, c.shards[0].entries())
			c.shards[0].mu.Unlock()
		}
	})
}

func TestAnExpiredEntryIsGoneForEveryMethodBeforeItIsSwept(t *testing.T) {
	methods := map[string]func(c *Cache) bool{
		"Get":    func(c *Cache) bool { _, ok := c.Get("a-session"); return ok },
		"Peek":   func(c *Cache) bool { _, ok := c.Peek("a-session"); return ok },
		"Touch":  func(c *Cache) bool { return c.Touch("a-session", time.Hour) },
		"Delete": func(c *Cache) bool { return c.Delete("a-session") },
		"Len":    func(c *Cache) bool { return c.Len() > 0 },
		"Stats":  func(c *Cache) bool { return c.Stats().Entries > 0 },
		"All":    func(c *Cache) bool { return len(contents(c)) > 0 },
		"Update": func(c *Cache) (seen bool) {
			c.Update("a-session", func(_ []byte, found bool) (Change, error) { seen = found; return Keep(), nil })
			return seen
		},
		"Save": func(c *Cache) bool {
			var stream bytes.Buffer
			c.Save(&stream)
			return bytes.Contains(stream.Bytes(), []byte("a-session"))
		},
	}
	for name, method := range methods {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, err := New(Options{})
				require.NoError(t, err)
				defer c.Close()
				require.NoError(t, c.Set("a-session", nil, sweepInterval/2))
				time.Sleep(sweepInterval / 2)
				assert.False(t, method(c))
				_, ok := c.Peek("a-session")
				assert.False(t, ok, "nothing was revived")
			})
		})
	}
}

func TestStatsTellTheAgeOfEachSegmentsVictim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := openCache(t, Options{Shards: 1})
		require.NoError(t, c.Set("came back", nil, time.Hour))
		time.Sleep(time.Minute)
		c.Get("came back")
		require.NoError(t, c.Set("stranger", nil, time.Hour))
		time.Sleep(time.Minute)
		require.NoError(t, c.Set("another", nil, time.Hour))
		c.Get("stranger")
		time.Sleep(time.Minute)
		stats := c.Stats()
		assert.Equal(t, time.Minute, stats.VictimAge.Round(time.Second))
		assert.Equal(t, 2*time.Minute, stats.ProtectedAge.Round(time.Second))
	})
}

func TestDeadlinesBeyondTheClockAreNever(t *testing.T) {
	for _, now := range []int64{0, clockStart, noDeadline - 1} {
		assert.Equal(t, noDeadline, deadlineAt(now, NoExpiry))
		assert.Equal(t, now+1, deadlineAt(now, 1))
	}
}
