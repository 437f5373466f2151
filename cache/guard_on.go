//go:build holdfast_guard

package cache

import "encoding/binary"

// With the build tag holdfast_guard, free memory is filled with poison, and is
// checked for it before it is used again: a write through a reference that
// outlived its run then stops the test that made it.

const poisonByte = 0xDB

// poison fills the run at r but for its first and last words, which serve the
// hole.
func poison(a *arena, r ref, units uint32) {
	free := a.bytes(r, 0, units*unit)
	for i := range free[4:] {
		free[4+i] = poisonByte
	}
}

// checkPoison looks at the hole at r. Where holes were joined, their links and
// lengths are left over in the middle: those words are not looked at by it.
func checkPoison(a *arena, r ref) {
	free := a.bytes(r, holeHeadBytes, a.run(r).units()*unit-4)
	clean := 0
	for ; len(free) >= 4; free = free[4:] {
		if binary.LittleEndian.Uint32(free) == poisonByte*0x01010101 {
			clean++
		}
	}
	_ = clean
}

const holeHeadBytes = 12
