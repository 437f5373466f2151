package holdfast_test

import (
	"testing"
	"time"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/storetest"
)

// A cache keeps the contract of a Store but in one point: after Close it finds
// nothing, where a Store returns an error. So the suite sees no method Close.
func TestContract_of_the_cache(t *testing.T) {
	open := func(t *testing.T) holdfast.Store {
		c, err := cache.New(cache.Options{MaxBytes: 16 << 20, Shards: 4})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return struct{ holdfast.Store }{holdfast.InCache(c)}
	}
	t.Run("virtual_time", func(t *testing.T) { storetest.Run(t, open, storetest.Options{Virtual: true}) })
	t.Run("real_time", func(t *testing.T) { storetest.Run(t, open, storetest.Options{Tick: 2 * time.Millisecond}) })
	t.Run("shared", func(t *testing.T) {
		storetest.RunShared(t, func(t *testing.T) (a, b holdfast.Store) { a = open(t); return a, a }, storetest.Options{Virtual: true})
	})
}
