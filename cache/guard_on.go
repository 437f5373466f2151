//go:build holdfast_guard

package cache

// With the build tag holdfast_guard, holes are filled with poison, and it must
// still be there when they are used again: a write through a reference that
// outlived its run stops the test that made it.

const (
	poisonByte    = 0xDB
	holeHeadBytes = 16

	guarded = true
)

// poisoned returns the bytes of the hole at r that nobody has a use for.
func poisoned(a *arena, r ref) []byte {
	units := a.run(r).units()
	return a.bytes(r, min(holeHeadBytes, units*unit-4), units*unit-4)
}

func poison(a *arena, r ref) {
	for bytes, i := poisoned(a, r), 0; i < len(bytes); i++ {
		bytes[i] = poisonByte
	}
}

func checkPoison(a *arena, r ref) {
	for _, b := range poisoned(a, r) {
		if b != poisonByte {
			panic("cache: free memory was written to")
		}
	}
}
