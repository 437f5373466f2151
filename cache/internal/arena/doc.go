// Package arena divides one contiguous region of memory into blocks. It is
// the allocator beneath a shard of package cache: it knows nothing of IDs,
// values or deadlines.
//
// # Terms
//
// A granule is 8 bytes, the unit of every length and address here. A block is
// a run of granules that serves one purpose, its kind. A Ref is the distance
// of a block from the start of the region, in granules. A free block waits in
// the list of its size class. A sentinel is a block at either end of the
// region that nobody allocates, so that every other block has neighbours.
//
//	┌──────────┬───────┬───────┬────────────┬───────┬──────────┬────────────┐
//	│ sentinel │ block │ block │ free block │ block │ sentinel │ never used │
//	└──────────┴───────┴───────┴────────────┴───────┴──────────┴────────────┘
//	 0                                               ▲ top             end ▲
//
// The first word of a block is its Header. A free block also has the links of
// its list and, in its last word, its length:
//
//	allocated:  │ header │ … the owner's bytes …                         │
//	free:       │ header next prev given │ …                    │ length │
//
// # Invariants
//
//   - Blocks cover the region from its first granule to top without a gap or
//     an overlap. The memory beyond top was never used, or is free again.
//   - A block behind a free block has the flag afterFree. So Free joins a
//     block with the free blocks on both sides without a search (boundary
//     tags: Knuth, The Art of Computer Programming, volume 1, section 2.5).
//   - Two free blocks are neighbours only if together they would be longer
//     than MaxBlock, or if the border of the retired memory separates them.
//   - Each free block is in the list of its class, except for retired ones
//     that a search has removed.
//
// Arena.Check verifies all of this.
//
// # Concurrency and ownership
//
// An Arena has no lock. The caller holds the shard's lock during every call of
// a method and as long as it uses a pointer or a slice that a method returned:
// these refer to the region itself, which moves when it grows. Functions that
// are not methods of Arena need no lock, but Release and Truncate require that
// nobody uses the memory any more.
package arena
