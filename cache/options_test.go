package cache

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Four values of the default MaxValue, 1 MiB, are a sixteenth of the default cap.
func TestTheDefaultCacheHasAsManyShardsAsItsLargestValuesAllow(t *testing.T) {
	o, err := Options{}.withDefaults()
	require.NoError(t, err)
	assert.Equal(t, 16, o.Shards)
}
