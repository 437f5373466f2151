//go:build holdfast_guard

package arena

// With the build tag holdfast_guard, poison fills free blocks and must still be
// there when they are allocated again. A write through a Ref that outlived its
// block panics then.

// Guarded reports whether free memory is checked for writes.
const Guarded = true

const (
	poisonByte      = 0xDB
	freeHeaderBytes = freeHeaderGranules * Granule
)

// poisoned returns the bytes of the free block at r that have no other use.
func poisoned(a *Arena, r Ref) []byte {
	granules := a.Header(r).Granules()
	return a.Bytes(r, min(freeHeaderBytes, granules*Granule-4), granules*Granule-4)
}

func poison(a *Arena, r Ref) {
	for bytes, i := poisoned(a, r), 0; i < len(bytes); i++ {
		bytes[i] = poisonByte
	}
}

func checkPoison(a *Arena, r Ref) {
	for _, b := range poisoned(a, r) {
		if b != poisonByte {
			panic("cache: free memory was written to")
		}
	}
}
