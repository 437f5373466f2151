package plug_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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

func TestFiber_ignores_an_empty_value(t *testing.T) {
	c := newCache(t)
	s := plug.Fiber(c, "p")
	assert.NoError(t, s.Set("key", nil, 0))
	assert.NoError(t, s.Set("key", []byte{}, 0))
	assert.Zero(t, c.Len())
	require.NoError(t, s.Set("key", []byte("value"), 0))
	require.NoError(t, s.Set("key", nil, 0))
	assertGets(t, s, "key", "value")
}

func TestFiber_expiry_0_never_ends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := plug.Fiber(newCache(t), "p")
		require.NoError(t, s.Set("key", []byte("value"), 0))
		time.Sleep(48 * time.Hour)
		assertGets(t, s, "key", "value")
	})
}

func TestFiber_reset_ends_only_its_own_sessions(t *testing.T) {
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
	require.NoError(t, s.Set("after", []byte("value"), 0))
	assertGets(t, s, "after", "value")
}

func TestFiber_close_keeps_the_cache_open(t *testing.T) {
	c := newCache(t)
	s, other := plug.Fiber(c, "p"), plug.Fiber(c, "other")
	require.NoError(t, other.Set("key", []byte("value"), 0))
	assert.NoError(t, s.Close())
	assert.NoError(t, s.Close())
	assert.NoError(t, s.Set("key", []byte("value"), 0))
	assertGets(t, other, "key", "value")
}

func TestFiber_on_a_closed_cache(t *testing.T) {
	c := newCache(t)
	s := plug.Fiber(c, "p")
	require.NoError(t, s.Set("key", []byte("value"), 0))
	require.NoError(t, c.Close())
	assert.NoError(t, s.Reset())
	assert.NoError(t, s.Close())
}

func TestFiber_with_a_cancelled_context(t *testing.T) {
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

func TestFiber_with_a_live_context(t *testing.T) {
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
