package cache

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
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
