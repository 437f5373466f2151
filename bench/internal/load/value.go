package load

import (
	"encoding/binary"
	"math/rand/v2"
)

// Value returns n bytes that do not compress, so that no memory page of one
// value equals one of another.
func Value(n int, seed uint64) []byte {
	rng := rand.New(rand.NewPCG(seed, seed))
	v := make([]byte, 0, n+8)
	for len(v) < n {
		v = binary.LittleEndian.AppendUint64(v, rng.Uint64())
	}
	return v[:n]
}
