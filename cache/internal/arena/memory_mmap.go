//go:build unix && !(linux && (amd64 || arm64)) && !race && !holdfast_heap

package arena

import (
	"fmt"
	"syscall"
)

// reserve returns size bytes of zeroed memory outside Go's heap. The system
// makes them resident page by page, as they are first touched, in large pages
// if wanted and available.
func reserve(size int64, largePages bool) ([]byte, error) {
	memory, err := syscall.Mmap(-1, 0, int(size), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("cache: reserving %d bytes of memory: %w", size, err)
	}
	if largePages {
		preferLargePages(memory)
	}
	return memory, nil
}

// Release unmaps memory that Reserve returned. Nobody may use it any more.
func Release(memory []byte) {
	// It fails only for memory that reserve did not return.
	_ = syscall.Munmap(memory)
}
