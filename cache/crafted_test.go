package cache

import (
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// craftedIDs returns n IDs of 64 bytes with the same XXH64.
//
// XXH64 reads such an ID as two stripes of four words, and each word updates a
// lane of its own: lane = rotl(lane + word*prime2, 31) * prime1. For every
// first word there is a second word that sets lane + word*prime2 to a chosen
// number, because prime2 is odd and so has an inverse. craftedIDs solves for
// that second word.
func craftedIDs(n int) []string {
	const prime1, prime2 = 11400714785074694791, 14029467366897019727
	inverse := uint64(prime2) // Newton's method doubles the right bits each time
	for range 6 {
		inverse *= 2 - prime2*inverse
	}
	start := uint64(prime1)
	start += prime2 // the first lane, of seed 0
	ids := make([]string, n)
	for i := range ids {
		var id [64]byte
		first := uint64(i) * 0x9e3779b97f4a7c15
		binary.LittleEndian.PutUint64(id[:], first)
		lane := start + first*prime2
		lane = (lane<<31 | lane>>33) * prime1
		binary.LittleEndian.PutUint64(id[32:], (42-lane)*inverse)
		ids[i] = string(id[:])
	}
	return ids
}

// IDs crafted to collide in XXH64 cost no more than others.
func TestXXH64Collisions(t *testing.T) {
	const n = 10_000
	crafted := craftedIDs(n)
	for _, id := range crafted {
		require.Equal(t, xxhash.Sum64String(crafted[0]), xxhash.Sum64String(id), "the IDs do not collide")
	}
	c := openCache(t, Options{MaxBytes: 32 << 20, MaxValue: 1000})
	for i, id := range crafted {
		require.NoError(t, c.Set(fmt.Sprint("ordinary-", i), []byte("ordinary"), time.Hour))
		require.NoError(t, c.Set(id, []byte(fmt.Sprint(i)), time.Hour))
	}

	for i, id := range crafted {
		value, ok := c.Get(id)
		require.True(t, ok)
		require.Equal(t, fmt.Sprint(i), string(value))
		value, ok = c.Get(fmt.Sprint("ordinary-", i))
		require.True(t, ok)
		require.Equal(t, "ordinary", string(value))
	}
	fullest, longest := 0, 0
	for i := range c.shards {
		s := &c.shards[i]
		fullest = max(fullest, s.entries())
		for n := range s.index.buckets {
			length := 0
			for b := s.bucketAt(n); b != nil; b = s.following(b) {
				length++
			}
			longest = max(longest, length)
		}
	}
	assert.Less(t, fullest, 2*2*n/len(c.shards), "entries in the fullest shard")
	// The bucket that is split next has 9.6 entries on average, and a sixth
	// line needs 37: by Poisson, once in 10^7 runs. If all IDs collided, the
	// chain would have 1,400 lines.
	assert.LessOrEqual(t, longest, 5, "cache lines to look through")
}
