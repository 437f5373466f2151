package cache_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/cache"
)

// everyMethod returns all methods, each called with an ID.
func everyMethod(t *testing.T) map[string]func(c *cache.Cache, id string) {
	file := filepath.Join(t.TempDir(), "sessions")
	snapshot := savedSnapshot(t)
	return map[string]func(c *cache.Cache, id string){
		"Set":         func(c *cache.Cache, id string) { c.Set(id, []byte("1"), time.Hour) },
		"Get":         func(c *cache.Cache, id string) { c.Get(id) },
		"Append":      func(c *cache.Cache, id string) { c.Append(nil, id) },
		"Peek":        func(c *cache.Cache, id string) { c.Peek(id) },
		"Touch":       func(c *cache.Cache, id string) { c.Touch(id, time.Hour) },
		"Delete":      func(c *cache.Cache, id string) { c.Delete(id) },
		"All":         func(c *cache.Cache, _ string) { _ = maps.Collect(c.All()) },
		"ScanValues":  func(c *cache.Cache, _ string) { _ = slices.Collect(c.ScanValues(nil)) },
		"Len":         func(c *cache.Cache, _ string) { c.Len() },
		"Stats":       func(c *cache.Cache, _ string) { c.Stats() },
		"Save":        func(c *cache.Cache, _ string) { c.Save(io.Discard) },
		"Load":        func(c *cache.Cache, _ string) { c.Load(bytes.NewReader(snapshot)) },
		"SaveFile":    func(c *cache.Cache, _ string) { c.SaveFile(file) },
		"LoadFile":    func(c *cache.Cache, _ string) { c.LoadFile(file) },
		"SetMaxBytes": func(c *cache.Cache, _ string) { c.SetMaxBytes(100 << 10) },
		"Close":       func(c *cache.Cache, _ string) { c.Close() },
		"Update": func(c *cache.Cache, id string) {
			c.Update(id, func(old []byte, _ bool) (cache.Change, error) { return cache.Put(old, time.Hour), nil })
		},
	}
}

func savedSnapshot(t *testing.T) []byte {
	c := open(t, cache.Options{})
	put(t, c, "of a snapshot", "1")
	var stream bytes.Buffer
	require.NoError(t, c.Save(&stream))
	return stream.Bytes()
}

// requireInUse fails if a lock is held or the cache no longer works. The cache
// may be closed.
func requireInUse(t *testing.T, c *cache.Cache) {
	t.Helper()
	if err := c.Set("later", []byte("1"), time.Hour); err != nil {
		require.ErrorIs(t, err, cache.ErrClosed)
		require.Zero(t, c.Len())
		return
	}
	require.Equal(t, "1", get(c, "later"))
	require.True(t, c.Delete("later"))
}

// OnEvict may call every method and then panic.
func TestReentryOnEvict(t *testing.T) {
	leave := map[string]func(t *testing.T, c *cache.Cache){
		"for room": func(t *testing.T, c *cache.Cache) {
			for i := range 200 {
				_ = c.Set(fmt.Sprint(i), make([]byte, 500), time.Hour) // the cache may be closed
			}
		},
		"on the sweeper": func(t *testing.T, c *cache.Cache) {
			for i := range 10 {
				require.NoError(t, c.Set(fmt.Sprint(i), nil, time.Duration(i+1)*time.Second))
			}
			time.Sleep(time.Minute)
			synctest.Wait()
		},
	}
	for name, call := range everyMethod(t) {
		for when, leave := range leave {
			t.Run(name+" "+when, func(t *testing.T) {
				virtually(t, func(t *testing.T) {
					var c *cache.Cache
					var calling atomic.Bool
					var calls atomic.Uint64
					c = open(t, cache.Options{MaxBytes: 64 << 10, MaxValue: 1000, Shards: 1, OnEvict: func(id string, _ cache.EvictionReason) {
						if calling.Swap(true) {
							return // OnEvict's own call evicted
						}
						defer calling.Store(false)
						call(c, id)
						call(c, "another")
						calls.Add(1)
						panic("boom")
					}})

					leave(t, c)

					assert.Positive(t, calls.Load())
					assert.Equal(t, calls.Load(), c.Stats().CallbackPanics)
					requireInUse(t, c)
				})
			})
		}
	}
}

// OnEvict may store a value whose room is gathered in steps, and may change the
// cap, while a call of that kind notifies it.
func TestReentryLarge(t *testing.T) {
	const large = 64 << 10
	update := func(c *cache.Cache, id string) error {
		return c.Update(id, func([]byte, bool) (cache.Change, error) { return cache.Put(make([]byte, large), time.Hour), nil })
	}
	load := func(c *cache.Cache, id string) error {
		source, err := cache.New(cache.Options{})
		if err != nil {
			return err
		}
		defer source.Close()
		var stream bytes.Buffer
		if err := errors.Join(source.Set(id, make([]byte, large), time.Hour), source.Save(&stream)); err != nil {
			return err
		}
		_, err = c.Load(&stream)
		return err
	}
	calls := map[string]func(c *cache.Cache, id string) error{
		"Set":    func(c *cache.Cache, id string) error { return c.Set(id, make([]byte, large), time.Hour) },
		"Update": update,
		"Load":   load,
		"SetMaxBytes": func(c *cache.Cache, _ string) error {
			return c.SetMaxBytes(c.Stats().MaxBytes * 3 / 4)
		},
	}
	for outer, outside := range calls {
		for inner, inside := range calls {
			ended := t.Run(inner+" in "+outer, func(t *testing.T) {
				var c *cache.Cache
				var armed atomic.Bool
				results := make(chan error, 2)
				c = open(t, cache.Options{MaxBytes: 1 << 20, Shards: 1, MaxValue: large, OnEvict: func(string, cache.EvictionReason) {
					if armed.CompareAndSwap(true, false) {
						results <- inside(c, "inside")
					}
				}})
				for i := 0; c.Stats().EvictedForCapacity == 0; i++ {
					require.NoError(t, c.Set(fmt.Sprint(i), nil, time.Hour))
				}
				armed.Store(true)
				go func() { results <- outside(c, "outside") }()
				for range 2 {
					select {
					case err := <-results:
						require.NoError(t, err)
					case <-time.After(10 * time.Second):
						require.FailNow(t, "a call waits for itself")
					}
				}
				requireInUse(t, c)
			})
			if !ended {
				return // the others would take as long
			}
		}
	}
}

// Update's function may call every method and then panic.
func TestReentryUpdate(t *testing.T) {
	for name, call := range everyMethod(t) {
		t.Run(name, func(t *testing.T) {
			c := open(t, cache.Options{Shards: 1})
			put(t, c, "a", "1")
			assert.PanicsWithValue(t, "boom", func() {
				c.Update("a", func([]byte, bool) (cache.Change, error) {
					call(c, "a")
					call(c, "another")
					panic("boom")
				})
			})
			requireInUse(t, c)
		})
	}
}

// The body of a loop may call every method and then panic.
func TestReentryLoop(t *testing.T) {
	loops := map[string]func(c *cache.Cache, body func(id string)){
		"All": func(c *cache.Cache, body func(string)) {
			for id := range c.All() {
				body(id)
			}
		},
		"ScanValues": func(c *cache.Cache, body func(string)) {
			for entry := range c.ScanValues(nil) {
				body(entry.ID)
			}
		},
	}
	for name, call := range everyMethod(t) {
		for loop, run := range loops {
			t.Run(name+" in "+loop, func(t *testing.T) {
				c := open(t, cache.Options{Shards: 1})
				for i := range 200 {
					put(t, c, fmt.Sprint(i), strings.Repeat("x", i))
				}
				assert.PanicsWithValue(t, "boom", func() {
					n := 0
					run(c, func(id string) {
						call(c, id)
						call(c, "another")
						if n++; n == 10 {
							panic("boom")
						}
					})
					panic("boom") // the loop of a closed cache may end early
				})
				requireInUse(t, c)
			})
		}
	}
}
