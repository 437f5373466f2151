package cache

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

const (
	benchSessions = 1 << 20
	benchIDBytes  = 43
	benchValue    = 256
)

// benchIDs returns distinct IDs as long as those of the session manager.
func benchIDs(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("%0*x", benchIDBytes, uint64(i)*0x9e3779b97f4a7c15)
	}
	return ids
}

// zipf returns indexes below n with a Zipf distribution.
func zipf(n, length int) []uint32 {
	z := rand.NewZipf(rand.New(rand.NewPCG(1, 2)), 1.01, 1, uint64(n-1))
	order := rand.New(rand.NewPCG(3, 4)).Perm(n)
	at := make([]uint32, length)
	for i := range at {
		at[i] = uint32(order[z.Uint64()])
	}
	return at
}

func benchCache(b *testing.B, sessions int) (*Cache, []string) {
	c, err := New(Options{MaxBytes: max(1<<20, int64(sessions)*512)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Close() })
	ids := benchIDs(sessions)
	value := make([]byte, benchValue)
	for _, id := range ids {
		if err := c.Set(id, value, time.Hour); err != nil {
			b.Fatal(err)
		}
	}
	return c, ids
}

func BenchmarkCache(b *testing.B) {
	c, ids := benchCache(b, benchSessions)
	at := zipf(benchSessions, 1<<22)
	s := c.Stats()
	b.Logf("overhead %.1f bytes an entry", float64(s.Bytes.Headers+s.Bytes.Index)/float64(s.Entries))
	value := make([]byte, benchValue)
	parallel := func(name string, writes int) {
		b.Run(name, func(b *testing.B) {
			b.RunParallel(func(pb *testing.PB) {
				buf := make([]byte, 0, 512)
				i := rand.IntN(len(at))
				for pb.Next() {
					if i++; i >= len(at) {
						i = 0
					}
					id := ids[at[i]]
					if writes > 0 && i%10 < writes {
						c.Set(id, value, time.Hour)
					} else {
						buf, _ = c.Append(buf[:0], id)
					}
				}
			})
		})
	}
	parallel("get", 0)
	parallel("90/10", 1)
	parallel("set", 10)
}

// BenchmarkHotSession measures one session that all goroutines read. With one
// goroutine the result is close to the lock hold of a hit.
func BenchmarkHotSession(b *testing.B) {
	c, ids := benchCache(b, 1)
	b.RunParallel(func(pb *testing.PB) {
		buf := make([]byte, 0, 512)
		for pb.Next() {
			buf, _ = c.Append(buf[:0], ids[0])
		}
	})
}

// BenchmarkSurvey measures one Survey of a million entries.
func BenchmarkSurvey(b *testing.B) {
	c, _ := benchCache(b, benchSessions)
	entries := 0
	for b.Loop() {
		entries = c.Survey().Entries
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(entries), "ns/entry")
}
