//go:build !unix || race || holdfast_heap

package arena

import (
	"fmt"
	"unsafe"
)

// reserve returns size bytes of Go's heap without pointers: for systems without
// mmap, and for tests under the race detector, which sees only the heap.
func reserve(size int64, _ bool) (memory []byte, err error) {
	defer func() {
		if recover() != nil { // longer than a slice can be
			err = fmt.Errorf("cache: reserving %d bytes of memory: more than Go's heap can have", size)
		}
	}()
	words := make([]uint64, (size+Granule-1)/Granule) // for the alignment
	// The words cover size bytes, and bytes need no alignment.
	return unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), size), nil
}

// Release leaves memory that Reserve returned to the garbage collector. Nobody
// may use it any more.
func Release([]byte) {}
