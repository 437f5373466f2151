package reliability

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/holdfast-go/holdfast/cache"
)

func TestClose_ends_all_goroutines(t *testing.T) {
	defer goleak.VerifyNone(t)
	for range 20 {
		c, err := cache.New(cache.Options{})
		require.NoError(t, err)
		require.NoError(t, c.Set("id", nil, time.Millisecond))
		require.NoError(t, c.Close())
		require.NoError(t, c.Close())
	}
}

// Close frees memory outside the heap. A goroutine that still reads it would
// crash the process. The test runs 500 rounds; CI runs 10,000, with
// HOLDFAST_LONG=20.
func TestClose_against_every_method(t *testing.T) {
	defer goleak.VerifyNone(t)
	methods := everyMethod(t)
	var before, after atomic.Int64
	for round := range steps(500) {
		var c *cache.Cache
		c, err := cache.New(cache.Options{MaxBytes: 64 << 10, MaxValue: 4000, Shards: 1 << (round % 3),
			OnEvict: func(id string, _ cache.EvictionReason) { c.Peek(id) }})
		require.NoError(t, err)
		for i := range 50 {
			require.NoError(t, c.Set(strconv.Itoa(i), make([]byte, 50*i), time.Hour))
		}
		var wg sync.WaitGroup
		for name, method := range methods {
			wg.Go(func() {
				for i := range 10 {
					switch err := method(c, strconv.Itoa(i*7%50)); {
					case err == nil:
						before.Add(1)
					case errors.Is(err, cache.ErrClosed):
						after.Add(1)
					default:
						t.Errorf("%s: %v", name, err)
					}
					runtime.Gosched()
				}
			})
		}
		for closer := range 2 {
			wg.Go(func() {
				for range round * (closer + 1) % 12 {
					runtime.Gosched()
				}
				if err := c.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			})
		}
		wg.Wait()
		require.Zero(t, c.Len())
		require.Zero(t, c.Stats().Bytes.Total())
	}
	require.Positive(t, before.Load(), "no operation succeeded before Close")
	require.Positive(t, after.Load(), "no operation was refused after Close")
}

// everyMethod returns, by name, functions that call one method each and return
// its error, or nil for a method without an error.
func everyMethod(t *testing.T) map[string]func(c *cache.Cache, id string) error {
	value := make([]byte, 2000)
	snapshot := savedSnapshot(t)
	file := filepath.Join(t.TempDir(), "sessions")
	require.NoError(t, os.WriteFile(file, snapshot, 0o600))
	return map[string]func(c *cache.Cache, id string) error{
		"Set":        func(c *cache.Cache, id string) error { return c.Set(id, value[:len(id)*700], time.Hour) },
		"Get":        func(c *cache.Cache, id string) error { c.Get(id); return nil },
		"Append":     func(c *cache.Cache, id string) error { c.Append(nil, id); return nil },
		"Peek":       func(c *cache.Cache, id string) error { c.Peek(id); return nil },
		"Touch":      func(c *cache.Cache, id string) error { c.Touch(id, time.Nanosecond); return nil },
		"Delete":     func(c *cache.Cache, id string) error { c.Delete(id); return nil },
		"All":        func(c *cache.Cache, _ string) error { _ = maps.Collect(c.All()); return nil },
		"ScanValues": func(c *cache.Cache, _ string) error { _ = slices.Collect(c.ScanValues(nil)); return nil },
		"Len":        func(c *cache.Cache, _ string) error { c.Len(); return nil },
		"Stats":      func(c *cache.Cache, _ string) error { c.Stats(); return nil },
		"Save":       func(c *cache.Cache, _ string) error { return c.Save(io.Discard) },
		"Load":       func(c *cache.Cache, _ string) error { _, err := c.Load(bytes.NewReader(snapshot)); return err },
		"LoadFile":   func(c *cache.Cache, _ string) error { _, err := c.LoadFile(file); return err },
		"grow":       func(c *cache.Cache, _ string) error { return c.SetMaxBytes(128 << 10) },
		"shrink":     func(c *cache.Cache, _ string) error { return c.SetMaxBytes(64 << 10) },
		"Update": func(c *cache.Cache, id string) error {
			return c.Update(id, func(old []byte, _ bool) (cache.Change, error) {
				runtime.Gosched()
				return cache.Put(old, time.Hour), nil
			})
		},
	}
}

// savedSnapshot returns a snapshot of 50 entries.
func savedSnapshot(t *testing.T) []byte {
	c, err := cache.New(cache.Options{})
	require.NoError(t, err)
	defer c.Close()
	for i := range 50 {
		require.NoError(t, c.Set(strconv.Itoa(i), make([]byte, 10*i), time.Hour))
	}
	var stream bytes.Buffer
	require.NoError(t, c.Save(&stream))
	return stream.Bytes()
}
