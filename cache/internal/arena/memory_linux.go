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
	end := endOfLargePage(memory)
	if end != 0 {
		_ = syscall.Madvise(memory[end-LargePageBytes:end], madvPopulateWrite)
	}
	return end
}

// madvPopulateWrite is MADV_POPULATE_WRITE, which faults pages in as a write
// would, and changes no byte. Systems before Linux 5.14 refuse it.
const madvPopulateWrite = 23

// Collapse makes one large page of the first large page's length of small pages
// in memory, and returns where it ends, in bytes from the start of memory; 0 if
// memory is too short, or if the system cannot do that now. The contents do not
// change. Others may use them meanwhile; they wait for the system.
func Collapse(memory []byte) int {
	end := endOfLargePage(memory)
	if end == 0 || os.Getpagesize() != 4<<10 || syscall.Madvise(memory[end-LargePageBytes:end], madvCollapse) != nil {
		return 0
	}
	return end
}

// endOfLargePage returns where the first large page ends that lies in memory as
// a whole, in bytes from the start of memory; 0 if there is none.
func endOfLargePage(memory []byte) int {
	if len(memory) == 0 {
		return 0
	}
	end := int(-uintptr(unsafe.Pointer(&memory[0]))&(LargePageBytes-1)) + LargePageBytes
	if end > len(memory) {
		return 0
	}
	return end
}

// madvCollapse is MADV_COLLAPSE. Systems before Linux 6.1 refuse it.
const madvCollapse = 25

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
