//go:build linux && (amd64 || arm64) && !race && !holdfast_heap

package cache

import (
	"fmt"
	"syscall"
	"unsafe"
)

// The package syscall has no mremap, and its Munmap takes only what its Mmap
// returned, so the three system calls are made here.

// reserve returns size bytes of zeroed memory outside Go's heap. The system
// gives them to the process page by page, as they are first touched, in large
// pages if wanted and there are any.
func reserve(size int64, largePages bool) ([]byte, error) {
	at, _, errno := syscall.Syscall6(syscall.SYS_MMAP, 0, uintptr(size), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE, ^uintptr(0), 0)
	if errno != 0 {
		return nil, fmt.Errorf("cache: reserving %d bytes of memory: %w", size, errno)
	}
	memory := mapped(at, size)
	if largePages {
		preferLargePages(memory)
	}
	return memory, nil
}

// mapped returns the size bytes at an address that the system has chosen.
func mapped(at uintptr, size int64) []byte {
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&at)), size)
}

func address(memory []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(memory))) }

// release gives back what reserve or resized returned. Nobody may look at it any
// more.
func release(memory []byte) {
	unmap(address(memory), address(memory)+uintptr(len(memory))) // fails only if it is not mapped
}

// resizesInPlace: memory that truncate cuts off goes back to the system
// without moving the rest.
const resizesInPlace = true

// resized returns memory of size bytes, more than memory has, that begins with
// the contents of memory. It takes the place of memory, which nobody may look at
// any more: the system moves the pages to other addresses and copies nothing. If
// it fails, memory stays what it was.
func resized(memory []byte, size int64, largePages bool) ([]byte, error) {
	if largePages {
		if other := movedAligned(memory, size); other != nil {
			return other, nil
		}
	}
	at, errno := mremap(memory, size, mremapMayMove, 0)
	if errno != 0 {
		return nil, fmt.Errorf("cache: reserving %d bytes of memory in place of %d: %w", size, len(memory), errno)
	}
	other := mapped(at, size)
	if largePages {
		preferLargePages(other)
	}
	return other, nil
}

// movedAligned is resized, but to an address as far from the start of a large page
// as before: to any other address, the system moves each small page by itself. It
// returns nil if there are not enough addresses to choose from.
func movedAligned(memory []byte, size int64) []byte {
	place, err := reserve(size+largePageBytes, false)
	if err != nil {
		return nil
	}
	page := uintptr(syscall.Getpagesize())
	start, end := address(place), address(place)+(uintptr(len(place))+page-1)&^(page-1)
	to := start + (address(memory)-start)&(largePageBytes-1)
	after := to + (uintptr(size)+page-1)&^(page-1)
	at, errno := mremap(memory, size, mremapMayMove|mremapFixed, to)
	if errno != 0 {
		release(place)
		return nil
	}
	unmap(start, to)
	unmap(after, end)
	other := mapped(at, size)
	preferLargePages(other)
	return other
}

// MREMAP_MAYMOVE and MREMAP_FIXED.
const (
	mremapMayMove = 1
	mremapFixed   = 2
)

func mremap(memory []byte, size int64, flags, to uintptr) (uintptr, syscall.Errno) {
	at, _, errno := syscall.Syscall6(syscall.SYS_MREMAP, address(memory), uintptr(len(memory)), uintptr(size), flags, to, 0)
	return at, errno
}

func unmap(from, to uintptr) {
	if from < to {
		_, _, _ = syscall.Syscall(syscall.SYS_MUNMAP, from, to-from, 0)
	}
}

// truncate gives all whole pages of memory beyond the first size bytes back to
// the system. It does so in steps, between which others can have memory mapped.
func truncate(memory []byte, size int64) {
	const step = giveBackMost * unit
	page := int64(syscall.Getpagesize())
	keep, end := (size+page-1)&^(page-1), int64(len(memory)+int(page)-1)&^(page-1)
	for end > keep {
		from := max(keep, end-step)
		unmap(address(memory)+uintptr(from), address(memory)+uintptr(end))
		end = from
	}
}
