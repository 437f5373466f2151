package cache

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestQuick(t *testing.T) {
	c, err := New(Options{MaxBytes: 1 << 20, Shards: 1})
	require.NoError(t, err)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 20_000 {
		id := fmt.Sprint("id-", random.IntN(2000))
		switch random.IntN(10) {
		case 0:
			c.Delete(id)
		case 1:
			c.Get(id)
		default:
			size := 1 << random.IntN(14)
			require.NoError(t, c.Set(id, make([]byte, size), time.Hour))
		}
		if i > 0 && i%50 == 0 {
			require.NoError(t, c.checkInvariants(), i)
		}
	}
}
