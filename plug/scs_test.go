package plug_test

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/plug"
)

func inAMinute() time.Time { return time.Now().Add(time.Minute) }

// scsStores are both stores for scs. Each test in forEachSCS holds for both.
var scsStores = map[string]func(*cache.Cache) *plug.SCSStore{
	"SCS":         func(c *cache.Cache) *plug.SCSStore { return plug.SCS(c, "p") },
	"IterableSCS": func(c *cache.Cache) *plug.SCSStore { return &plug.IterableSCS(c, "p").SCSStore },
}

func forEachSCS(t *testing.T, test func(t *testing.T, c *cache.Cache, s *plug.SCSStore)) {
	for name, newStore := range scsStores {
		t.Run(name, func(t *testing.T) {
			c := newCache(t)
			test(t, c, newStore(c))
		})
	}
}

func assertFinds(t *testing.T, s *plug.SCSStore, token, want string) {
	t.Helper()
	data, found, err := s.Find(token)
	assert.NoError(t, err)
	assert.True(t, found)
	assert.Equal(t, want, string(data))
}

func assertFindsNothing(t *testing.T, s *plug.SCSStore, token string) {
	t.Helper()
	data, found, err := s.Find(token)
	assert.NoError(t, err)
	assert.False(t, found)
	assert.Nil(t, data)
}

func TestSCS_commit_with_a_past_expiry(t *testing.T) {
	forEachSCS(t, func(t *testing.T, c *cache.Cache, s *plug.SCSStore) {
		for _, expiry := range []time.Time{{}, time.Unix(0, 0), time.Now().Add(-time.Nanosecond)} {
			require.NoError(t, s.Commit("token", []byte("data"), inAMinute()))
			require.NoError(t, s.Commit("token", []byte("data"), expiry))
			assertFindsNothing(t, s, "token")
			assert.Zero(t, c.Len())
		}
	})
}

func TestSCS_commit_with_a_far_expiry(t *testing.T) {
	forEachSCS(t, func(t *testing.T, _ *cache.Cache, s *plug.SCSStore) {
		require.NoError(t, s.Commit("token", []byte("data"), time.Unix(math.MaxInt32*1000, 0)))
		assertFinds(t, s, "token", "data")
	})
}

func TestSCS_with_a_cancelled_context(t *testing.T) {
	forEachSCS(t, func(t *testing.T, _ *cache.Cache, s *plug.SCSStore) {
		require.NoError(t, s.Commit("token", []byte("data"), inAMinute()))

		assert.ErrorIs(t, s.CommitCtx(cancelled(), "token", []byte("new"), inAMinute()), context.Canceled)
		assert.ErrorIs(t, s.DeleteCtx(cancelled(), "token"), context.Canceled)
		data, found, err := s.FindCtx(cancelled(), "token")
		assert.ErrorIs(t, err, context.Canceled)
		assert.False(t, found)
		assert.Nil(t, data)
		assertFinds(t, s, "token", "data")
	})
}

func TestSCS_with_a_live_context(t *testing.T) {
	forEachSCS(t, func(t *testing.T, _ *cache.Cache, s *plug.SCSStore) {
		ctx := context.Background()
		require.NoError(t, s.CommitCtx(ctx, "token", []byte("data"), inAMinute()))
		data, found, err := s.FindCtx(ctx, "token")
		assert.NoError(t, err)
		assert.True(t, found)
		assert.Equal(t, "data", string(data))
		require.NoError(t, s.DeleteCtx(ctx, "token"))
		assertFindsNothing(t, s, "token")
	})
}

func TestSCS_keeps_no_token_in_the_cache(t *testing.T) {
	c := newCache(t)
	require.NoError(t, plug.SCS(c, "p").Commit("a-secret-token", []byte("data"), inAMinute()))
	for key, record := range c.All() {
		assert.NotContains(t, key+string(record), "a-secret-token")
	}
}

func TestIterableSCS_lists_sessions_by_token(t *testing.T) {
	c := newCache(t)
	s := plug.IterableSCS(c, "p")
	require.NoError(t, s.Commit("1", []byte("one"), inAMinute()))
	require.NoError(t, s.Commit("2", nil, inAMinute()))
	require.NoError(t, s.Commit("3", []byte("three"), inAMinute()))
	require.NoError(t, s.Delete("3"))
	require.NoError(t, plug.IterableSCS(c, "other").Commit("4", []byte("four"), inAMinute()))
	// An IterableSCSStore would have stored the session in this format.
	require.NoError(t, plug.SCS(c, "p").Commit("5", []byte("\x015five"), inAMinute()))

	all, err := s.All()

	require.NoError(t, err)
	assert.Equal(t, map[string][]byte{"1": []byte("one"), "2": {}}, all)
}

func TestIterableSCS_list_is_never_nil(t *testing.T) {
	s := plug.IterableSCS(newCache(t), "p")
	all, err := s.All()
	assert.NoError(t, err)
	assert.NotNil(t, all)
	all, err = s.AllCtx(cancelled())
	assert.ErrorIs(t, err, context.Canceled)
	assert.NotNil(t, all)
}

// cancelling is a context that ends after n calls of Err.
type cancelling struct {
	context.Context
	n int
}

func (c *cancelling) Err() error {
	if c.n--; c.n < 0 {
		return context.Canceled
	}
	return nil
}

func TestIterableSCS_list_until_the_context_ends(t *testing.T) {
	s := plug.IterableSCS(newCache(t), "p")
	for _, token := range []string{"1", "2", "3"} {
		require.NoError(t, s.Commit(token, []byte("data"), inAMinute()))
	}
	all, err := s.AllCtx(&cancelling{context.Background(), 2})
	assert.ErrorIs(t, err, context.Canceled)
	assert.Empty(t, all)
}
