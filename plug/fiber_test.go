package plug_test

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/plug"
)

func assertGets(t *testing.T, s *plug.FiberStorage, key, want string) {
	t.Helper()
	value, err := s.Get(key)
	assert.NoError(t, err)
	assert.Equal(t, want, string(value))
}

func assertGetsNil(t *testing.T, s *plug.FiberStorage, key string) {
	t.Helper()
	value, err := s.Get(key)
	assert.NoError(t, err)
	assert.Nil(t, value)
}

func TestFiberGetsWhatWasSet(t *testing.T) {
	s := plug.Fiber(newCache(t), "p")
	require.NoError(t, s.Set("key", []byte("value"), time.Minute))
	assertGets(t, s, "key", "value")
}

func TestFiberSetReplacesValueAndExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := plug.Fiber(newCache(t), "p")
		require.NoError(t, s.Set("key", []byte("old"), time.Second))
		require.NoError(t, s.Set("key", []byte("new"), time.Minute))
		time.Sleep(time.Minute - time.Nanosecond)
		assertGets(t, s, "key", "new")
		time.Sleep(time.Nanosecond)
		assertGetsNil(t, s, "key")
	})
}

func TestFiberMissingAndEmptyKeysAreNilWithoutAnError(t *testing.T) {
	s := plug.Fiber(newCache(t), "p")
	assertGetsNil(t, s, "missing")
	assertGetsNil(t, s, "")
}

func TestFiberIgnoresAnEmptyKeyOrValue(t *testing.T) {
	c := newCache(t)
	s := plug.Fiber(c, "p")
	assert.NoError(t, s.Set("", []byte("value"), 0))
	assert.NoError(t, s.Set("key", nil, 0))
	assert.NoError(t, s.Set("key", []byte{}, 0))
	assert.NoError(t, s.Delete(""))
	assert.Zero(t, c.Len())
}

func TestFiberIgnoresAnEmptyValueOverAValue(t *testing.T) {
	s := plug.Fiber(newCache(t), "p")
	require.NoError(t, s.Set("key", []byte("value"), 0))
	require.NoError(t, s.Set("key", nil, 0))
	assertGets(t, s, "key", "value")
}

func TestFiberZeroExpiryIsForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := plug.Fiber(newCache(t), "p")
		require.NoError(t, s.Set("key", []byte("value"), 0))
		time.Sleep(48 * time.Hour)
		assertGets(t, s, "key", "value")
	})
}

func TestFiberNegativeExpiryRemovesTheSession(t *testing.T) {
	for _, exp := range []time.Duration{-1, math.MinInt64} {
		c := newCache(t)
		s := plug.Fiber(c, "p")
		require.NoError(t, s.Set("key", []byte("value"), 0))
		require.NoError(t, s.Set("key", []byte("value"), exp))
		assert.Zero(t, c.Len())
	}
}

func TestFiberLongestExpiryIsKept(t *testing.T) {
	s := plug.Fiber(newCache(t), "p")
	require.NoError(t, s.Set("key", []byte("value"), math.MaxInt64))
	assertGets(t, s, "key", "value")
}

func TestFiberSharesNoBufferWithItsCaller(t *testing.T) {
	s := plug.Fiber(newCache(t), "p")
	value := []byte("value")
	require.NoError(t, s.Set("key", value, 0))
	copy(value, "XXXXX")
	got, _ := s.Get("key")
	require.Equal(t, "value", string(got))
	copy(got, "YYYYY")
	assertGets(t, s, "key", "value")
}

func TestFiberDeletedSessionIsGone(t *testing.T) {
	s := plug.Fiber(newCache(t), "p")
	require.NoError(t, s.Set("key", []byte("value"), 0))
	require.NoError(t, s.Delete("key"))
	assertGetsNil(t, s, "key")
	assert.NoError(t, s.Delete("key"))
	assert.NoError(t, s.Delete("unknown"))
}

func TestFiberLateSetOfADeletedKeyDoesNothing(t *testing.T) {
	s := plug.Fiber(newCache(t), "p")
	require.NoError(t, s.Set("key", []byte("value"), 0))
	require.NoError(t, s.Delete("key"))
	assert.NoError(t, s.Set("key", []byte("late"), 0))
	assertGetsNil(t, s, "key")
}

func TestFiberResetEndsItsOwnSessionsOnly(t *testing.T) {
	c := newCache(t)
	s, other := plug.Fiber(c, "p"), plug.Fiber(c, "other")
	require.NoError(t, s.Set("1", []byte("one"), 0))
	require.NoError(t, s.Set("2", []byte("two"), 0))
	require.NoError(t, other.Set("1", []byte("other"), 0))
	require.NoError(t, c.Set("1", []byte("the application's own"), time.Minute))

	require.NoError(t, s.Reset())

	assertGetsNil(t, s, "1")
	assertGetsNil(t, s, "2")
	assertGets(t, other, "1", "other")
	_, found := c.Get("1")
	assert.True(t, found)
}

func TestFiberStoresNewSessionsAfterAReset(t *testing.T) {
	s := plug.Fiber(newCache(t), "p")
	require.NoError(t, s.Set("before", []byte("value"), 0))
	require.NoError(t, s.Reset())
	require.NoError(t, s.Set("after", []byte("value"), 0))
	assertGets(t, s, "after", "value")
}

func TestFiberCloseLeavesTheCacheToItsOwner(t *testing.T) {
	c := newCache(t)
	s, other := plug.Fiber(c, "p"), plug.Fiber(c, "other")
	require.NoError(t, other.Set("key", []byte("value"), 0))
	assert.NoError(t, s.Close())
	assert.NoError(t, s.Close())
	assert.NoError(t, s.Set("key", []byte("value"), 0))
	assertGets(t, other, "key", "value")
}

func TestFiberOnAClosedCacheIsHarmless(t *testing.T) {
	c := newCache(t)
	s := plug.Fiber(c, "p")
	require.NoError(t, s.Set("key", []byte("value"), 0))
	require.NoError(t, c.Close())
	assertGetsNil(t, s, "key")
	assert.ErrorIs(t, s.Set("key", []byte("value"), 0), cache.ErrClosed)
	assert.NoError(t, s.Delete("key"))
	assert.NoError(t, s.Reset())
	assert.NoError(t, s.Close())
}

func TestFiberCancelledContextHasNoEffect(t *testing.T) {
	s := plug.Fiber(newCache(t), "p")
	require.NoError(t, s.Set("key", []byte("value"), 0))

	assert.ErrorIs(t, s.SetWithContext(cancelled(), "key", []byte("new"), 0), context.Canceled)
	assert.ErrorIs(t, s.DeleteWithContext(cancelled(), "key"), context.Canceled)
	assert.ErrorIs(t, s.ResetWithContext(cancelled()), context.Canceled)
	value, err := s.GetWithContext(cancelled(), "key")
	assert.ErrorIs(t, err, context.Canceled)
	assert.Nil(t, value)
	assertGets(t, s, "key", "value")
}

func TestFiberLiveContextChangesNothing(t *testing.T) {
	ctx := context.Background()
	s := plug.Fiber(newCache(t), "p")
	require.NoError(t, s.SetWithContext(ctx, "1", []byte("one"), 0))
	require.NoError(t, s.SetWithContext(ctx, "2", []byte("two"), 0))
	value, err := s.GetWithContext(ctx, "1")
	assert.NoError(t, err)
	assert.Equal(t, "one", string(value))
	require.NoError(t, s.DeleteWithContext(ctx, "1"))
	assertGetsNil(t, s, "1")
	require.NoError(t, s.ResetWithContext(ctx))
	assertGetsNil(t, s, "2")
}
