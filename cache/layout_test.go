package cache

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An optimistic read needs the first line of the shard, which moves in the
// eviction order do not write. No shard shares a line with its neighbour.
func TestShard_lines(t *testing.T) {
	if unsafe.Sizeof(uintptr(0)) != 8 {
		t.Skip("laid out for 64-bit machines")
	}
	var s shard
	assert.EqualValues(t, lineBytes, unsafe.Offsetof(s.order)+unsafe.Offsetof(s.order.sinceOf))
	assert.EqualValues(t, 2*lineBytes, unsafe.Offsetof(s.mu))
	assert.Zero(t, unsafe.Sizeof(s)%lineBytes, "a shard of %d bytes shares lines with its neighbour", unsafe.Sizeof(s))
}

// A hit that moves nothing writes nothing that other processors read: neither
// in the shard nor in its arena. Without optimistic reads it writes one line, the
// one of the lock.
func TestShard_hit_writes_nothing(t *testing.T) {
	if unsafe.Sizeof(uintptr(0)) != 8 {
		t.Skip("laid out for 64-bit machines")
	}
	synctest.Test(t, func(t *testing.T) {
		c := openCache(t, Options{Shards: 1})
		require.NoError(t, c.Set("a", nil, time.Hour))
		c.Get("a") // moves it to the front of protected
		require.NoError(t, c.Set("b", nil, time.Hour))
		synctest.Wait()
		s := &c.shards[0]
		shard := unsafe.Slice((*byte)(unsafe.Pointer(s)), unsafe.Sizeof(*s))
		before, memory := bytes.Clone(shard), bytes.Clone(s.arena.Memory())
		time.Sleep(time.Millisecond)

		c.Get("a")

		assert.True(t, bytes.Equal(memory, s.arena.Memory()))
		if canReadOptimistically {
			assert.Equal(t, before, shard)
			return
		}
		first := unsafe.Offsetof(s.mu) // and the clock's reading and the count of hits
		last := first + lineBytes
		assert.NotEqual(t, before[first:last], shard[first:last])
		assert.Equal(t, before[:first], shard[:first])
		assert.Equal(t, before[last:], shard[last:])
	})
}
