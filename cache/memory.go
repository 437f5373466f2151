package cache

import "unsafe"

// All unsafe casts of a shard's memory are in this file; memory_heap.go has one
// more, which gives bytes the alignment of words. A shard's records and index lie
// in a region of bytes that holds no Go pointers. Here a ref into it becomes a
// typed view. These invariants make that safe:
//
//   - A ref is a number of units from the start of the region, which is aligned to
//     a unit of 8 bytes, so every view is aligned for its widest field.
//   - Refs come only from the arena's own runs, which lie inside the region, and
//     no view is wider than the shortest run of its kind.
//   - A view is used only while the shard's lock is held. The region moves, and is
//     released, only under that lock; of its end, only the part that the arena has
//     given up under the lock.
//   - The bytes are plain integers. None of them is a Go pointer, so neither the
//     garbage collector nor its write barrier has to know of them.

// ref refers to a run: its distance from the start of the arena, in units.
// 0 refers to nothing.
type ref uint32

const (
	unit      = 8  // bytes; what a ref counts
	lineBytes = 64 // bytes; a cache line, the size and alignment of a bucket
	lineUnits = lineBytes / unit
)

// at returns the address of the run at r.
func (a *arena) at(r ref) unsafe.Pointer { return unsafe.Add(a.base, uintptr(r)*unit) }

func (a *arena) run(r ref) *run       { return (*run)(a.at(r)) }
func (a *arena) hole(r ref) *hole     { return (*hole)(a.at(r)) }
func (a *arena) record(r ref) *record { return (*record)(a.at(r)) }
func (a *arena) head(r ref) *head     { return (*head)(a.at(r)) }
func (a *arena) piece(r ref) *piece   { return (*piece)(a.at(r)) }

// label returns the label of the index memory at r.
func (a *arena) label(r ref) *label { return (*label)(a.at(r)) }

// lastWord returns the last four bytes of the run at r, of the given units.
func (a *arena) lastWord(r ref, units uint32) *uint32 {
	return (*uint32)(unsafe.Add(a.at(r), uintptr(units)*unit-4))
}

// bucket returns the i-th bucket after the label of the index memory at r.
func (a *arena) bucket(r ref, i uint32) *bucket {
	return (*bucket)(unsafe.Add(a.at(r), labelBytes+uintptr(i)*lineBytes))
}

// bytes returns the bytes from to to of the run at r.
func (a *arena) bytes(r ref, from, to uint32) []byte {
	return unsafe.Slice((*byte)(unsafe.Add(a.at(r), from)), to-from)
}

// holds reports whether the bytes from from on of the run at r are id.
func (a *arena) holds(r ref, from uint32, id string) bool {
	return unsafe.String((*byte)(unsafe.Add(a.at(r), from)), len(id)) == id
}
