package redisstore

import (
	"context"
	"fmt"
	"testing"
	"time"
	"sync"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/tier"
)

func TestSmoke(t *testing.T) {
	for _, port := range []int{7801, 7802} {
		for _, mode := range []tier.Mode{tier.Cached, tier.Verified, tier.Direct} {
			open := func() *Store {
				s, err := New(Options{URL: fmt.Sprintf("redis://127.0.0.1:%d", port), Check: true, Tier: tier.Options{Mode: mode}})
				require.NoError(t, err)
				t.Cleanup(func() { s.Close() })
				return s
			}
			a, b := open(), open()
			ctx := context.Background()
			require.NoError(t, a.Set(ctx, "x", []byte("0"), time.Hour))
			var group sync.WaitGroup
			for _, s := range []*Store{a, b} {
				for range 4 {
					group.Go(func() {
						for range 200 {
							if err := s.Update(ctx, "x", func(old []byte, found bool) (cache.Change, error) {
								n := 0
								fmt.Sscan(string(old), &n)
								return cache.Put([]byte(fmt.Sprint(n+1)), time.Hour), nil
							}); err != nil {
								t.Error(err)
							}
						}
					})
				}
			}
			group.Wait()
			v, found, err := a.Get(ctx, "x", holdfast.ReadFresh)
			require.NoError(t, err)
			require.True(t, found)
			require.Equal(t, "1600", string(v))
			require.Eventually(t, func() bool { v, _, _ := b.Get(ctx, "x", holdfast.ReadUse); return string(v) == "1600" }, time.Second, time.Millisecond)
			begin := time.Now()
			for range 1000 {
				b.Get(ctx, "x", holdfast.ReadUse)
			}
			t.Log(port, mode, time.Since(begin)/1000, fmt.Sprintf("%+v", a.Stats()))
			n := 0
			for e, err := range a.ScanValues(ctx, nil) {
				require.NoError(t, err)
				n++
				_ = e
			}
			require.Equal(t, 1, n)
			found, err = b.Touch(ctx, "x", 0)
			require.NoError(t, err)
			require.False(t, found)
			require.Eventually(t, func() bool { _, found, _ := a.Get(ctx, "x", holdfast.ReadUse); return !found }, time.Second, time.Millisecond)
		}
	}
}
