//go:build linux && !race && !holdfast_heap

package arena

import (
	"bytes"
	"os"
	"sync"
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
	end := LargePageEnd(memory, 0)
	if end > len(memory) {
		return 0
	}
	_ = syscall.Madvise(memory[end-LargePageBytes:end], madvPopulateWrite)
	return end
}

// madvPopulateWrite is MADV_POPULATE_WRITE, which faults pages in as a write
// would, and changes no byte. Systems before Linux 5.14 refuse it.
const madvPopulateWrite = 23

// Collapse makes one large page of page, which has the length and the alignment
// of one. It leaves a page alone of which a part is not resident: that part was
// given back to the system. The contents do not change. Others may use them
// meanwhile; they wait for the system.
func Collapse(page []byte) {
	if !allowsLargePages() {
		return
	}
	var resident [LargePageBytes / (4 << 10)]byte
	_, _, errno := syscall.Syscall(syscall.SYS_MINCORE, uintptr(unsafe.Pointer(&page[0])), LargePageBytes, uintptr(unsafe.Pointer(&resident[0])))
	if errno != 0 {
		return
	}
	for _, is := range resident {
		if is&1 == 0 {
			return
		}
	}
	_ = syscall.Madvise(page, madvCollapse)
}

// allowsLargePages reports whether large pages are as long as expected, and the
// operator has not disabled them.
var allowsLargePages = sync.OnceValue(func() bool {
	enabled, err := os.ReadFile("/sys/kernel/mm/transparent_hugepage/enabled")
	return err == nil && os.Getpagesize() == 4<<10 && !bytes.Contains(enabled, []byte("[never]"))
})

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
