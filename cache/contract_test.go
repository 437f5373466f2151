package cache_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/cache"
)

// These tests see the cache as its users do. They rely on its doc comments
// alone, not on the engine.

func open(t testing.TB, o cache.Options) *cache.Cache {
	t.Helper()
	c, err := cache.New(o)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

func put(t testing.TB, c *cache.Cache, id, value string) {
	t.Helper()
	require.NoError(t, c.Set(id, []byte(value), time.Hour))
}

func get(c *cache.Cache, id string) string {
	value, ok := c.Get(id)
	if !ok {
		return "(none)"
	}
	return string(value)
}

// virtually runs test in a bubble with a virtual clock.
func virtually(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, test)
}

func TestGet(t *testing.T) {
	t.Run("latest value", func(t *testing.T) {
		c := open(t, cache.Options{})
		put(t, c, "a", "1")
		put(t, c, "b", "2")
		put(t, c, "a", "3")
		assert.Equal(t, "3", get(c, "a"))
		assert.Equal(t, "2", get(c, "b"))
		assert.Equal(t, "(none)", get(c, "c"))
		assert.Equal(t, 2, c.Len())
	})

	t.Run("empty value", func(t *testing.T) {
		c := open(t, cache.Options{})
		put(t, c, "a", "")
		_, ok := c.Get("a")
		assert.True(t, ok)
	})

	t.Run("empty is not nil", func(t *testing.T) {
		c := open(t, cache.Options{})
		require.NoError(t, c.Set("a", nil, time.Hour))
		for name, read := range map[string]func(id string) ([]byte, bool){"Get": c.Get, "Peek": c.Peek} {
			value, ok := read("a")
			assert.True(t, ok, name)
			assert.Equal(t, []byte{}, value, name)
			value, ok = read("b")
			assert.False(t, ok, name)
			assert.Nil(t, value, name)
		}
		for _, value := range c.All() {
			assert.Equal(t, []byte{}, value, "All")
		}
		for entry := range c.ScanValues(nil) {
			assert.Equal(t, []byte{}, entry.Value, "ScanValues")
		}
		for id, want := range map[string][]byte{"a": {}, "b": nil} {
			c.Update(id, func(old []byte, _ bool) (cache.Change, error) {
				assert.Equal(t, want, old, "Update")
				return cache.Keep(), nil
			})
		}
	})
}

func TestAppend(t *testing.T) {
	t.Run("extends the buffer", func(t *testing.T) {
		c := open(t, cache.Options{})
		put(t, c, "a", "value")

		found, ok := c.Append([]byte("prefix-"), "a")
		require.True(t, ok)
		assert.Equal(t, "prefix-value", string(found))

		missed, ok := c.Append([]byte("prefix-"), "b")
		assert.False(t, ok)
		assert.Equal(t, "prefix-", string(missed))
	})

	t.Run("does not allocate", func(t *testing.T) {
		c := open(t, cache.Options{})
		put(t, c, "a", strings.Repeat("v", 256))
		buf := make([]byte, 0, 512)
		assert.Zero(t, testing.AllocsPerRun(100, func() { c.Append(buf, "a") }))
	})
}

func TestCallerSharesNoMemory(t *testing.T) {
	c := open(t, cache.Options{})
	given := []byte("original")
	require.NoError(t, c.Set("a", given, time.Hour))
	copy(given, "CHANGED!")
	returned, _ := c.Get("a")
	copy(returned, "CHANGED!")
	assert.Equal(t, "original", get(c, "a"))
}

func TestDelete(t *testing.T) {
	c := open(t, cache.Options{})
	put(t, c, "a", "1")
	assert.True(t, c.Delete("a"))
	assert.False(t, c.Delete("a"))
	assert.Equal(t, "(none)", get(c, "a"))
	assert.Zero(t, c.Len())
	assert.Zero(t, c.Stats().Bytes.Total()-emptyBytes(t), "the memory of a deleted entry comes back")
}

func emptyBytes(t *testing.T) int64 {
	return open(t, cache.Options{}).Stats().Bytes.Total()
}

func TestIDsOfAnyContent(t *testing.T) {
	c := open(t, cache.Options{})
	for _, id := range []string{"\x00", "../x", "é", strings.Repeat("x", cache.MaxIDLen)} {
		put(t, c, id, "1")
		assert.Equal(t, "1", get(c, id))
	}
}

// Bad input is an error and loses nothing.
func TestBadInput(t *testing.T) {
	c := open(t, cache.Options{MaxValue: 1000})
	put(t, c, "a", "kept")
	for name, test := range map[string]struct {
		id    string
		value []byte
		ttl   time.Duration
		want  error
	}{
		"empty ID":        {"", nil, time.Hour, cache.ErrInvalid},
		"overlong ID":     {strings.Repeat("x", cache.MaxIDLen+1), nil, time.Hour, cache.ErrInvalid},
		"TTL of 0":        {"a", nil, 0, cache.ErrInvalid},
		"negative TTL":    {"a", nil, -1, cache.ErrInvalid},
		"least TTL":       {"a", nil, math.MinInt64, cache.ErrInvalid},
		"too large value": {"a", make([]byte, 1001), time.Hour, cache.ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.Set(test.id, test.value, test.ttl)
			assert.ErrorIs(t, err, test.want)
			err = c.Update(test.id, func([]byte, bool) (cache.Change, error) { return cache.Put(test.value, test.ttl), nil })
			assert.ErrorIs(t, err, test.want)
			assert.Equal(t, "kept", get(c, "a"))
			assert.Zero(t, c.Stats().EvictedForCapacity)
		})
	}
}

// The error for a larger value names both sizes.
func TestLargestValue(t *testing.T) {
	c := open(t, cache.Options{MaxBytes: 8 << 20, MaxValue: 1 << 20})
	require.NoError(t, c.Set("a", make([]byte, 1<<20), time.Hour))
	err := c.Set("a", make([]byte, 1<<20+1), time.Hour)
	assert.ErrorContains(t, err, "1048577")
	assert.ErrorContains(t, err, "1048576")
}

// An error contains neither an ID nor a value.
func TestErrorsContainNoSecrets(t *testing.T) {
	c := open(t, cache.Options{MaxValue: 10})
	err := c.Set("secret-id", []byte("secret-value"), time.Hour)
	assert.NotContains(t, fmt.Sprintf("%v %+v", err, err), "secret")
}

func TestNewRefuses(t *testing.T) {
	for name, o := range map[string]cache.Options{
		"cap of 1 byte":                 {MaxBytes: 1},
		"cap of 3 bytes":                {MaxBytes: 3},
		"negative cap":                  {MaxBytes: -1},
		"a cap beyond all refs":         {MaxBytes: 1 << 42, Shards: 128},
		"a cap beyond all addresses":    {MaxBytes: math.MaxInt64},
		"value larger than the cap":     {MaxBytes: 1 << 20, MaxValue: 2 << 20},
		"negative largest value":        {MaxValue: -1},
		"everything protected":          {Protected: 1},
		"a share that is no number":     {Protected: math.NaN()},
		"shards not a power of two":     {Shards: 3},
		"negative shards":               {Shards: -1},
		"shards too small for a value":  {MaxBytes: 1 << 20, MaxValue: 512 << 10, Shards: 4},
		"more shards than there may be": {Shards: 1 << 20},
		"shards smaller than a segment": {MaxBytes: 8 << 10, MaxValue: 100, Shards: 16},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := cache.New(o)
			assert.ErrorIs(t, err, cache.ErrInvalid)
			assert.NotContains(t, err.Error(), "at most -")
			assert.Nil(t, c)
		})
	}
}

// The cap.

func TestBytesWithinCap(t *testing.T) {
	for _, shards := range []int{1, 4} {
		t.Run(fmt.Sprint(shards, " shards"), func(t *testing.T) {
			const maxBytes = 1 << 20
			c := open(t, cache.Options{MaxBytes: maxBytes, Shards: shards})
			random := newRandom()
			for range 20_000 {
				id := fmt.Sprint("id-", random.IntN(2000))
				switch random.IntN(10) {
				case 0:
					c.Delete(id)
				case 1:
					c.Get(id)
				default:
					size := 1 << random.IntN(14)
					require.NoError(t, c.Set(id, make([]byte, size), time.Hour))
				}
				require.LessOrEqual(t, c.Stats().Bytes.Total(), int64(maxBytes))
			}
			assert.Positive(t, c.Stats().EvictedForCapacity)
		})
	}
}

// An entry that grows evicts others and not itself.
func TestGrowingEntry(t *testing.T) {
	c := open(t, cache.Options{MaxBytes: 64 << 10, MaxValue: 48 << 10, Shards: 1})
	for i := range 40 {
		put(t, c, fmt.Sprint("other-", i), strings.Repeat("x", 1000))
	}
	for size := 1 << 10; size <= 48<<10; size += 1 << 10 {
		put(t, c, "growing", strings.Repeat("x", size))
		require.Len(t, get(c, "growing"), size)
	}
}

// Eviction.

func TestLRU(t *testing.T) {
	t.Run("evicts the longest idle", func(t *testing.T) {
		c := open(t, cache.Options{MaxBytes: 64 << 10, MaxValue: 1000, Shards: 1, Protected: -1})
		value := strings.Repeat("x", 1000)
		for i := range 30 {
			put(t, c, fmt.Sprint(i), value)
		}
		require.Zero(t, c.Stats().EvictedForCapacity)
		for i := range 15 {
			get(c, fmt.Sprint(i))
		}
		for i := 100; c.Stats().EvictedForCapacity < 15; i++ {
			put(t, c, fmt.Sprint(i), value)
		}
		for i := range 30 {
			_, ok := c.Peek(fmt.Sprint(i))
			assert.Equal(t, i < 15, ok, "entry %d", i)
		}
	})

	t.Run("Peek and All are not uses", func(t *testing.T) {
		c := open(t, cache.Options{MaxBytes: 64 << 10, MaxValue: 1000, Shards: 1, Protected: -1})
		put(t, c, "first", strings.Repeat("x", 1000))
		put(t, c, "second", strings.Repeat("x", 1000))
		c.Peek("first")
		_ = maps.Collect(c.All())
		for i := 0; c.Stats().EvictedForCapacity == 0; i++ {
			put(t, c, fmt.Sprint(i), strings.Repeat("x", 900))
		}
		_, ok := c.Peek("first")
		assert.False(t, ok)
		_, ok = c.Peek("second")
		assert.True(t, ok)
	})

	// The list derives the recent entries from the number of late uses. After
	// most other entries are deleted, the recent ones are no small part any
	// more, and the order must be exact again.
	t.Run("exact after mass deletion", func(t *testing.T) {
		virtually(t, func(t *testing.T) {
			var evicted []string
			c := open(t, cache.Options{MaxBytes: 1 << 20, Shards: 1, Protected: -1, OnEvict: func(id string, _ cache.EvictionReason) {
				evicted = append(evicted, id)
			}})
			for i := range 1000 {
				put(t, c, fmt.Sprint(i), "")
				time.Sleep(100 * time.Microsecond)
			}
			for i := range 980 {
				c.Delete(fmt.Sprint(i))
			}
			time.Sleep(100 * time.Microsecond)

			c.Get("980")

			for i := 0; len(evicted) < 20; i++ {
				put(t, c, fmt.Sprint("large ", i), strings.Repeat("x", 100<<10))
			}
			assert.Equal(t, "980", evicted[19], "it was used last")
		})
	})
}

func TestFlood(t *testing.T) {
	// An entry used again by any method survives a flood of new entries.
	t.Run("reuse protects", func(t *testing.T) {
		uses := map[string]func(c *cache.Cache, id string){
			"Get":    func(c *cache.Cache, id string) { c.Get(id) },
			"Append": func(c *cache.Cache, id string) { c.Append(nil, id) },
			"Touch":  func(c *cache.Cache, id string) { c.Touch(id, time.Hour) },
			"Set":    func(c *cache.Cache, id string) { c.Set(id, []byte("2"), time.Hour) },
			"Update": func(c *cache.Cache, id string) {
				c.Update(id, func([]byte, bool) (cache.Change, error) { return cache.Keep(), nil })
			},
		}
		for name, use := range uses {
			t.Run("used by "+name, func(t *testing.T) {
				const users = 500
				c := open(t, cache.Options{MaxBytes: 1 << 20, MaxValue: 1000})
				for i := range users {
					put(t, c, fmt.Sprint("user-", i), "1")
					use(c, fmt.Sprint("user-", i))
				}
				for i := range 20_000 {
					put(t, c, fmt.Sprint("stranger-", i), strings.Repeat("x", 500))
				}
				require.Positive(t, c.Stats().EvictedForCapacity)
				for i := range users {
					_, ok := c.Peek(fmt.Sprint("user-", i))
					require.True(t, ok, "user %d", i)
				}
			})
		}
	})

	// A flood of a hundred times the capacity evicts no user who came back. A
	// shard of this cache holds about 450 entries, so the users take two thirds
	// of the protected segment, and more in the fullest shard.
	t.Run("hundredfold capacity", func(t *testing.T) {
		c := open(t, cache.Options{MaxBytes: 1 << 20, MaxValue: 1000})
		value := strings.Repeat("x", 500)
		capacity := 0
		for i := 0; c.Stats().EvictedForCapacity == 0; i++ {
			put(t, c, fmt.Sprint("first-", i), value)
			capacity = c.Len()
		}
		users := capacity / 2
		for i := range users {
			put(t, c, fmt.Sprint("user-", i), value)
			get(c, fmt.Sprint("user-", i))
		}

		for i := range 100 * capacity {
			require.NoError(t, c.Set("stranger-"+strconv.Itoa(i), []byte(value), time.Hour))
		}

		lost := 0
		for i := range users {
			if _, ok := c.Peek(fmt.Sprint("user-", i)); !ok {
				lost++
			}
		}
		assert.Zero(t, lost, "of %d users, in a flood of %d", users, 100*capacity)
		assert.Greater(t, c.Stats().EvictedForCapacity, uint64(98*capacity))
	})

	t.Run("plain LRU protects nobody", func(t *testing.T) {
		c := open(t, cache.Options{MaxBytes: 256 << 10, MaxValue: 1000, Protected: -1})
		put(t, c, "user", "1")
		get(c, "user")
		for i := range 2000 {
			put(t, c, fmt.Sprint("stranger-", i), strings.Repeat("x", 500))
		}
		assert.Equal(t, "(none)", get(c, "user"))
	})
}

// Expiry.

func TestExpiry(t *testing.T) {
	// No method finds or revives an entry from its deadline on.
	t.Run("at the deadline", func(t *testing.T) {
		methods := map[string]func(c *cache.Cache) bool{
			"Get":        func(c *cache.Cache) bool { _, ok := c.Get("a"); return ok },
			"Append":     func(c *cache.Cache) bool { _, ok := c.Append(nil, "a"); return ok },
			"Peek":       func(c *cache.Cache) bool { _, ok := c.Peek("a"); return ok },
			"Touch":      func(c *cache.Cache) bool { return c.Touch("a", time.Hour) },
			"Delete":     func(c *cache.Cache) bool { return c.Delete("a") },
			"Len":        func(c *cache.Cache) bool { return c.Len() > 0 },
			"Stats":      func(c *cache.Cache) bool { return c.Stats().Entries > 0 },
			"All":        func(c *cache.Cache) bool { return len(maps.Collect(c.All())) > 0 },
			"ScanValues": func(c *cache.Cache) bool { return len(slices.Collect(c.ScanValues(nil))) > 0 },
			"Update": func(c *cache.Cache) bool {
				var seen bool
				c.Update("a", func(_ []byte, found bool) (cache.Change, error) { seen = found; return cache.Keep(), nil })
				return seen
			},
		}
		for name, method := range methods {
			t.Run(name, func(t *testing.T) {
				virtually(t, func(t *testing.T) {
					c := open(t, cache.Options{})
					require.NoError(t, c.Set("first", nil, time.Second)) // the sweeper frees it, and then pauses
					require.NoError(t, c.Set("a", []byte("1"), 1500*time.Millisecond))
					time.Sleep(1500*time.Millisecond - 1)
					require.Equal(t, "1", peek(c, "a"), "a nanosecond before the deadline")
					time.Sleep(time.Nanosecond)
					assert.False(t, method(c), "at the deadline")
					assert.Equal(t, "(none)", peek(c, "a"), "nothing was revived")
				})
			})
		}
	})

	t.Run("Set replaces the TTL", func(t *testing.T) {
		virtually(t, func(t *testing.T) {
			c := open(t, cache.Options{})
			require.NoError(t, c.Set("a", []byte("1"), time.Hour))
			require.NoError(t, c.Set("a", []byte("2"), time.Second))
			time.Sleep(time.Second)
			assert.Equal(t, "(none)", get(c, "a"))
		})
	})

	// A TTL beyond the range of the clock never ends.
	t.Run("TTL beyond the clock", func(t *testing.T) {
		virtually(t, func(t *testing.T) {
			c := open(t, cache.Options{})
			time.Sleep(time.Hour)
			for _, ttl := range []time.Duration{cache.NoExpiry, cache.NoExpiry - 1, math.MaxInt64 - time.Hour} {
				require.NoError(t, c.Set("a", []byte("1"), ttl))
				time.Sleep(time.Hour)
				assert.Equal(t, "1", get(c, "a"))
			}
		})
	})

	// The sweeper frees expired entries that nothing looks up.
	t.Run("frees memory unasked", func(t *testing.T) {
		virtually(t, func(t *testing.T) {
			var told atomic.Int64
			c := open(t, cache.Options{OnEvict: func(string, cache.EvictionReason) { told.Add(1) }})
			for i := range 1000 {
				require.NoError(t, c.Set(fmt.Sprint(i), []byte("1"), time.Duration(i+1)*time.Millisecond))
			}
			time.Sleep(10 * time.Second)
			synctest.Wait()
			assert.EqualValues(t, 1000, told.Load())
		})
	})
}

func peek(c *cache.Cache, id string) string {
	value, ok := c.Peek(id)
	if !ok {
		return "(none)"
	}
	return string(value)
}

func TestTouch(t *testing.T) {
	t.Run("new TTL and same value", func(t *testing.T) {
		virtually(t, func(t *testing.T) {
			c := open(t, cache.Options{})
			require.NoError(t, c.Set("a", []byte("1"), time.Minute))
			time.Sleep(59 * time.Second)
			require.True(t, c.Touch("a", time.Minute))
			time.Sleep(59 * time.Second)
			assert.Equal(t, "1", get(c, "a"))
			time.Sleep(time.Second)
			assert.Equal(t, "(none)", get(c, "a"))
		})
	})

	t.Run("elapsed TTL ends the entry", func(t *testing.T) {
		for _, ttl := range []time.Duration{0, -1, math.MinInt64} {
			c := open(t, cache.Options{})
			put(t, c, "a", "1")
			assert.False(t, c.Touch("a", ttl))
			assert.Equal(t, "(none)", get(c, "a"))
		}
	})
}

// Update.

func TestUpdate(t *testing.T) {
	t.Run("applies the Change", func(t *testing.T) {
		c := open(t, cache.Options{})
		update := func(change cache.Change) (old string, found bool) {
			require.NoError(t, c.Update("a", func(o []byte, f bool) (cache.Change, error) {
				old, found = string(o), f
				return change, nil
			}))
			return old, found
		}

		_, found := update(cache.Put([]byte("1"), time.Hour))
		assert.False(t, found)
		old, found := update(cache.Keep())
		assert.True(t, found)
		assert.Equal(t, "1", old)
		assert.Equal(t, "1", get(c, "a"))
		update(cache.Remove())
		assert.Equal(t, "(none)", get(c, "a"))
		update(cache.Remove())
		assert.Zero(t, c.Len())
	})

	t.Run("error changes nothing", func(t *testing.T) {
		c := open(t, cache.Options{})
		put(t, c, "a", "1")
		want := errors.New("no")
		err := c.Update("a", func([]byte, bool) (cache.Change, error) { return cache.Remove(), want })
		assert.Equal(t, want, err)
		assert.Equal(t, "1", get(c, "a"))
	})

	t.Run("nil function", func(t *testing.T) {
		c := open(t, cache.Options{})
		assert.ErrorIs(t, c.Update("a", nil), cache.ErrInvalid)
	})

	t.Run("concurrent increments", func(t *testing.T) {
		c := open(t, cache.Options{})
		increment := func(old []byte, _ bool) (cache.Change, error) {
			return cache.Put(append(old, 'x'), time.Hour), nil
		}
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				for range 50 {
					assert.NoError(t, c.Update("a", increment))
				}
			})
		}
		wg.Wait()
		assert.Len(t, get(c, "a"), 1000)
	})

	// A write between the read and the Change makes Update call its function
	// again.
	t.Run("write between", func(t *testing.T) {
		between := map[string]struct {
			write func(c *cache.Cache)
			want  string
		}{
			"a Set":                {func(c *cache.Cache) { c.Set("a", []byte("set"), time.Hour) }, "set+"},
			"a Set of the same":    {func(c *cache.Cache) { c.Set("a", []byte("old"), time.Hour) }, "old+"},
			"a Delete":             {func(c *cache.Cache) { c.Delete("a") }, "+"},
			"a Delete and a Set":   {func(c *cache.Cache) { c.Delete("a"); c.Set("a", []byte("new"), time.Hour) }, "new+"},
			"a Touch, as no write": {func(c *cache.Cache) { c.Touch("a", time.Minute) }, "old+"},
		}
		for name, test := range between {
			t.Run(name, func(t *testing.T) {
				c := open(t, cache.Options{})
				put(t, c, "a", "old")
				first := true
				require.NoError(t, c.Update("a", func(old []byte, _ bool) (cache.Change, error) {
					value := append(bytes.Clone(old), '+')
					if first {
						first = false
						test.write(c)
					}
					return cache.Put(value, time.Hour), nil
				}))
				assert.Equal(t, test.want, get(c, "a"))
			})
		}
	})

	t.Run("function calls the cache", func(t *testing.T) {
		c := open(t, cache.Options{Shards: 1})
		require.NoError(t, c.Update("a", func([]byte, bool) (cache.Change, error) {
			put(t, c, "b", "1")
			c.Len()
			return cache.Put([]byte("2"), time.Hour), nil
		}))
		assert.Equal(t, "2", get(c, "a"))
	})

	// The panic reaches the caller and changes nothing.
	t.Run("function panics", func(t *testing.T) {
		c := open(t, cache.Options{Shards: 1})
		put(t, c, "a", "1")
		assert.PanicsWithValue(t, "boom", func() {
			c.Update("a", func([]byte, bool) (cache.Change, error) { panic("boom") })
		})
		assert.Equal(t, "1", get(c, "a"))
	})
}

// Walking.

func TestAll(t *testing.T) {
	t.Run("visits each entry once", func(t *testing.T) {
		c := open(t, cache.Options{})
		want := map[string][]byte{}
		for i := range 1000 {
			id := fmt.Sprint("id-", i)
			want[id] = []byte(fmt.Sprint(i))
			put(t, c, id, fmt.Sprint(i))
		}
		seen := map[string][]byte{}
		for id, value := range c.All() {
			require.NotContains(t, seen, id)
			seen[id] = value
		}
		assert.Equal(t, want, seen)
	})

	t.Run("body deletes and stops", func(t *testing.T) {
		c := open(t, cache.Options{})
		for i := range 100 {
			put(t, c, fmt.Sprint(i), "1")
		}
		seen := 0
		for id := range c.All() {
			c.Delete(id)
			if seen++; seen == 10 {
				break
			}
		}
		assert.Equal(t, 90, c.Len())
	})
}

func TestScanValues(t *testing.T) {
	t.Run("finds the prefix", func(t *testing.T) {
		virtually(t, func(t *testing.T) {
			c := open(t, cache.Options{})
			require.NoError(t, c.Set("ada's", []byte("ada: 1"), time.Hour))
			require.NoError(t, c.Set("ada's for ever", []byte("ada: 2"), cache.NoExpiry))
			require.NoError(t, c.Set("ada's short one", []byte("ada: 3"), time.Minute))
			put(t, c, "bob's", "bob: 1")
			put(t, c, "empty", "")
			time.Sleep(time.Minute)
			c.Touch("ada's", 2*time.Hour)
			time.Sleep(time.Minute)

			found := map[string]cache.Entry{}
			for entry := range c.ScanValues([]byte("ada:")) {
				found[entry.ID] = entry
			}

			require.Len(t, found, 2)
			entry := found["ada's"]
			assert.Equal(t, "ada: 1", string(entry.Value))
			assert.Equal(t, 2*time.Hour-time.Minute, entry.TTL.Round(time.Second))
			assert.Equal(t, time.Minute, entry.Idle.Round(time.Second))
			assert.Equal(t, cache.NoExpiry, found["ada's for ever"].TTL)
		})
	})

	// A scan with a nil prefix finds all entries, and it is not a use.
	t.Run("nil prefix finds all", func(t *testing.T) {
		c := open(t, cache.Options{})
		put(t, c, "a", "1")
		put(t, c, "b", "")
		n := 0
		for range c.ScanValues(nil) {
			n++
		}
		assert.Equal(t, 2, n)
		assert.Zero(t, c.Stats().Hits)
	})
}

// Callbacks.

func TestOnEvict(t *testing.T) {
	// OnEvict receives each evicted or expired ID with its reason, and no
	// deleted ID.
	t.Run("IDs and reasons", func(t *testing.T) {
		virtually(t, func(t *testing.T) {
			var mu sync.Mutex
			told := map[string]cache.EvictionReason{}
			c := open(t, cache.Options{MaxBytes: 4 << 10, Shards: 1, MaxValue: 2700,
				OnEvict: func(id string, why cache.EvictionReason) {
					mu.Lock()
					defer mu.Unlock()
					told[id] = why
				}})
			require.NoError(t, c.Set("short", []byte("1"), time.Second))
			put(t, c, "deleted", "1")
			c.Delete("deleted")
			time.Sleep(time.Second)
			c.Get("short")
			put(t, c, "pushed out", strings.Repeat("x", 1000))
			put(t, c, "large", strings.Repeat("x", 2700))
			put(t, c, "large too", strings.Repeat("x", 2700))
			synctest.Wait() // the sweeper may have found the expired entry first
			mu.Lock()
			defer mu.Unlock()
			assert.Equal(t, map[string]cache.EvictionReason{
				"short": cache.Expired, "pushed out": cache.Capacity, "large": cache.Capacity,
			}, told)
		})
	})

	t.Run("calls the cache and panics", func(t *testing.T) {
		var c *cache.Cache
		c = open(t, cache.Options{MaxBytes: 64 << 10, Shards: 1, MaxValue: 1000, OnEvict: func(id string, why cache.EvictionReason) {
			c.Get(id)
			c.Len()
			panic("boom")
		}})
		for i := range 1000 {
			put(t, c, fmt.Sprint(i), strings.Repeat("x", 500))
		}
		stats := c.Stats()
		assert.Positive(t, stats.CallbackPanics)
		assert.Equal(t, stats.EvictedForCapacity, stats.CallbackPanics)
		assert.Equal(t, strings.Repeat("x", 500), get(c, "999"))
	})

	// As testify's require does when it fails.
	t.Run("ends its goroutine", func(t *testing.T) {
		virtually(t, func(t *testing.T) {
			told := 0
			c := open(t, cache.Options{OnEvict: func(string, cache.EvictionReason) {
				told++
				runtime.Goexit()
			}})
			for i := range 3 {
				require.NoError(t, c.Set(fmt.Sprint(i), nil, time.Duration(i+1)*time.Minute))
			}
			time.Sleep(time.Hour)
			synctest.Wait()
			assert.Equal(t, 3, told)
		})
	})

	t.Run("closes the cache", func(t *testing.T) {
		virtually(t, func(t *testing.T) {
			var c *cache.Cache
			c = open(t, cache.Options{OnEvict: func(string, cache.EvictionReason) { c.Close() }})
			require.NoError(t, c.Set("a", []byte("1"), time.Second))
			time.Sleep(10 * time.Second)
			synctest.Wait()
			assert.ErrorIs(t, c.Set("a", nil, time.Hour), cache.ErrClosed)
		})
	})

	// OnEvict may change the cap or close the cache while the cap shrinks.
	t.Run("while the cap shrinks", func(t *testing.T) {
		for name, test := range map[string]struct {
			call func(c *cache.Cache)
			want error
		}{
			"change": {func(c *cache.Cache) { assert.NoError(t, c.SetMaxBytes(1<<20)) }, nil},
			"close":  {func(c *cache.Cache) { assert.NoError(t, c.Close()) }, cache.ErrClosed},
		} {
			t.Run(name, func(t *testing.T) {
				var c *cache.Cache
				calls := 0
				c = open(t, cache.Options{MaxBytes: 1 << 20, MaxValue: 1000, OnEvict: func(string, cache.EvictionReason) {
					if calls++; calls == 1 {
						test.call(c)
					}
				}})
				for i := range 3000 {
					require.NoError(t, c.Set(fmt.Sprint(i), make([]byte, 200), time.Hour))
				}
				assert.ErrorIs(t, c.SetMaxBytes(128<<10), test.want)
				assert.Positive(t, calls)
			})
		}
	})

	// OnEvict may call SaveFile while another SaveFile runs.
	t.Run("saves during SaveFile", func(t *testing.T) {
		virtually(t, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "sessions")
			var c *cache.Cache
			c = open(t, cache.Options{OnEvict: func(string, cache.EvictionReason) { assert.NoError(t, c.SaveFile(path)) }})
			require.NoError(t, c.Set("expired", nil, time.Millisecond))
			time.Sleep(2 * time.Millisecond) // the sweeper has not been there yet
			assert.NoError(t, c.SaveFile(path))
			time.Sleep(time.Minute)
			synctest.Wait()
		})
	})
}

// A Set does not evict the entry that it replaces.
func TestOverwriteIsNoEviction(t *testing.T) {
	for size := 100; size < 1500; size += 3 {
		var gone []string
		c := open(t, cache.Options{MaxBytes: 8 << 10, MaxValue: 2000, Shards: 1, Protected: -1,
			OnEvict: func(id string, _ cache.EvictionReason) { gone = append(gone, id) }})
		for i := 0; i < 60 && len(gone) == 0; i++ {
			for j := 1; j <= i; j++ { // makes "0" the longest idle
				c.Get(fmt.Sprint(j))
			}
			require.NoError(t, c.Set("0", make([]byte, size), time.Hour))
			require.NotContains(t, gone, "0", "%d entries with values of %d bytes", i, size)
			require.NoError(t, c.Set(fmt.Sprint(i+1), make([]byte, size), time.Hour))
		}
		c.Close()
	}
}

// Close.

func TestClose(t *testing.T) {
	// A closed cache finds nothing and refuses writes.
	t.Run("then every method", func(t *testing.T) {
		c := open(t, cache.Options{})
		put(t, c, "a", "1")
		require.NoError(t, c.Close())
		require.NoError(t, c.Close())

		assert.ErrorIs(t, c.Set("a", nil, time.Hour), cache.ErrClosed)
		assert.ErrorIs(t, c.Update("a", func([]byte, bool) (cache.Change, error) { return cache.Keep(), nil }), cache.ErrClosed)
		assert.Equal(t, "(none)", get(c, "a"))
		assert.Equal(t, "(none)", peek(c, "a"))
		assert.False(t, c.Touch("a", time.Hour))
		assert.False(t, c.Delete("a"))
		assert.Empty(t, maps.Collect(c.All()))
		assert.Zero(t, c.Len())
		assert.Zero(t, c.Stats().Entries)
	})

	// A closed cache returns ErrClosed for invalid arguments too.
	t.Run("is the only error", func(t *testing.T) {
		var empty bytes.Buffer
		require.NoError(t, open(t, cache.Options{}).Save(&empty))
		c := open(t, cache.Options{})
		require.NoError(t, c.Close())
		for name, call := range map[string]func() error{
			"Set without an ID":         func() error { return c.Set("", nil, time.Hour) },
			"Set without a TTL":         func() error { return c.Set("a", nil, 0) },
			"Set of too large a value":  func() error { return c.Set("a", make([]byte, 2<<20), time.Hour) },
			"Update without a function": func() error { return c.Update("a", nil) },
			"Update without an ID": func() error {
				return c.Update("", func([]byte, bool) (cache.Change, error) { return cache.Keep(), nil })
			},
			"SetMaxBytes of 3":            func() error { return c.SetMaxBytes(3) },
			"SaveFile to no folder":       func() error { return c.SaveFile("/nowhere/a") },
			"LoadFile of no file":         func() error { _, err := c.LoadFile("/nowhere/a"); return err },
			"Load of an empty snapshot":   func() error { _, err := c.Load(&empty); return err },
			"Load of what is no snapshot": func() error { _, err := c.Load(strings.NewReader("")); return err },
		} {
			assert.ErrorIs(t, call(), cache.ErrClosed, name)
		}
	})

	// An invalid Put after a Close inside Update is ErrClosed.
	t.Run("inside Update", func(t *testing.T) {
		c := open(t, cache.Options{})
		assert.ErrorIs(t, c.Update("a", func([]byte, bool) (cache.Change, error) {
			c.Close()
			return cache.Put(nil, 0), nil
		}), cache.ErrClosed)
	})

	t.Run("ends the calls of OnEvict", func(t *testing.T) {
		virtually(t, func(t *testing.T) {
			calls, entered, leave := 0, make(chan bool), make(chan bool)
			c := open(t, cache.Options{Shards: 1, OnEvict: func(string, cache.EvictionReason) {
				calls++
				entered <- true
				<-leave
			}})
			for i := range 10 {
				put(t, c, fmt.Sprint(i), "")
				c.Touch(fmt.Sprint(i), time.Second)
			}

			<-entered
			require.NoError(t, c.Close())
			close(leave)
			synctest.Wait()

			assert.Equal(t, 1, calls)
		})
	})

	t.Run("leaves no goroutine", func(t *testing.T) {
		// The bubble fails the test if a goroutine does not end.
		virtually(t, func(t *testing.T) {
			c, err := cache.New(cache.Options{})
			require.NoError(t, err)
			require.NoError(t, c.Close())
		})
	})

	t.Run("during everything else", func(t *testing.T) {
		for range 200 {
			c, err := cache.New(cache.Options{MaxBytes: 64 << 10, MaxValue: 1000})
			require.NoError(t, err)
			var wg sync.WaitGroup
			for _, run := range []func(id string){
				func(id string) { c.Set(id, []byte("1"), time.Hour) },
				func(id string) { c.Get(id) },
				func(id string) { c.Touch(id, time.Hour) },
				func(id string) { c.Delete(id) },
				func(string) { _ = maps.Collect(c.All()) },
				func(string) { c.Stats() },
				func(id string) {
					c.Update(id, func(old []byte, _ bool) (cache.Change, error) { return cache.Put(old, time.Hour), nil })
				},
			} {
				wg.Go(func() {
					for i := range 20 {
						run(fmt.Sprint(i))
					}
				})
			}
			wg.Go(func() { c.Close() })
			c.Close()
			wg.Wait()
			require.Zero(t, c.Len())
		}
	})
}

// Stats.

func TestStats(t *testing.T) {
	virtually(t, func(t *testing.T) {
		c := open(t, cache.Options{})
		assert.Zero(t, c.Stats().HitRatio())
		put(t, c, "abc", "12345")
		time.Sleep(time.Minute)
		get(c, "abc")
		get(c, "abc")
		get(c, "abc")
		get(c, "other")
		c.Peek("other")
		time.Sleep(time.Minute)

		stats := c.Stats()
		assert.Equal(t, 1, stats.Entries)
		assert.EqualValues(t, 3, stats.Bytes.IDs)
		assert.EqualValues(t, 5, stats.Bytes.Values)
		assert.Positive(t, stats.Bytes.Headers)
		assert.Positive(t, stats.Bytes.Index)
		assert.Positive(t, stats.Bytes.Fixed)
		assert.EqualValues(t, 64<<20, stats.MaxBytes)
		assert.EqualValues(t, 1, stats.Sets)
		assert.Equal(t, 0.75, stats.HitRatio())
		assert.Equal(t, time.Minute, stats.VictimAge.Round(time.Second))
	})

	t.Run("segments", func(t *testing.T) {
		c := open(t, cache.Options{MaxBytes: 1 << 20, Shards: 1})
		for _, id := range []string{"a", "b", "c"} {
			put(t, c, id, "1")
		}
		get(c, "b")
		stats := c.Stats()
		assert.Equal(t, cache.SegmentUse{Entries: 2, Bytes: 2 * 32}, stats.Probation)
		assert.Equal(t, cache.SegmentUse{Entries: 1, Bytes: 32}, stats.Protected)
		assert.InDelta(t, 0.8*float64(stats.MaxBytes-stats.Bytes.Fixed), stats.ProtectedLimit, 100)

		plain := open(t, cache.Options{Protected: -1})
		put(t, plain, "a", "1")
		get(plain, "a")
		assert.Equal(t, 1, plain.Stats().Probation.Entries)
		assert.Zero(t, plain.Stats().ProtectedLimit)
	})

	// The bytes of each purpose are those of the entries, and sum up to the
	// cap's use.
	t.Run("memory by purpose", func(t *testing.T) {
		c := open(t, cache.Options{MaxBytes: 4 << 20})
		empty := c.Stats().Bytes
		for i := range 10_000 {
			put(t, c, fmt.Sprintf("%08d", i), strings.Repeat("x", 100))
		}
		full := c.Stats().Bytes
		assert.EqualValues(t, 10_000*8, full.IDs)
		assert.EqualValues(t, 10_000*100, full.Values)
		assert.InDelta(t, 10_000*28, full.Headers, 80) // 28 + 8 + 100 bytes fill 17 granules, seldom 18
		assert.InDelta(t, 10_000*14, full.Index-empty.Index, 10_000*3)
		assert.Equal(t, empty.Fixed, full.Fixed)
		for id := range c.All() {
			c.Delete(id)
		}
		for range 10_000 { // each shrinks the index a little
			c.Delete("")
			put(t, c, "a", "1")
			c.Delete("a")
		}
		assert.Equal(t, empty, c.Stats().Bytes)
		require.NoError(t, c.Close())
		assert.Zero(t, c.Stats().Bytes)
	})
}

// Concurrency.

// Under concurrent use, no ID returns another ID's value.
func TestConcurrentIDs(t *testing.T) {
	c := open(t, cache.Options{MaxBytes: 256 << 10, MaxValue: 4 << 10})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			random := newRandom()
			for range 20_000 {
				id := fmt.Sprint("id-", random.IntN(500))
				switch random.IntN(4) {
				case 0:
					c.Set(id, []byte(strings.Repeat(id+";", 1+random.IntN(50))), time.Hour)
				case 1:
					c.Delete(id)
				default:
					if value, ok := c.Get(id); ok && strings.ReplaceAll(string(value), id+";", "") != "" {
						t.Errorf("%s was given the value of another", id)
						return
					}
				}
			}
		})
	}
	wg.Wait()
}

func TestChange(t *testing.T) {
	value, ttl, stores := cache.Put([]byte("1"), time.Hour).Stores()
	assert.Equal(t, "1", string(value))
	assert.Equal(t, time.Hour, ttl)
	assert.True(t, stores)
	assert.False(t, cache.Put(nil, time.Hour).Removes())

	assert.True(t, cache.Remove().Removes())
	for _, change := range []cache.Change{cache.Keep(), {}, cache.Remove()} {
		_, _, stores := change.Stores()
		assert.False(t, stores)
	}
	assert.False(t, cache.Keep().Removes())
}

func TestTinyCacheKeepsLatestSet(t *testing.T) {
	for maxBytes := int64(4 << 10); maxBytes <= 8<<10; maxBytes += 256 {
		c := open(t, cache.Options{MaxBytes: maxBytes})
		for i := range 300 {
			id := fmt.Sprintf("%032d", i)
			put(t, c, id, strings.Repeat("x", 51))
			require.Len(t, get(c, id), 51, "entry %d, cap %d", i, maxBytes)
			put(t, c, id, strings.Repeat("x", 51+i%7))
			require.Len(t, get(c, id), 51+i%7, "entry %d, cap %d", i, maxBytes)
		}
	}
}
