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

// touchLargePage touches the first large page that begins in memory and ends in
// it, and returns how far it reaches; 0 if there is none.
func touchLargePage(memory []byte) int {
	if len(memory) == 0 {
		return 0
	}
	misaligned := int(-uintptr(unsafe.Pointer(&memory[0])) & (largePageBytes - 1))
	end := misaligned + largePageBytes
	if end > len(memory) {
		return 0
	}
	_ = syscall.Madvise(memory[misaligned:end], madvPopulateWrite)
	return end
}

// madvPopulateWrite is MADV_POPULATE_WRITE: it touches pages as a write would
// that leaves them as they are. Systems before Linux 5.14 refuse it.
const madvPopulateWrite = 23

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
