package cache

import "unsafe"

// This file is the one in which memory is looked at as something else than it
// was allocated as, but for the regions of memory_heap.go, which are bytes made
// of words for their alignment. A shard's records and index lie in such regions
// (see memory_mmap.go too), which hold no Go pointers; here a reference into them
// becomes a typed view. What makes that safe:
//
//   - A ref is a number of units from the start of its chunk, and units are 8
//     bytes, so every view is aligned for the widest field it has.
//   - Refs come only from the arena's own runs, which lie wholly inside a chunk,
//     and no view is wider than the shortest run of its kind.
//   - A view is used only while the shard's lock is held. Regions are given back
//     only after the shard has been closed under that lock.
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

// chunk is one contiguous part of an arena's memory.
type chunk struct {
	memory []byte // its length is a multiple of unit
	units  ref
}

// at returns the address of the run at r.
func (a *arena) at(r ref) unsafe.Pointer {
	if r < a.nearUnits {
		return unsafe.Add(a.near, uintptr(r)*unit)
	}
	return a.far(r)
}

// far is at for the chunks that SetMaxBytes added.
//
//go:noinline
func (a *arena) far(r ref) unsafe.Pointer {
	c := &a.chunks[r>>a.chunkShift]
	return unsafe.Pointer(&c.memory[uintptr(r&(1<<a.chunkShift-1))*unit])
}

func (a *arena) addChunk(memory []byte) {
	chunks := make([]chunk, 0, len(a.chunks)+1) // no longer than accounted for
	a.chunks = append(append(chunks, a.chunks...), chunk{memory, ref(len(memory) / unit)})
	if len(a.chunks) == 1 {
		a.near, a.nearUnits = unsafe.Pointer(&memory[0]), a.chunks[0].units
	}
}

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
