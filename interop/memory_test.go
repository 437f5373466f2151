package interop

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// flood sends n visitors who never come back. Each leaves a session with a
// value of the given number of bytes. The site must serve them all.
func flood(t *testing.T, site running, n, bytes int) {
	t.Helper()
	page := fmt.Sprintf("/fill?bytes=%d", bytes)
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			v := site.visitor(t)
			v.client.Jar = nil
			for range n / 4 {
				v.get(page)
			}
		})
	}
	clients.Wait()
}

func TestFlood_stays_below_the_cap(t *testing.T) {
	const (
		maxBytes = 16 << 20
		size     = 32 << 10
	)
	forEachSite(t, maxBytes, long, func(t *testing.T, site running) {
		flood(t, site, 2*maxBytes/size, size)

		stats := site.cache.Stats()
		require.NotZero(t, stats.EvictedForCapacity, "the flood did not fill the cache")
		assert.LessOrEqual(t, stats.Bytes.Total(), int64(maxBytes))
	})
}

func TestFlood_keeps_a_returning_user(t *testing.T) {
	const maxBytes = 1 << 20
	forEachSite(t, maxBytes, long, func(t *testing.T, site running) {
		user := site.visitor(t)
		user.get("/login?user=alice")
		user.get("/views")

		flood(t, site, 600, 4<<10)

		require.NotZero(t, site.cache.Stats().EvictedForCapacity, "the flood did not fill the cache")
		assert.Equal(t, "alice", user.get("/whoami"))
	})
}

func TestFlood_evicts_a_new_visitor(t *testing.T) {
	const maxBytes = 1 << 20
	forEachSite(t, maxBytes, long, func(t *testing.T, site running) {
		visitor := site.visitor(t)
		require.Equal(t, "1", visitor.get("/views"))

		flood(t, site, 600, 4<<10)

		assert.Equal(t, "1", visitor.get("/views"))
		assert.Equal(t, "2", visitor.get("/views"))
	})
}

func TestFlood_of_all_sites_on_one_cache(t *testing.T) {
	const maxBytes = 1 << 20
	c := newCache(t, maxBytes)
	for _, s := range sites {
		flood(t, run(t, s, setup{newApp(), c, "shop", long}), 100, 4<<10)
		assert.LessOrEqual(t, c.Stats().Bytes.Total(), int64(maxBytes))
	}
	assert.NotZero(t, c.Stats().EvictedForCapacity)
}
