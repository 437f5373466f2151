//go:build linux && !race && !holdfast_heap

package arena

import (
	"os"
	"syscall"
	"unsafe"
)

// preferLargePages asks the system for large pages, so that a lookup seldom
// waits for an address translation. The system may ignore the request. Where
// small pages are larger than usual, large pages are too large.
func preferLargePages(memory []byte) {
	if os.Getpagesize() == 4<<10 {
		_ = syscall.Madvise(memory, syscall.MADV_HUGEPAGE)
	}
}

// Prefault touches the first large page that lies in memory as a whole, and
// returns where it ends, in bytes from the start of memory; 0 if there is none.
// The contents do not change.
func Prefault(memory []byte) int {
	if len(memory) == 0 {
		return 0
	}
	misaligned := int(-uintptr(unsafe.Pointer(&memory[0])) & (LargePageBytes - 1))
	end := misaligned + LargePageBytes
	if end > len(memory) {
		return 0
	}
	_ = syscall.Madvise(memory[misaligned:end], madvPopulateWrite)
	return end
}

// madvPopulateWrite is MADV_POPULATE_WRITE, which faults pages in as a write
// would, and changes no byte. Systems before Linux 5.14 refuse it.
const madvPopulateWrite = 23

// discard gives the whole pages in memory back to the system. They are zero
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
