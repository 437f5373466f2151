package cache

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The row of a compaction may end where the memory never used begins. When the last
// entry of the row moves away, its run becomes part of that memory, and nothing
// that lies there is a run any more.
func TestCompact_stops_at_top(t *testing.T) {
	c := openCache(t, Options{MaxBytes: 8 << 10, Shards: 1})
	for _, id := range []string{"before", "between", "hole", "last"} {
		require.NoError(t, c.Set(id, make([]byte, 100), NoExpiry))
	}
	s := &c.shards[0]
	hash := c.hash("hole")
	hole := s.find("hole", tagOf(hash))
	units := s.arena.Header(hole).Granules()
	c.Delete("before") // where the last one moves to
	c.Delete("hole")

	s.mu.Lock()
	compacted := s.compact(units + 1)
	s.mu.Unlock()

	require.Zero(t, compacted)
	require.NoError(t, c.checkInvariants())
	for _, id := range []string{"between", "last"} {
		value, ok := c.Get(id)
		require.True(t, ok)
		require.Len(t, value, 100)
	}
	require.NoError(t, c.Set("later", nil, time.Hour))
}
