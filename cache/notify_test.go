package cache_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/cache"
)

// A large value may take nearly the whole shard, the old value's memory too.
// The entry is replaced then, and not evicted.
func TestOnEvict_not_for_a_replaced_entry(t *testing.T) {
	evicted := map[string]int{}
	c, err := cache.New(cache.Options{MaxBytes: 1 << 20, Shards: 1, MaxValue: 950_000, OnEvict: func(id string, _ cache.EvictionReason) { evicted[id]++ }})
	require.NoError(t, err)
	defer c.Close()
	for i := range 30_000 {
		require.NoError(t, c.Set(fmt.Sprint(i), nil, time.Hour))
	}
	require.NoError(t, c.Set("a", []byte("old"), time.Hour))
	require.NoError(t, c.Set("a", make([]byte, 943_718), time.Hour))
	value, found := c.Get("a")
	assert.True(t, found)
	assert.Len(t, value, 943_718)
	assert.Zero(t, evicted["a"])
	assert.Positive(t, len(evicted))
}
