package storetest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/storetest"
)

func openCache(t *testing.T) holdfast.Store {
	c, err := cache.New(cache.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

func TestTheCacheKeepsTheContractInVirtualTime(t *testing.T) {
	storetest.Run(t, openCache, storetest.Options{Virtual: true})
}

func TestTheCacheKeepsTheContractInRealTime(t *testing.T) {
	storetest.Run(t, openCache, storetest.Options{Tick: 2 * time.Millisecond})
}
