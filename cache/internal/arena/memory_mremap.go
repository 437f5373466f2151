//go:build linux && (amd64 || arm64) && !race && !holdfast_heap

package arena

import (
	"fmt"
	"syscall"
	"unsafe"
)

// Package syscall has no mremap, and its Munmap takes only memory that its Mmap
// returned. So this file makes the three system calls itself.

// reserve returns size bytes of zeroed memory outside Go's heap. The system
// makes them resident page by page, as they are first touched, in large pages
// if wanted and available.
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

// mapped returns the size bytes at an address that the system has chosen for
// this process. The garbage collector ignores such addresses: they lie outside
// Go's heap.
func mapped(at uintptr, size int64) []byte {
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&at)), size)
}

func address(memory []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(memory))) }

// Release unmaps the memory of an arena, or memory that Reserve returned.
// Nobody may use it any more.
func Release(memory []byte) {
	unmap(address(memory), address(memory)+uintptr(len(memory))) // fails only if it is not mapped
}

// ResizesInPlace reports whether the memory that Cut gives up goes back to the
// system without moving the rest.
const ResizesInPlace = true

// resized returns memory of size bytes, more than memory has, that begins with
// the contents of memory. It replaces memory, which nobody may use any more:
// the system moves the pages to other addresses and copies nothing. If it
// fails, memory is unchanged.
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

// movedAligned is resized to an address as far from the start of a large page
// as before: to any other address, the system moves each small page by itself.
// It returns nil if the process has too few free addresses.
func movedAligned(memory []byte, size int64) []byte {
	place, err := reserve(size+LargePageBytes, false)
	if err != nil {
		return nil
	}
	page := uintptr(syscall.Getpagesize())
	start, end := address(place), address(place)+(uintptr(len(place))+page-1)&^(page-1)
	to := start + (address(memory)-start)&(LargePageBytes-1)
	after := to + (uintptr(size)+page-1)&^(page-1)
	at, errno := mremap(memory, size, mremapMayMove|mremapFixed, to)
	if errno != 0 {
		Release(place)
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

// Truncate gives the pages of memory beyond the first size bytes back to the
// system, after Cut has made a region of those bytes. It does nothing if memory
// is not longer. It works in steps, so that other goroutines can map memory in
// between.
func Truncate(memory []byte, size int64) {
	const step = giveBackMost * Granule
	page := int64(syscall.Getpagesize())
	keep, end := (size+page-1)&^(page-1), int64(len(memory)+int(page)-1)&^(page-1)
	for end > keep {
		from := max(keep, end-step)
		unmap(address(memory)+uintptr(from), address(memory)+uintptr(end))
		end = from
	}
}
