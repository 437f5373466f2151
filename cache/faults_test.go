package cache_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/cache"
)

// Set stores an entry about as large as a shard, or returns an error, after any
// sequence of caps.
func TestSet_as_large_as_a_shard(t *testing.T) {
	for _, caps := range [][]int64{{66 << 10}, {128 << 10, 66 << 10}, {50 << 10, 66 << 10}, {1 << 20, 67 << 10}} {
		t.Run(fmt.Sprint(caps), func(t *testing.T) {
			c := open(t, cache.Options{MaxBytes: 64 << 10, Shards: 1, MaxValue: 40 << 10})
			for _, maxBytes := range caps {
				require.NoError(t, c.SetMaxBytes(maxBytes))
			}
			stored, refused := 0, 0
			for length := 64_000; length < 68_000; length += 4 {
				value := bytes.Repeat([]byte("v"), 40<<10)
				id := strings.Repeat("i", length-len(value))
				if err := c.Set(id, value, time.Hour); err != nil {
					require.ErrorIs(t, err, cache.ErrTooLarge)
					refused++
					continue
				}
				stored++
				got, ok := c.Get(id)
				require.True(t, ok, "%d bytes", length)
				require.True(t, bytes.Equal(value, got))
				require.Equal(t, 1, c.Len())
				stats := c.Stats()
				require.Positive(t, stats.Bytes.Fixed)
				require.LessOrEqual(t, stats.Bytes.Total(), stats.MaxBytes)
			}
			assert.Positive(t, stored)
			assert.Positive(t, refused)
		})
	}
}

// The largest MaxValue is 1 GiB.
func TestNew_MaxValue_beyond_1_GiB(t *testing.T) {
	if ^uint(0)>>32 == 0 {
		t.Skip("more than there are addresses")
	}
	_, err := cache.New(cache.Options{MaxBytes: 8 << 30, Shards: 1, MaxValue: 1<<30 + 1})
	require.ErrorIs(t, err, cache.ErrInvalid)
	assert.ErrorContains(t, err, "1073741825")
}

// An Update whose function sets its own ID ends with ErrConflict.
func TestUpdate_of_its_own_ID(t *testing.T) {
	c := open(t, cache.Options{})
	calls := 0
	err := c.Update("a", func([]byte, bool) (cache.Change, error) {
		calls++
		require.NoError(t, c.Set("a", []byte("mine"), time.Hour))
		return cache.Put([]byte("change"), time.Hour), nil
	})
	require.ErrorIs(t, err, cache.ErrConflict)
	assert.NotContains(t, err.Error(), "mine")
	assert.Greater(t, calls, 1000)
	assert.Equal(t, "mine", get(c, "a"))
	require.NoError(t, c.Update("a", func([]byte, bool) (cache.Change, error) { return cache.Remove(), nil }))
}

// SetMaxBytes notifies OnEvict between steps, so that IDs do not pile up.
func TestSetMaxBytes_notifies_between_steps(t *testing.T) {
	var c *cache.Cache
	notified, before := 0, 0
	c = open(t, cache.Options{MaxBytes: 8 << 20, Shards: 1, MaxValue: 1000, OnEvict: func(string, cache.EvictionReason) {
		notified++
		if notified == 1 {
			before = c.Len()
		}
	}})
	for i := range 20_000 {
		require.NoError(t, c.Set(fmt.Sprint(i), make([]byte, 200), time.Hour))
	}
	require.NoError(t, c.SetMaxBytes(1<<20))
	after := c.Len()
	assert.Equal(t, 20_000-after, notified)
	assert.Greater(t, before, after+notified/2, "entries at the first notification")
}

// OnEvict may end the goroutine of SetMaxBytes, as FailNow of a test does. The
// cap holds soon anyway.
func TestSetMaxBytes_its_goroutine_ends(t *testing.T) {
	virtually(t, func(t *testing.T) {
		notified := 0
		c := open(t, cache.Options{MaxBytes: 8 << 20, Shards: 1, MaxValue: 1000, OnEvict: func(string, cache.EvictionReason) {
			if notified++; notified == 1 {
				runtime.Goexit()
			}
		}})
		for i := range 20_000 {
			require.NoError(t, c.Set(fmt.Sprint(i), make([]byte, 200), time.Hour))
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			c.SetMaxBytes(1 << 20)
		}()
		<-ended
		time.Sleep(time.Minute)
		stats := c.Stats()
		assert.EqualValues(t, 1<<20, stats.MaxBytes)
		assert.LessOrEqual(t, stats.Bytes.Total(), stats.MaxBytes)
	})
}

// Concurrent calls end with one of their caps, which then holds.
func TestSetMaxBytes_concurrent(t *testing.T) {
	c := open(t, cache.Options{MaxBytes: 4 << 20, Shards: 4, MaxValue: 1000})
	for i := range 10_000 {
		require.NoError(t, c.Set(fmt.Sprint(i), make([]byte, 200), time.Hour))
	}
	caps := []int64{1 << 20, 2 << 20, 3 << 20, 5 << 20}
	for range 20 {
		done := make(chan error)
		for _, maxBytes := range caps {
			go func() { done <- c.SetMaxBytes(maxBytes) }()
		}
		for range caps {
			require.NoError(t, <-done)
		}
		stats := c.Stats()
		require.Contains(t, caps, stats.MaxBytes)
		require.LessOrEqual(t, stats.Bytes.Total(), stats.MaxBytes)
	}
}

type idleReader struct{}

func (idleReader) Read([]byte) (int, error) { return 0, nil }

// A reader that returns neither bytes nor an error does not hang Load.
func TestLoad_reader_without_progress(t *testing.T) {
	_, err := open(t, cache.Options{}).Load(idleReader{})
	require.ErrorIs(t, err, cache.ErrSnapshot)
	require.ErrorIs(t, err, io.ErrNoProgress)
}

// SaveFile replaces stale files and links, and never writes through a link.
func TestSaveFile_replaces_links(t *testing.T) {
	if runtime.GOOS == "windows" || runtime.GOOS == "js" {
		t.Skip("modes and links are those of Unix")
	}
	isPrivate := func(t *testing.T, path string) {
		info, err := os.Lstat(path)
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode())
	}
	for _, name := range []string{"sessions", "sessions.tmp"} {
		t.Run("stale "+name, func(t *testing.T) {
			folder := t.TempDir()
			stale := filepath.Join(folder, name)
			require.NoError(t, os.WriteFile(stale, []byte("stale"), 0o666))
			require.NoError(t, os.Chmod(stale, 0o666))
			c := open(t, cache.Options{})
			require.NoError(t, c.SaveFile(filepath.Join(folder, "sessions")))
			isPrivate(t, filepath.Join(folder, "sessions"))
		})
		t.Run("link "+name, func(t *testing.T) {
			folder := t.TempDir()
			other := filepath.Join(folder, "other")
			require.NoError(t, os.WriteFile(other, []byte("other"), 0o644))
			require.NoError(t, os.Symlink(other, filepath.Join(folder, name)))
			c := open(t, cache.Options{})
			require.NoError(t, c.SaveFile(filepath.Join(folder, "sessions")))
			isPrivate(t, filepath.Join(folder, "sessions"))
			kept, err := os.ReadFile(other)
			require.NoError(t, err)
			assert.Equal(t, "other", string(kept), "the file that the link leads to")
		})
	}
}
