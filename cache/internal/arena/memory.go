package arena

import "unsafe"

// The unsafe casts of an arena's memory are in this file; memory_heap.go and
// memory_mremap.go make that memory. The methods turn a Ref into a typed view
// of the region. These invariants make that safe:
//
//   - A Ref counts granules of 8 bytes from the start of the region, which is
//     aligned to a granule. So every view is aligned for its widest field.
//   - A Ref is the start of a block of this arena, which lies inside the
//     region. No view is wider than the block.
//   - A view is used under the shard's lock, or by an optimistic read. The
//     region moves, or is released, only when no such read can look at it (see
//     readers.go of package cache), and nobody has the lock or it is held for
//     that. Of its end, Truncate unmaps only the part that Cut has given up.
//   - The bytes are plain integers. None of them is a Go pointer, so neither
//     the garbage collector nor its write barrier has to know of them.

// Ref refers to a block: its distance from the start of the region, in
// granules. 0 refers to nothing.
type Ref uint32

const (
	Granule      = 8  // bytes
	LineBytes    = 64 // of a cache line
	LineGranules = LineBytes / Granule
)

// At returns the address of the block at r. A caller that converts it to a
// pointer to its own type answers for the invariants in memory.go.
func (a *Arena) At(r Ref) unsafe.Pointer { return unsafe.Add(a.base, uintptr(r)*Granule) }

// Header returns the header of the block at r.
func (a *Arena) Header(r Ref) *Header { return (*Header)(a.At(r)) } // a block has at least a granule

func (a *Arena) freeBlock(r Ref) *freeBlock { return (*freeBlock)(a.At(r)) } // as long as MinBlock

// lastWord returns the last four bytes of the given granules from r on, which
// lie in one block or in two neighbours.
func (a *Arena) lastWord(r Ref, granules uint32) *uint32 {
	return (*uint32)(unsafe.Add(a.At(r), uintptr(granules)*Granule-4))
}

// Bytes returns the bytes from from to to of the block at r, which end within
// the block.
func (a *Arena) Bytes(r Ref, from, to uint32) []byte {
	return unsafe.Slice((*byte)(unsafe.Add(a.At(r), from)), to-from)
}

// Equal reports whether the bytes from from on of the block at r are text,
// which is not longer than the rest of the block.
func (a *Arena) Equal(r Ref, from uint32, text string) bool {
	return unsafe.String((*byte)(unsafe.Add(a.At(r), from)), len(text)) == text
}

// LargePageBytes is the size of the system's large pages.
const LargePageBytes = 2 << 20

// WantsLargePages reports whether a region of size bytes is kept in large
// pages. The first block in a large page makes the whole page resident, so
// small regions have none.
func WantsLargePages(size int64) bool { return size >= 8*LargePageBytes }

// CollapsesPages reports whether small pages of a region of size bytes become
// large ones once they are in use.
func CollapsesPages(size int64) bool { return size >= 2*LargePageBytes && !WantsLargePages(size) }

// LargePageEnd returns where the first large page ends that begins at from or
// later, in bytes from the start of memory. That may be beyond its end.
func LargePageEnd(memory []byte, from int) int {
	start := uintptr(unsafe.Pointer(unsafe.SliceData(memory))) + uintptr(from)
	return from + int(-start&(LargePageBytes-1)) + LargePageBytes
}

// Reserve returns size bytes of zeroed memory, aligned to a granule. The caller
// owns it until Release. On Unix the memory lies outside Go's heap and becomes
// resident page by page, as it is first touched. The error is the system's, if
// it has no such memory.
func Reserve(size int64) ([]byte, error) { return reserve(size, WantsLargePages(size)) }
