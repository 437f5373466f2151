package cache

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDefaultShards(t *testing.T) {
	// Four values of the default MaxValue, 1 MiB, are a sixteenth of the
	// default cap.
	t.Run("limited by MaxValue", func(t *testing.T) {
		o, err := Options{}.withDefaults()
		require.NoError(t, err)
		assert.Equal(t, 16, o.Shards)
	})

	// A shard is no larger than a ref can address.
	t.Run("very large cap", func(t *testing.T) {
		if math.MaxInt == math.MaxInt32 {
			t.Skip("there is no such cap here")
		}
		o, err := Options{MaxBytes: 256 * maxShardBytes}.withDefaults()
		require.NoError(t, err)
		assert.Equal(t, 256, o.Shards)
	})
}
