//go:build linux && !race && !holdfast_heap

package cache

import (
	"os"
	"syscall"
	"unsafe"
)

// preferLargePages asks for large pages, so that a lookup seldom waits for the
// address of what it needs. It is a wish: without them all is the same, but slower.
// Where small pages are larger than usual, so are large ones: too large.
func preferLargePages(memory []byte) {
	if os.Getpagesize() == 4<<10 {
		_ = syscall.Madvise(memory, syscall.MADV_HUGEPAGE)
	}
}

// discard gives the whole pages of memory back to the system; they are zero
// when they are next touched. The rest of memory keeps its contents.
func discard(memory []byte) {
	page := uintptr(os.Getpagesize())
	if len(memory) == 0 {
		return
	}
	misaligned := -uintptr(unsafe.Pointer(&memory[0])) & (page - 1)
	if uintptr(len(memory)) < misaligned+page {
		return
	}
	memory = memory[misaligned:]
	_ = syscall.Madvise(memory[:uintptr(len(memory))&^(page-1)], syscall.MADV_DONTNEED)
}
