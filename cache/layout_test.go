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

// A hit reads two cache lines of the shard, from the base of the arena to the
// front of protected, and no shard shares a line with its neighbour.
func TestShard_hit_needs_two_lines(t *testing.T) {
	if unsafe.Sizeof(uintptr(0)) != 8 {
		t.Skip("laid out for 64-bit machines")
	}
	var s shard
	first := unsafe.Offsetof(s.arena) + unsafe.Sizeof(s.arena) - unsafe.Sizeof(uintptr(0)) // its base
	last := unsafe.Offsetof(s.order) + unsafe.Offsetof(s.order.protected) + unsafe.Offsetof(s.order.protected.recentAfter) + 7
	assert.Equal(t, uintptr(1), last/lineBytes-first/lineBytes, "lines from %d to %d", first, last)
	assert.Zero(t, unsafe.Sizeof(s)%lineBytes, "a shard of %d bytes shares lines with its neighbour", unsafe.Sizeof(s))
}

// A hit that moves nothing writes to no other line of the shard.
func TestShard_hit_writes_two_lines(t *testing.T) {
	if unsafe.Sizeof(uintptr(0)) != 8 {
		t.Skip("laid out for 64-bit machines")
	}
	synctest.Test(t, func(t *testing.T) {
		c := openCache(t, Options{Shards: 1})
		require.NoError(t, c.Set("a", nil, time.Hour))
		c.Get("a") // moves it to the front of protected
		synctest.Wait()
		s := &c.shards[0]
		memory := unsafe.Slice((*byte)(unsafe.Pointer(s)), unsafe.Sizeof(*s))
		before := bytes.Clone(memory)
		time.Sleep(time.Millisecond)

		c.Get("a")

		first := (unsafe.Offsetof(s.arena) + unsafe.Sizeof(s.arena) - unsafe.Sizeof(uintptr(0))) &^ (lineBytes - 1)
		last := min(first+2*lineBytes, uintptr(len(memory)))
		assert.NotEqual(t, before[first:last], memory[first:last])
		assert.Equal(t, before[:first], memory[:first])
		assert.Equal(t, before[last:], memory[last:])
	})
}
