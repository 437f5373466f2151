package tier_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/tier"
)

// A read that a local copy answers allocates its value, and a touch that needs
// no command nothing.
func TestAllocations(t *testing.T) {
	here := newServer().open(t, tier.Options{MaxStale: hour})
	for _, size := range []int{0, 10, 300, 4000, 100_000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			here.set(t, "a", strings.Repeat("v", size), hour)
			require.LessOrEqual(t, testing.AllocsPerRun(1000, func() {
				if _, found, err := here.Get(background, "a", holdfast.ReadUse); !found || err != nil {
					t.Error(err)
				}
			}), 2.0)
			require.Zero(t, testing.AllocsPerRun(1000, func() {
				if found, err := here.Touch(background, "a", hour); !found || err != nil {
					t.Error(err)
				}
			}))
			require.Zero(t, here.Stats().Touches)
		})
	}
}

// One request's read and touch, on a local copy and on the cache alone.
func BenchmarkGetAndTouch(b *testing.B) {
	for _, size := range []int{100, 400, 2000, 16_000} {
		value := make([]byte, size)
		id := strings.Repeat("i", 32)
		b.Run(fmt.Sprintf("cache/%d", size), func(b *testing.B) {
			c, err := cache.New(cache.Options{})
			require.NoError(b, err)
			defer c.Close()
			require.NoError(b, c.Set(id, value, hour))
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := c.Get(id); !ok || !c.Touch(id, hour) {
					b.Fatal("no entry")
				}
			}
		})
		b.Run(fmt.Sprintf("tier/%d", size), func(b *testing.B) {
			here := newServer().open(b, tier.Options{LocalBytes: 64 << 20})
			here.set(b, id, string(value), hour)
			b.ReportAllocs()
			for b.Loop() {
				_, found, err := here.Get(background, id, holdfast.ReadUse)
				touched, again := here.Touch(background, id, hour)
				if !found || !touched || err != nil || again != nil {
					b.Fatal("no entry")
				}
			}
		})
	}
}
