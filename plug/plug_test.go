package plug_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/plug"
)

func newCache(t *testing.T) *cache.Cache {
	t.Helper()
	c, err := cache.New(cache.Options{MaxBytes: 1 << 20})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

func cancelled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func TestConstructorsPanicWithoutACache(t *testing.T) {
	assert.Panics(t, func() { plug.SCS(nil, "p") })
	assert.Panics(t, func() { plug.IterableSCS(nil, "p") })
	assert.Panics(t, func() { plug.Fiber(nil, "p") })
	assert.Panics(t, func() { plug.FastHTTP(nil, "p") })
}

func TestAdaptersOfDifferentKindsAreApartUnderOnePrefix(t *testing.T) {
	c := newCache(t)
	require.NoError(t, plug.SCS(c, "p").Commit("id", []byte("scs"), inAMinute()))

	_, found, _ := plug.IterableSCS(c, "p").Find("id")
	assert.False(t, found)
	value, _ := plug.Fiber(c, "p").Get("id")
	assert.Nil(t, value)
	data, _ := plug.FastHTTP(c, "p").Get([]byte("id"))
	assert.Nil(t, data)
}
