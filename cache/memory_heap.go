//go:build !unix || race || holdfast_heap

package cache

import (
	"fmt"
	"unsafe"
)

// reserve returns size bytes of zeroed memory of Go's heap, without pointers:
// for systems without mmap, and for tests under the race detector, which sees
// only the heap.
func reserve(size int64, _ bool) (memory []byte, err error) {
	defer func() {
		if recover() != nil { // longer than a slice can be
			err = fmt.Errorf("cache: reserving %d bytes of memory: more than Go's heap can have", size)
		}
	}()
	words := make([]uint64, (size+unit-1)/unit) // for the alignment
	return unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), size), nil
}

func release([]byte) {}
