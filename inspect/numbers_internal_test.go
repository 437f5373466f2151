package inspect

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/cache"
)

// Users who came back are safe as long as there are visitors to evict, and room
// in the protected part.
func TestReturned(t *testing.T) {
	safe := cache.Stats{
		Probation: cache.SegmentUse{Entries: 5, Bytes: 500}, Protected: cache.SegmentUse{Entries: 5, Bytes: 500},
		ProtectedLimit: 1000, VictimAge: time.Minute, ProtectedAge: time.Hour,
	}
	require.False(t, returned(&safe))
	for name, change := range map[string]func(*cache.Stats){
		"no visitor":            func(s *cache.Stats) { s.Probation = cache.SegmentUse{} },
		"a shard without one":   func(s *cache.Stats) { s.VictimAge = s.ProtectedAge },
		"no room for all users": func(s *cache.Stats) { s.Protected.Bytes = 990 },
	} {
		c := safe
		change(&c)
		require.True(t, returned(&c), name)
	}
}
