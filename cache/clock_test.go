package cache

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// stepWall has the effect of a step of the system's wall clock by the given
// time. A test cannot step the clock, so stepWall moves the wall reading of the
// cache's start the other way, without the monotonic reading beside it (see
// time.Time; its seconds are bits 30 to 62).
func stepWall(t *testing.T, c *Cache, by time.Duration) {
	before := c.clock.start
	*(*uint64)(unsafe.Pointer(&c.clock.start)) -= uint64(by/time.Second) << 30
	require.Equal(t, by, before.Round(0).Sub(c.clock.start.Round(0)), "the wall reading has moved")
	require.Zero(t, before.Sub(c.clock.start), "the monotonic one has not")
}

// A step of the wall clock expires no entry early and keeps none.
func TestWallClockStep(t *testing.T) {
	if raceEnabled {
		t.Skip("the test writes to memory that the sweeper may read")
	}
	const year = 365 * 24 * time.Hour
	for _, by := range []time.Duration{time.Hour, -time.Hour, 10 * year, -10 * year} {
		t.Run(by.String(), func(t *testing.T) {
			c := openCache(t, Options{})
			require.NoError(t, c.Set("long", nil, 30*time.Minute))
			require.NoError(t, c.Set("short", nil, time.Nanosecond))

			stepWall(t, c, by)
			require.NoError(t, c.Set("later", nil, 30*time.Minute))

			for _, id := range []string{"long", "later"} {
				entry := entryOf(t, c, id)
				assert.LessOrEqual(t, entry.TTL, 30*time.Minute)
				assert.Greater(t, entry.TTL, 29*time.Minute)
				assert.Less(t, entry.Idle, time.Minute)
			}
			_, ok := c.Peek("short")
			assert.False(t, ok, "it had expired")
			assert.True(t, c.Touch("long", time.Hour))
			assert.Equal(t, 2, c.Len())
		})
	}
}

func entryOf(t *testing.T, c *Cache, id string) Entry {
	t.Helper()
	for entry := range c.ScanValues(nil) {
		if entry.ID == id {
			return entry
		}
	}
	require.Fail(t, "there is no such entry", "%q", id)
	return Entry{}
}

// A snapshot has only the wall clock. If the wall clock is earlier now than at
// the Save, no time counts as passed: TTLs are neither shorter nor longer.
func TestSnapshotFromTheFuture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var stream bytes.Buffer
		saved := openCache(t, Options{})
		require.NoError(t, saved.Set("a-session", nil, time.Hour))
		require.NoError(t, saved.Save(&stream))
		snapshot := stream.Bytes()
		for at := 0; at < len(snapshot); {
			le := binary.LittleEndian
			le.PutUint64(snapshot[at+24:], le.Uint64(snapshot[at+24:])+uint64(10*365*24*time.Hour))
			at += headerBytes + int(le.Uint32(snapshot[at+33:])) + checkBytes
		}
		rightChecks(snapshot)

		c := openCache(t, Options{})
		_, err := c.Load(bytes.NewReader(snapshot))
		require.NoError(t, err)
		assert.Equal(t, time.Hour, entryOf(t, c, "a-session").TTL)
	})
}

func TestSweeperWakesForEarlierDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := openCache(t, Options{Shards: 1})
		synctest.Wait() // the sweeper sleeps without a deadline
		for i, ttl := range []time.Duration{time.Hour, time.Minute, time.Second} {
			require.NoError(t, c.Set(fmt.Sprint(i), nil, ttl))
			synctest.Wait() // the sweeper sleeps until the deadline
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

// No method finds an expired entry, even before a sweep.
func TestExpiredBeforeSweep(t *testing.T) {
	methods := map[string]func(c *Cache) bool{
		"Get":        func(c *Cache) bool { _, ok := c.Get("a-session"); return ok },
		"Peek":       func(c *Cache) bool { _, ok := c.Peek("a-session"); return ok },
		"Touch":      func(c *Cache) bool { return c.Touch("a-session", time.Hour) },
		"Delete":     func(c *Cache) bool { return c.Delete("a-session") },
		"Len":        func(c *Cache) bool { return c.Len() > 0 },
		"Stats":      func(c *Cache) bool { return c.Stats().Entries > 0 },
		"All":        func(c *Cache) bool { return len(contents(c)) > 0 },
		"ScanValues": func(c *Cache) bool { return len(slices.Collect(c.ScanValues(nil))) > 0 },
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
				require.NoError(t, c.Set("before", nil, time.Nanosecond))
				time.Sleep(time.Nanosecond)
				synctest.Wait() // the next sweep is a sweepPause later
				require.NoError(t, c.Set("a-session", nil, sweepPause/2))
				time.Sleep(sweepPause / 2)
				assert.False(t, method(c))
				_, ok := c.Peek("a-session")
				assert.False(t, ok, "nothing was revived")
			})
		})
	}
}

func TestVictimAge(t *testing.T) {
	// The age is the least over all shards, even if that is 0.
	t.Run("least over all shards", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			const tick = 1 << tickShift
			c := openCache(t, Options{Shards: 2})
			for i := range 20 {
				require.NoError(t, c.Set(fmt.Sprint(i), nil, time.Hour))
			}
			for shard := range 2 {
				time.Sleep(time.Minute)
				time.Sleep(time.Duration(tick - c.clock.now()%tick)) // ages are counted from ticks
				for i := range 20 {
					if id := fmt.Sprint(i); c.shardOf(c.hash(id)) == &c.shards[shard] {
						require.NoError(t, c.Set(id, nil, time.Hour))
					}
				}
				assert.Zero(t, c.Stats().VictimAge)
				assert.Zero(t, c.Stats().ProtectedAge)
			}
		})
	})

	t.Run("of each segment", func(t *testing.T) {
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
	})
}

// The sweeper frees the first expired entry at once, and later ones within a
// sweepPause.
func TestSweepPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []time.Duration
		var start time.Time
		c := openCache(t, Options{OnEvict: func(string, EvictionReason) { told = append(told, time.Since(start)) }})
		start = time.Now()

		require.NoError(t, c.Set("first", nil, time.Millisecond))
		require.NoError(t, c.Set("second", nil, 2*time.Millisecond))
		require.NoError(t, c.Set("long after", nil, time.Hour))
		time.Sleep(2 * time.Hour)
		synctest.Wait()

		assert.Equal(t, []time.Duration{time.Millisecond, time.Millisecond + sweepPause, time.Hour}, told)
	})
}

func TestDeadlineBeyondTheClock(t *testing.T) {
	for _, now := range []int64{0, clockStart, noDeadline - 1} {
		assert.Equal(t, noDeadline, deadlineAt(now, NoExpiry))
		assert.Equal(t, now+1, deadlineAt(now, 1))
	}
}
