package cache

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The row of a compaction may end at top. When the last entry of the row moves
// away, its block joins the unused memory, which has no blocks.
func TestCompact_stops_at_top(t *testing.T) {
	c := openCache(t, Options{MaxBytes: 8 << 10, Shards: 1})
	for _, id := range []string{"before", "between", "middle", "last"} {
		require.NoError(t, c.Set(id, make([]byte, 100), NoExpiry))
	}
	s := &c.shards[0]
	hash := c.hash("middle")
	middle := s.find("middle", tagOf(hash))
	granules := s.arena.Header(middle).Granules()
	c.Delete("before") // the last entry moves here
	c.Delete("middle")

	s.mu.Lock()
	compacted := s.compact(granules + 1)
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
