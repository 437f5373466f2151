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

// holdOf returns the lock holds of an operation.
func (c *Cache) holdOf(operation string) LockHolds {
	for _, h := range c.Stats().LockHolds {
		if h.Operation == operation {
			return h
		}
	}
	panic(operation)
}

// inHold calls do in one lock hold.
func (c *Cache) inHold(do func(s *shard)) {
	s := &c.shards[0]
	c.lock(s)
	do(s)
	c.unlock(s)
}

func TestLockHolds(t *testing.T) {
	// hold is a lock hold that began d ago. The virtual clock stops while a
	// goroutine waits for a lock.
	hold := func(c *Cache, d time.Duration, kinds ...holdKind) {
		c.inHold(func(s *shard) {
			for _, kind := range kinds {
				s.timeHold(kind)
			}
			s.now -= int64(d)
		})
	}
	run := func(name string, test func(t *testing.T, c *Cache)) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, openCache(t, Options{Shards: 1})) })
		})
	}

	run("longest", func(t *testing.T, c *Cache) {
		hold(c, time.Microsecond, holdScan)
		hold(c, 3*time.Millisecond, holdScan)
		hold(c, time.Millisecond, holdScan)
		hold(c, 2*time.Millisecond, holdResize)
		assert.Equal(t, LockHolds{Operation: "scan", Longest: 3 * time.Millisecond, Slow: 1}, c.holdOf("scan"))
		assert.Equal(t, LockHolds{Operation: "resize", Longest: 2 * time.Millisecond, Slow: 1}, c.holdOf("resize"))
		assert.Equal(t, LockHolds{Operation: "store"}, c.holdOf("store"))
	})

	run("for a minute at least", func(t *testing.T, c *Cache) {
		for range 10 {
			hold(c, time.Second, holdScan)
			time.Sleep(time.Minute)
			assert.Equal(t, time.Second, c.holdOf("scan").Longest)
			hold(c, time.Millisecond, holdScan)
			time.Sleep(time.Minute)
			assert.Equal(t, time.Millisecond, c.holdOf("scan").Longest)
			time.Sleep(time.Minute)
			assert.Zero(t, c.holdOf("scan").Longest)
			time.Sleep(7 * time.Second) // another part of the period
		}
		assert.EqualValues(t, 10, c.holdOf("scan").Slow)
	})

	run("first kind of a hold counts", func(t *testing.T, c *Cache) {
		hold(c, time.Millisecond, holdResize, holdStore)
		hold(c, time.Microsecond, holdStore)
		assert.Equal(t, time.Millisecond, c.holdOf("resize").Longest)
		assert.Equal(t, time.Microsecond, c.holdOf("store").Longest)
	})
}

// Each operation that can hold a lock for long is timed as one of its kind. The
// clock is real, since nothing under a lock takes virtual time.
func TestLockHolds_are_timed(t *testing.T) {
	fill := func(c *Cache) {
		for i := range 5000 {
			require.NoError(t, c.Set(fmt.Sprint(i), make([]byte, 100), time.Hour))
		}
	}
	var stream bytes.Buffer
	source := openCache(t, Options{})
	fill(source)
	require.NoError(t, source.Save(&stream))

	for operation, cases := range map[string]map[string]func(c *Cache){
		"store": {
			"sixteen victims": func(c *Cache) {
				for i := range 100 {
					require.NoError(t, c.Set(fmt.Sprint(i), nil, time.Hour))
				}
				c.inHold(func(s *shard) {
					for range 16 {
						s.evictVictim()
					}
				})
			},
			"a compaction": func(c *Cache) { c.inHold(func(s *shard) { s.compact(minBlock) }) },
			"a growing index": func(c *Cache) {
				for i := range 1000 {
					require.NoError(t, c.Set(fmt.Sprint(i), nil, time.Hour))
				}
			},
			"a long value": func(c *Cache) { require.NoError(t, c.Set("a", make([]byte, 10_000), time.Hour)) },
		},
		"large": {"a long value among short ones": func(c *Cache) {
			fill(c)
			require.NoError(t, c.Set("a", make([]byte, 50_000), time.Hour))
		}},
		"expire": {
			"a sweep": func(c *Cache) {
				require.NoError(t, c.Set("a", nil, 1))
				c.inHold(func(s *shard) { s.sweepSome(0) })
			},
			"merges after a sweep": func(c *Cache) {
				c.inHold(func(s *shard) { s.sweepSome(len(s.index.segments)) })
			},
			"before an eviction": func(c *Cache) {
				require.NoError(t, c.Set("a", nil, 1))
				c.inHold(func(s *shard) { s.evictVictim() })
			},
			"memory given back": func(c *Cache) {
				fill(c)
				for id := range c.All() {
					c.Delete(id)
				}
				c.sweepOnce()
			},
		},
		"scan": {
			"All": func(c *Cache) {
				for range c.All() {
				}
			},
			"ScanValues": func(c *Cache) {
				for range c.ScanValues(nil) {
				}
			},
			"Save":   func(c *Cache) { require.NoError(t, c.Save(&bytes.Buffer{})) },
			"Survey": func(c *Cache) { c.Survey() },
		},
		"sort": {"Load": func(c *Cache) {
			_, err := c.Load(bytes.NewReader(stream.Bytes()))
			require.NoError(t, err)
		}},
		"resize": {"SetMaxBytes": func(c *Cache) { require.NoError(t, c.SetMaxBytes(300<<10)) }},
	} {
		for name, run := range cases {
			t.Run(operation+" "+name, func(t *testing.T) {
				c := openCache(t, Options{MaxBytes: 400 << 10, MaxValue: 60_000, Shards: 1})
				require.Zero(t, c.holdOf(operation).Longest)
				run(c)
				assert.Positive(t, c.holdOf(operation).Longest)
			})
		}
	}
}

// A lookup, a small Set and a Delete read the clock once: none is timed.
func TestLockHolds_short_ones_are_not_timed(t *testing.T) {
	c := openCache(t, Options{Shards: 1})
	for i := range 200 { // fewer than the index has room for
		id := fmt.Sprint(i)
		require.NoError(t, c.Set(id, []byte("1"), time.Hour))
		c.Get(id)
		c.Get("none")
		c.Touch(id, time.Hour)
		require.NoError(t, c.Set(id, []byte("2"), time.Hour))
		require.NoError(t, c.Update(id, func([]byte, bool) (Change, error) { return Put([]byte("3"), time.Hour), nil }))
		if i%2 == 0 {
			c.Delete(id)
		}
	}
	for _, h := range c.Stats().LockHolds {
		assert.Zero(t, h.Longest, h.Operation)
	}
}
