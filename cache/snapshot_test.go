package cache

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func openCache(t testing.TB, o Options) *Cache {
	t.Helper()
	c, err := New(o)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

func contents(c *Cache) map[string]string {
	all := map[string]string{}
	for id, value := range c.All() {
		all[id] = string(value)
	}
	return all
}

// savedCache returns the contents of a cache with n entries of mixed sizes, and
// the stream that Save wrote of it.
func savedCache(t testing.TB, n int) (map[string]string, []byte) {
	c := openCache(t, Options{MaxBytes: 4 << 20, MaxValue: 64 << 10})
	random := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		value := strings.Repeat(fmt.Sprint(i, ";"), random.IntN(1+random.IntN(500)))
		require.NoError(t, c.Set(fmt.Sprint("id-", i), []byte(value), time.Hour))
	}
	var stream bytes.Buffer
	require.NoError(t, c.Save(&stream))
	return contents(c), stream.Bytes()
}

func TestLoad(t *testing.T) {
	t.Run("restores the entries", func(t *testing.T) {
		want, stream := savedCache(t, 1000)
		for _, shards := range []int{1, 16} {
			c := openCache(t, Options{MaxBytes: 8 << 20, MaxValue: 64 << 10, Shards: shards})
			loaded, err := c.Load(bytes.NewReader(stream))
			require.NoError(t, err)
			assert.Equal(t, len(want), loaded)
			assert.Equal(t, want, contents(c))
			require.NoError(t, c.checkInvariants())
			assert.Zero(t, c.Stats().Sets)
		}
	})

	t.Run("empty cache", func(t *testing.T) {
		_, stream := savedCache(t, 0)
		loaded, err := openCache(t, Options{}).Load(bytes.NewReader(stream))
		assert.NoError(t, err)
		assert.Zero(t, loaded)
	})

	t.Run("counts the time since Save", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			before := openCache(t, Options{})
			require.NoError(t, before.Set("short", nil, time.Minute))
			require.NoError(t, before.Set("long", nil, time.Hour))
			require.NoError(t, before.Set("for ever", nil, NoExpiry))
			var stream bytes.Buffer
			require.NoError(t, before.Save(&stream))
			time.Sleep(time.Minute)

			c := openCache(t, Options{})
			loaded, err := c.Load(&stream)
			require.NoError(t, err)
			assert.Equal(t, 2, loaded)
			_, ok := c.Peek("short")
			assert.False(t, ok, "it has expired meanwhile")
			time.Sleep(59*time.Minute - time.Nanosecond)
			_, ok = c.Peek("long")
			assert.True(t, ok)
			time.Sleep(time.Nanosecond)
			_, ok = c.Peek("long")
			assert.False(t, ok, "its hour is over")
			time.Sleep(1000 * time.Hour)
			_, ok = c.Peek("for ever")
			assert.True(t, ok)
		})
	})

	t.Run("ages old entries", func(t *testing.T) {
		const year = 365 * 24 * time.Hour
		for _, test := range []struct {
			away, ttl, idle   time.Duration
			wantTTL, wantIdle time.Duration
		}{
			{time.Minute, time.Hour, time.Second, time.Hour - time.Minute, time.Minute + time.Second},
			{time.Minute, NoExpiry, time.Second, NoExpiry, time.Minute + time.Second},
			{time.Minute, time.Hour, NoExpiry, time.Hour - time.Minute, year}, // the clock begins a year before the cache
			{5 * year, 6 * year, time.Second, year, year},
			{5 * year, NoExpiry, NoExpiry, NoExpiry, year},
			{250 * year, NoExpiry, 250 * year, NoExpiry, year},
		} {
			synctest.Test(t, func(t *testing.T) {
				c := openCache(t, Options{})

				l := loader{cache: c, into: make([]int, len(c.shards))}
				err := l.restore(savedEntry{id: "a", ttl: test.ttl, idle: test.idle}, nil, c.clock.now()-int64(test.away))

				require.NoError(t, err)
				require.Equal(t, 1, l.loaded)
				for entry := range c.ScanValues(nil) {
					assert.Equal(t, test.wantTTL, entry.TTL, "%+v", test)
					assert.InDelta(t, test.wantIdle, entry.Idle, 1<<tickShift, "%+v", test)
				}
			})
		}
	})

	// OnEvict, or another process, may delay Load for long.
	t.Run("slow Load prolongs no TTL", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			const ttl = 10 * time.Second
			saved := openCache(t, Options{})
			for i := range 60 {
				require.NoError(t, saved.Set(fmt.Sprint(i), make([]byte, 500), ttl))
			}
			var snapshot bytes.Buffer
			require.NoError(t, saved.Save(&snapshot))
			end := time.Now().Add(ttl)
			c := openCache(t, Options{MaxBytes: 16 << 10, Shards: 1, OnEvict: func(_ string, why EvictionReason) {
				if why == Capacity {
					time.Sleep(time.Second)
				}
			}})

			loaded, err := c.Load(&snapshot)

			require.NoError(t, err)
			assert.Less(t, loaded, 60, "some expired while others were loaded")
			assert.False(t, time.Now().Before(end))
			assert.Empty(t, contents(c))
		})
	})

	t.Run("keeps segments and order", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			o := Options{MaxBytes: 64 << 10, MaxValue: 1000, Shards: 1}
			before := openCache(t, o)
			for i := range 40 {
				require.NoError(t, before.Set(fmt.Sprint(i), make([]byte, 900), time.Hour))
				time.Sleep(time.Second)
			}
			before.Get("0")
			var stream bytes.Buffer
			require.NoError(t, before.Save(&stream))
			var left []string
			o.OnEvict = func(id string, _ EvictionReason) { left = append(left, id) }
			c := openCache(t, o)
			_, err := c.Load(&stream)
			require.NoError(t, err)
			assert.Equal(t, 39*time.Second, c.Stats().VictimAge.Round(time.Second))

			for i := range 60 {
				require.NoError(t, c.Set(fmt.Sprint("new-", i), make([]byte, 900), time.Hour))
			}
			require.Greater(t, len(left), 10)
			for i, id := range left[:10] {
				assert.Equal(t, fmt.Sprint(i+1), id)
			}
			_, ok := c.Peek("0")
			assert.True(t, ok, "it was used again, before")
		})
	})

	t.Run("keeps newer values", func(t *testing.T) {
		_, stream := savedCache(t, 10)
		c := openCache(t, Options{})
		require.NoError(t, c.Set("id-3", []byte("newer"), time.Hour))
		loaded, err := c.Load(bytes.NewReader(stream))
		require.NoError(t, err)
		assert.Equal(t, 9, loaded)
		value, _ := c.Get("id-3")
		assert.Equal(t, "newer", string(value))
	})

	t.Run("reports too large entries", func(t *testing.T) {
		before := openCache(t, Options{})
		require.NoError(t, before.Set("small", nil, time.Hour))
		require.NoError(t, before.Set("large", make([]byte, 5000), time.Hour))
		var stream bytes.Buffer
		require.NoError(t, before.Save(&stream))
		c := openCache(t, Options{MaxValue: 4000})
		loaded, err := c.Load(&stream)
		assert.ErrorIs(t, err, ErrSnapshot)
		assert.Equal(t, 1, loaded)
	})

	t.Run("reports the reader's error", func(t *testing.T) {
		_, stream := savedCache(t, 10)
		boom := errors.New("boom")
		_, err := openCache(t, Options{}).Load(io.MultiReader(bytes.NewReader(stream[:50]), iotest.ErrReader(boom)))
		assert.ErrorIs(t, err, ErrSnapshot)
		assert.ErrorIs(t, err, boom)
	})

	t.Run("errors contain no secrets", func(t *testing.T) {
		before := openCache(t, Options{})
		require.NoError(t, before.Set("secret-id", []byte("secret-value"), time.Hour))
		var stream bytes.Buffer
		require.NoError(t, before.Save(&stream))
		for _, b := range [][]byte{stream.Bytes()[:stream.Len()-3], stream.Bytes()[:70]} {
			_, err := openCache(t, Options{MaxValue: 5}).Load(bytes.NewReader(b))
			assert.NotContains(t, fmt.Sprintf("%+v", err), "secret")
		}
	})

	t.Run("closed cache", func(t *testing.T) {
		_, stream := savedCache(t, 10)
		c := openCache(t, Options{})
		c.Close()
		assert.ErrorIs(t, c.Save(io.Discard), ErrClosed)
		_, err := c.Load(bytes.NewReader(stream))
		assert.ErrorIs(t, err, ErrClosed)
		assert.ErrorIs(t, c.SetMaxBytes(1<<20), ErrClosed)
	})
}

// requirePartOf loads a damaged stream. It fails if Load reports no damage or
// adds an entry that is not in want.
func requirePartOf(t *testing.T, want map[string]string, stream []byte, what string) map[string]string {
	t.Helper()
	c, err := New(Options{MaxBytes: 4 << 20, MaxValue: 64 << 10, Shards: 1})
	require.NoError(t, err)
	defer c.Close()
	_, err = c.Load(bytes.NewReader(stream))
	require.ErrorIs(t, err, ErrSnapshot, what)
	got := contents(c)
	for id, value := range got {
		require.Equal(t, want[id], value, what)
		require.Contains(t, want, id, what)
	}
	return got
}

// Load adds the intact part of a damaged stream and nothing else.
func TestDamagedStream(t *testing.T) {
	skipUnderRace(t)
	t.Run("truncated", func(t *testing.T) {
		want, stream := savedCache(t, 1000)
		step := len(stream)/steps(20) + 1
		for n := 0; n < len(stream); n += step {
			got := requirePartOf(t, want, stream[:n], fmt.Sprint("the first ", n, " bytes"))
			if n > 2*frameMost {
				require.NotEmpty(t, got)
			}
		}
		got := requirePartOf(t, want, stream[:len(stream)-1], "all but a byte")
		assert.Equal(t, want, got)
	})

	t.Run("altered", func(t *testing.T) {
		want, stream := savedCache(t, 1000)
		random := rand.New(rand.NewPCG(1, 2))
		alter := map[string]func([]byte) []byte{
			"a bit":      func(b []byte) []byte { b[random.IntN(len(b))] ^= 1 << random.IntN(8); return b },
			"bytes gone": func(b []byte) []byte { i := random.IntN(len(b) - 9); return append(b[:i], b[i+1+random.IntN(8):]...) },
			"bytes added": func(b []byte) []byte {
				i := random.IntN(len(b))
				return append(b[:i:i], append([]byte("x"), b[i:]...)...)
			},
			"zeros":        func(b []byte) []byte { i := random.IntN(len(b) - 600); clear(b[i : i+512]); return b },
			"rubbish ends": func(b []byte) []byte { return append([]byte(frameMark), b[:len(b)-10]...) },
		}
		for name, alter := range alter {
			for range steps(4) {
				got := requirePartOf(t, want, alter(bytes.Clone(stream)), name)
				require.Greater(t, len(got), len(want)/2, "%s: most is intact", name)
			}
		}
	})

	t.Run("frames of another stream", func(t *testing.T) {
		want, stream := savedCache(t, 300)
		other := openCache(t, Options{})
		require.NoError(t, other.Set("alien", nil, time.Hour))
		var alien bytes.Buffer
		require.NoError(t, other.Save(&alien))
		firstFrame := headerBytes + int(binary.LittleEndian.Uint32(stream[33:])) + checkBytes

		spliced := append(bytes.Clone(stream[:firstFrame]), alien.Bytes()...)
		spliced = append(spliced, stream[firstFrame:]...)
		requirePartOf(t, want, spliced, "spliced")
	})
}

// rightChecks corrects all checksums of a stream for its current contents.
func rightChecks(stream []byte) {
	le := binary.LittleEndian
	for at := 0; at+headerBytes <= len(stream); {
		head := stream[at : at+headerBytes]
		copy(head, frameMark)
		le.PutUint64(head[headerBytes-checkBytes:], xxhash.Sum64(head[:headerBytes-checkBytes]))
		end := at + headerBytes + int(le.Uint32(head[33:]))
		if end < at || end+checkBytes > len(stream) {
			return
		}
		le.PutUint64(stream[end:], payloadCheck(stream[at+headerBytes:end], head))
		at = end + checkBytes
	}
}

func FuzzLoad(f *testing.F) {
	_, stream := savedCache(f, 20)
	f.Add(stream, false)
	f.Add(stream[:len(stream)/2], false)
	f.Add(stream, true)
	f.Add([]byte(frameMark), true)
	f.Add([]byte{}, false)
	f.Fuzz(func(t *testing.T, stream []byte, right bool) {
		if right {
			stream = bytes.Clone(stream)
			rightChecks(stream)
		}
		c, err := New(Options{MaxBytes: 64 << 10, Shards: 1})
		require.NoError(t, err)
		defer c.Close()
		loaded, err := c.Load(bytes.NewReader(stream))
		if err != nil {
			require.ErrorIs(t, err, ErrSnapshot)
		}
		require.LessOrEqual(t, c.Stats().Bytes.Total(), int64(64<<10))
		require.LessOrEqual(t, c.Len(), loaded)
		require.NoError(t, c.checkInvariants())
	})
}

func TestSaveDuringWrites(t *testing.T) {
	c := openCache(t, Options{MaxBytes: 2 << 20, MaxValue: 1000})
	for i := range 1000 {
		require.NoError(t, c.Set(fmt.Sprint("stays-", i), []byte("1"), time.Hour))
		c.Get(fmt.Sprint("stays-", i))
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				c.Set(fmt.Sprint("comes-", i%2000), make([]byte, i%800), time.Hour)
				c.Delete(fmt.Sprint("comes-", i*7%2000))
				c.Get(fmt.Sprint("stays-", i%1000))
			}
		}
	}()
	for range 2 {
		var stream bytes.Buffer
		require.NoError(t, c.Save(&stream))
		loaded := openCache(t, Options{MaxBytes: 8 << 20})
		_, err := loaded.Load(&stream)
		require.NoError(t, err)
		all := contents(loaded)
		for i := range 1000 {
			require.Contains(t, all, fmt.Sprint("stays-", i))
		}
	}
	close(stop)
	<-stopped
}

// Files.

func TestSaveFile(t *testing.T) {
	t.Run("LoadFile restores it", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "sessions")
		c := openCache(t, Options{})
		for i := range 3 {
			require.NoError(t, c.Set(fmt.Sprint(i), []byte("1"), time.Hour))
			require.NoError(t, c.SaveFile(path))
			loaded := openCache(t, Options{})
			_, err := loaded.LoadFile(path)
			require.NoError(t, err)
			assert.Equal(t, contents(c), contents(loaded))
		}
		names, err := os.ReadDir(filepath.Dir(path))
		require.NoError(t, err)
		assert.Len(t, names, 1, "no temporary file is left")
		info, err := os.Stat(path)
		require.NoError(t, err)
		assert.Zero(t, info.Mode().Perm()&0o077, "nobody else may read it")
	})

	t.Run("failure keeps the old file", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "sessions")
		c := openCache(t, Options{})
		require.NoError(t, c.Set("a", []byte("old"), time.Hour))
		require.NoError(t, c.SaveFile(path))
		before, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll(path+".tmp/full", 0o700)) // a directory in the place of the new file

		assert.Error(t, c.SaveFile(path))
		after, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, before, after)
	})

	t.Run("LoadFile without a file", func(t *testing.T) {
		_, err := openCache(t, Options{}).LoadFile(filepath.Join(t.TempDir(), "none"))
		assert.ErrorIs(t, err, os.ErrNotExist)
		assert.NotErrorIs(t, err, ErrSnapshot)
	})
}
