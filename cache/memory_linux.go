//go:build linux && !race && !holdfast_heap

package cache

import (
	"os"
	"syscall"
	"unsafe"
)

// preferLargePages is a wish: without large pages all is the same, but slower.
func preferLargePages(memory []byte) { _ = syscall.Madvise(memory, syscall.MADV_HUGEPAGE) }

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
