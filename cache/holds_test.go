//go:build holdfast_holds && linux

package cache

import (
	"bytes"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkHolds measures the lock holds of a shard with four million entries.
// docs/design-cache.md has its figures:
//
//	go test -tags holdfast_holds -run '^$' -bench Holds -benchtime 1x -timeout 30m ./cache
//
// ms is the longest lock hold in processor time of its thread, which excludes
// preemption and includes page faults. ms-by-clock excludes nothing.
func BenchmarkHolds(b *testing.B) {
	const (
		entries = 4 << 20
		room    = 1 << 30
	)
	id := func(i int) string { return fmt.Sprintf("%043d", i) }
	value := make([]byte, 100)
	set := func(b *testing.B, c *Cache, from, to int, ttl time.Duration) {
		for i := from; i < to; i++ {
			require.NoError(b, c.Set(id(i), value, ttl))
		}
	}
	open := func(b *testing.B, maxBytes int64) *Cache {
		c, err := New(Options{MaxBytes: maxBytes, Shards: 1})
		require.NoError(b, err)
		b.Cleanup(func() { c.Close() })
		return c
	}
	full := func(b *testing.B) *Cache {
		c := open(b, room)
		set(b, c, 0, entries, time.Hour)
		return c
	}
	tiny := func(b *testing.B) *Cache {
		c := open(b, entries*64)
		for i := 0; c.Stats().EvictedForCapacity == 0; i++ {
			for range 1000 {
				require.NoError(b, c.Set(fmt.Sprintf("%07d", i), nil, time.Hour))
				i++
			}
		}
		return c
	}
	scattered := func(b *testing.B) *Cache {
		c := full(b)
		for i := 0; i < entries; i += 3 {
			c.Delete(id(i))
		}
		return c
	}
	for _, bench := range []struct {
		name string
		open func(b *testing.B) *Cache
		run  func(b *testing.B, c *Cache)
	}{
		{"filling", func(b *testing.B) *Cache { return open(b, room) }, func(b *testing.B, c *Cache) { set(b, c, 0, entries, time.Hour) }},
		{"getting", full, func(b *testing.B, c *Cache) {
			for i := range entries {
				c.Get(id(i))
			}
		}},
		{"at the cap", func(b *testing.B) *Cache { c := full(b); set(b, c, entries, 2*entries, time.Hour); return c }, func(b *testing.B, c *Cache) {
			set(b, c, 2*entries, 3*entries, time.Hour)
		}},
		{"1 MiB among tiny entries", tiny, func(b *testing.B, c *Cache) {
			for i := range 20 {
				require.NoError(b, c.Set(id(i), make([]byte, 1<<20), time.Hour))
			}
		}},
		{"16 KiB among tiny entries", tiny, func(b *testing.B, c *Cache) {
			for i := range 1000 {
				require.NoError(b, c.Set(id(i), make([]byte, 16<<10-100), time.Hour))
			}
		}},
		{"300 bytes among tiny entries", tiny, func(b *testing.B, c *Cache) {
			for i := range 100_000 {
				require.NoError(b, c.Set(id(i), make([]byte, 300), time.Hour))
			}
		}},
		{"shrinking", full, func(b *testing.B, c *Cache) { require.NoError(b, c.SetMaxBytes(room/4)) }},
		{"shrinking with free blocks", scattered, func(b *testing.B, c *Cache) { require.NoError(b, c.SetMaxBytes(room/4)) }},
		{"growing", full, func(b *testing.B, c *Cache) { require.NoError(b, c.SetMaxBytes(2*room)) }},
		{"expiring", func(b *testing.B) *Cache {
			c := open(b, room)
			set(b, c, 0, 3*entries/4, time.Hour)
			at := time.Now().Add(8 * time.Second)
			for i := 3 * entries / 4; i < entries; i++ {
				require.NoError(b, c.Set(id(i), value, time.Until(at)))
			}
			return c
		}, func(b *testing.B, c *Cache) {
			time.Sleep(10 * time.Second)
			require.Less(b, c.Len(), entries)
		}},
		{"expiring all of 20 KiB", func(b *testing.B) *Cache {
			c := open(b, room)
			at := time.Now().Add(3 * time.Second)
			for i := range 50_000 {
				ttl := time.Until(at)
				if i%3 == 0 {
					ttl = time.Hour
				}
				require.NoError(b, c.Set(id(i), make([]byte, 20_000), ttl))
			}
			return c
		}, func(b *testing.B, c *Cache) { time.Sleep(6 * time.Second) }},
		{"saving", full, func(b *testing.B, c *Cache) { require.NoError(b, c.Save(io.Discard)) }},
		{"loading", func(b *testing.B) *Cache { return open(b, room) }, func(b *testing.B, c *Cache) {
			b.StopTimer()
			saved := full(b)
			var stream bytes.Buffer
			require.NoError(b, saved.Save(&stream))
			saved.Close()
			resetHolds()
			b.StartTimer()
			n, err := c.Load(&stream)
			require.NoError(b, err)
			require.Equal(b, entries, n)
		}},
		{"loading nothing", full, func(b *testing.B, c *Cache) {
			var stream bytes.Buffer
			empty := open(b, 0)
			require.NoError(b, empty.Save(&stream))
			resetHolds()
			_, err := c.Load(&stream)
			require.NoError(b, err)
		}},
		{"all", full, func(b *testing.B, c *Cache) {
			for range c.All() {
			}
		}},
		{"matching", full, func(b *testing.B, c *Cache) {
			for range c.ScanValues([]byte{0}) {
			}
		}},
		{"matching nothing", full, func(b *testing.B, c *Cache) {
			for range c.ScanValues([]byte{1}) {
			}
		}},
		{"surveying", full, func(b *testing.B, c *Cache) { c.Survey() }},
	} {
		b.Run(bench.name, func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				c := bench.open(b)
				resetHolds()
				b.StartTimer()
				bench.run(b, c)
				b.StopTimer()
				require.NoError(b, c.Close())
			}
			ms := func(d int64) float64 { return float64(d) / 1e6 }
			b.ReportMetric(ms(holds.longest.Load()), "ms")
			b.ReportMetric(ms(holds.longestByClock.Load()), "ms-by-clock")
			b.ReportMetric(float64(holds.beyondAHundred.Load()), "over-0.1-ms")
			b.ReportMetric(float64(holds.beyondAThousand.Load()), "over-1-ms")
		})
	}
}
