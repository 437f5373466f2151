package plug_test

import (
	"context"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/plug"
)

func inAMinute() time.Time { return time.Now().Add(time.Minute) }

// scsStores are both stores for scs: what is true of one is true of the other.
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

func TestSCSFindsWhatWasCommitted(t *testing.T) {
	forEachSCS(t, func(t *testing.T, _ *cache.Cache, s *plug.SCSStore) {
		require.NoError(t, s.Commit("token", []byte("data"), inAMinute()))
		assertFinds(t, s, "token", "data")
	})
}

func TestSCSCommitReplacesDataAndExpiry(t *testing.T) {
	for name, newStore := range scsStores {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStore(newCache(t))
				require.NoError(t, s.Commit("token", []byte("old"), time.Now().Add(time.Second)))
				require.NoError(t, s.Commit("token", []byte("new"), inAMinute()))
				time.Sleep(time.Minute - time.Nanosecond)
				assertFinds(t, s, "token", "new")
				time.Sleep(time.Nanosecond)
				assertFindsNothing(t, s, "token")
			})
		})
	}
}

func TestSCSFindsNothingUnderUnknownOrMalformedTokens(t *testing.T) {
	forEachSCS(t, func(t *testing.T, _ *cache.Cache, s *plug.SCSStore) {
		for _, token := range []string{"", "unknown", "\x00", "../../etc", strings.Repeat("x", 1<<17)} {
			assertFindsNothing(t, s, token)
		}
	})
}

func TestSCSCommitThatHasExpiredRemovesTheSession(t *testing.T) {
	forEachSCS(t, func(t *testing.T, c *cache.Cache, s *plug.SCSStore) {
		for _, expiry := range []time.Time{{}, time.Unix(0, 0), time.Now().Add(-time.Nanosecond)} {
			require.NoError(t, s.Commit("token", []byte("data"), inAMinute()))
			require.NoError(t, s.Commit("token", []byte("data"), expiry))
			assertFindsNothing(t, s, "token")
			assert.Zero(t, c.Len())
		}
	})
}

func TestSCSCommitOfTheFarthestExpiryIsKept(t *testing.T) {
	forEachSCS(t, func(t *testing.T, _ *cache.Cache, s *plug.SCSStore) {
		require.NoError(t, s.Commit("token", []byte("data"), time.Unix(math.MaxInt32*1000, 0)))
		assertFinds(t, s, "token", "data")
	})
}

func TestSCSDeletedSessionIsGone(t *testing.T) {
	forEachSCS(t, func(t *testing.T, _ *cache.Cache, s *plug.SCSStore) {
		require.NoError(t, s.Commit("token", []byte("data"), inAMinute()))
		require.NoError(t, s.Delete("token"))
		assertFindsNothing(t, s, "token")
	})
}

func TestSCSDeleteOfNothingSucceeds(t *testing.T) {
	forEachSCS(t, func(t *testing.T, _ *cache.Cache, s *plug.SCSStore) {
		assert.NoError(t, s.Delete("unknown"))
		assert.NoError(t, s.Delete(""))
	})
}

func TestSCSLateCommitOfADeletedTokenDoesNothing(t *testing.T) {
	forEachSCS(t, func(t *testing.T, _ *cache.Cache, s *plug.SCSStore) {
		require.NoError(t, s.Commit("token", []byte("data"), inAMinute()))
		require.NoError(t, s.Delete("token"))
		assert.NoError(t, s.Commit("token", []byte("late"), inAMinute()))
		assertFindsNothing(t, s, "token")
	})
}

func TestSCSCommitOfAnEmptyTokenIsInvalid(t *testing.T) {
	forEachSCS(t, func(t *testing.T, _ *cache.Cache, s *plug.SCSStore) {
		assert.ErrorIs(t, s.Commit("", []byte("data"), inAMinute()), cache.ErrInvalid)
	})
}

func TestSCSCommitSaysWhenItCannotStore(t *testing.T) {
	forEachSCS(t, func(t *testing.T, c *cache.Cache, s *plug.SCSStore) {
		assert.ErrorIs(t, s.Commit("token", make([]byte, 2<<20), inAMinute()), cache.ErrTooLarge)
		require.NoError(t, c.Close())
		assert.ErrorIs(t, s.Commit("token", []byte("data"), inAMinute()), cache.ErrClosed)
		assertFindsNothing(t, s, "token")
		assert.NoError(t, s.Delete("token"))
	})
}

func TestSCSCancelledContextHasNoEffect(t *testing.T) {
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

func TestSCSLiveContextChangesNothing(t *testing.T) {
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

func TestSCSKeepsNoTokenInTheCache(t *testing.T) {
	c := newCache(t)
	require.NoError(t, plug.SCS(c, "p").Commit("a-secret-token", []byte("data"), inAMinute()))
	for key, record := range c.All() {
		assert.NotContains(t, key+string(record), "a-secret-token")
	}
}

func TestIterableSCSListsSessionsByToken(t *testing.T) {
	c := newCache(t)
	s := plug.IterableSCS(c, "p")
	require.NoError(t, s.Commit("1", []byte("one"), inAMinute()))
	require.NoError(t, s.Commit("2", nil, inAMinute()))
	require.NoError(t, s.Commit("3", []byte("three"), inAMinute()))
	require.NoError(t, s.Delete("3"))
	require.NoError(t, plug.IterableSCS(c, "other").Commit("4", []byte("four"), inAMinute()))
	// This data looks as an IterableSCSStore would have stored it.
	require.NoError(t, plug.SCS(c, "p").Commit("5", []byte("\x015five"), inAMinute()))

	all, err := s.All()

	require.NoError(t, err)
	assert.Equal(t, map[string][]byte{"1": []byte("one"), "2": {}}, all)
}

func TestIterableSCSListIsEmptyRatherThanNil(t *testing.T) {
	s := plug.IterableSCS(newCache(t), "p")
	all, err := s.All()
	assert.NoError(t, err)
	assert.NotNil(t, all)
	all, err = s.AllCtx(cancelled())
	assert.ErrorIs(t, err, context.Canceled)
	assert.NotNil(t, all)
}

// cancelling is a context that ends when it has been asked n times.
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

func TestIterableSCSListIsEmptyIfTheContextEndsMeanwhile(t *testing.T) {
	s := plug.IterableSCS(newCache(t), "p")
	for _, token := range []string{"1", "2", "3"} {
		require.NoError(t, s.Commit(token, []byte("data"), inAMinute()))
	}
	all, err := s.AllCtx(&cancelling{context.Background(), 2})
	assert.ErrorIs(t, err, context.Canceled)
	assert.Empty(t, all)
}
