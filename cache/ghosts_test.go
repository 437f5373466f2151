package cache

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// visit does the work of a server for one request: it looks up the session and
// stores one on a miss. It reports whether the session existed.
func visit(t *testing.T, c *Cache, id string) bool {
	t.Helper()
	_, found := c.Get(id)
	if !found {
		require.NoError(t, c.Set(id, make([]byte, 200), time.Hour))
	}
	return found
}

func visitAll(t *testing.T, c *Cache, who string, n int) (found int) {
	t.Helper()
	for i := range n {
		if visit(t, c, fmt.Sprint(who, " ", i)) {
			found++
		}
	}
	return found
}

// withRegulars returns a cache full of users who returned, and the number of
// sessions that fit.
func withRegulars(t *testing.T) (c *Cache, fits int) {
	t.Helper()
	c, err := New(Options{MaxBytes: 512 << 10, Shards: 1})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	for c.Stats().EvictedForCapacity == 0 {
		visit(t, c, fmt.Sprint("first ", fits))
		fits++
	}
	visitAll(t, c, "regular", fits*9/10)
	visitAll(t, c, "regular", fits*9/10)
	require.Equal(t, defaultProtected, c.shards[0].order.protectedShare)
	return c, fits
}

func TestGhosts(t *testing.T) {
	skipUnderRace(t)
	// All newcomers together would fit, but not beside protected users who
	// never return.
	t.Run("late returners get room", func(t *testing.T) {
		c, fits := withRegulars(t)
		newcomers := fits / 2
		assert.Zero(t, visitAll(t, c, "newcomer", newcomers), "this is their first visit")
		assert.Less(t, visitAll(t, c, "newcomer", newcomers), newcomers/10, "users who never return still have the room")

		for range 20 {
			visitAll(t, c, "newcomer", newcomers)
		}

		assert.Equal(t, newcomers, visitAll(t, c, "newcomer", newcomers))
		assert.NoError(t, c.checkInvariants())
	})

	// Crawlers, whose sessions never return, give the protected segment its
	// room back.
	t.Run("crawlers raise the limit", func(t *testing.T) {
		c, fits := withRegulars(t)
		s := &c.shards[0]
		s.order.protectedShare = defaultProtected / 2

		for i := range 20 {
			visitAll(t, c, fmt.Sprintf("crawler %d", i), fits)
		}

		assert.Equal(t, defaultProtected, s.order.protectedShare)
	})

	// The newcomers lose their session to the flood between their first and
	// their second request. No room would be enough for them. The regulars keep
	// theirs.
	t.Run("flood evicts no regular", func(t *testing.T) {
		c, fits := withRegulars(t)
		users := fits / 2
		require.Equal(t, users, visitAll(t, c, "regular", users))

		newcomers, back := 0, 0
		for i := range 100 * fits {
			visit(t, c, fmt.Sprintf("crawler %d", i))
			if i%30 == 0 {
				visit(t, c, fmt.Sprintf("newcomer %d", newcomers))
				newcomers++
			}
			if i%30 == 15 && i > fits {
				visit(t, c, fmt.Sprintf("newcomer %d", back))
				back++
			}
		}

		require.Greater(t, back, 3*fits)
		assert.Equal(t, users, visitAll(t, c, "regular", users))
	})

	// One client makes sessions, keeps their cookies and sends each again long
	// after its eviction, so its flood looks like users who return late. The
	// regulars in the least room of the protected segment stay.
	t.Run("self-requested flood", func(t *testing.T) {
		c, fits := withRegulars(t)
		users := fits * 35 / 100
		require.Equal(t, users, visitAll(t, c, "regular", users))

		for i := range 50 * fits {
			require.NoError(t, c.Set(fmt.Sprintf("flood %d", i), make([]byte, 200), time.Hour))
			if i%4 == 0 {
				c.Get(fmt.Sprintf("flood %d", i-fits*9/10))
			}
		}

		assert.Less(t, c.shards[0].order.protectedShare, defaultProtected, "the limit fell")
		assert.Equal(t, users, visitAll(t, c, "regular", users))
	})

	t.Run("missed regulars get room", func(t *testing.T) {
		c, fits := withRegulars(t)
		s := &c.shards[0]
		s.order.protectedShare = 0
		visitAll(t, c, "crawler", 2*fits)
		require.Less(t, visitAll(t, c, "regular", fits/2), fits/20, "they were evicted as in plain LRU")

		for i := range 100 {
			visitAll(t, c, fmt.Sprintf("crawler %d", i), fits*3/4)
			visitAll(t, c, "regular", fits/2)
			visitAll(t, c, "regular", fits/2)
		}

		assert.Positive(t, s.order.protectedShare)
		visitAll(t, c, "last crawler", 2*fits)
		assert.Greater(t, visitAll(t, c, "regular", fits/2), fits*4/10)
	})

	t.Run("limit stays in its bounds", func(t *testing.T) {
		c, _ := withRegulars(t)
		s := &c.shards[0]
		const once, again = 5, 6
		for range 1000 {
			*ghostSlot(s.ghosts.once, once) = once
			s.noteMiss(once)
		}
		assert.Equal(t, defaultProtected*minLimit, s.order.protectedShare)
		for range 1000 {
			*ghostSlot(s.ghosts.again, again) = again
			s.noteMiss(again)
		}
		assert.Equal(t, defaultProtected, s.order.protectedShare)
	})

	t.Run("new cap keeps the limit", func(t *testing.T) {
		c, _ := withRegulars(t)
		s := &c.shards[0]
		s.order.protectedShare = 0.25
		for _, maxBytes := range []int64{600 << 10, 2 << 20, 600 << 10} {
			require.NoError(t, c.SetMaxBytes(maxBytes))
			assert.Equal(t, 0.25, s.order.protectedShare, "%d bytes", maxBytes)
			assert.LessOrEqual(t, c.Stats().Bytes.Total(), maxBytes)
		}
	})

	t.Run("Load is no miss", func(t *testing.T) {
		c, fits := withRegulars(t)
		var saved bytes.Buffer
		visitAll(t, c, "newcomer", fits)
		require.NoError(t, c.Save(&saved))
		visitAll(t, c, "crawler", fits)
		before := c.shards[0].order.protectedShare

		loaded, err := c.Load(&saved)

		require.NoError(t, err)
		require.Positive(t, loaded)
		assert.GreaterOrEqual(t, c.shards[0].order.protectedShare, before)
	})

	t.Run("none in LRU or tiny shards", func(t *testing.T) {
		for _, o := range []Options{
			{MaxBytes: 1 << 20, Shards: 1, Protected: -1},
			{MaxBytes: 8 << 10, Shards: 1, MaxValue: 1000},
		} {
			c, err := New(o)
			require.NoError(t, err)
			assert.Nil(t, c.shards[0].ghosts)
			for i := range 10_000 {
				visit(t, c, fmt.Sprint(i%7000))
			}
			assert.NoError(t, c.checkInvariants())
			assert.NoError(t, c.Close())
		}
	})
}
