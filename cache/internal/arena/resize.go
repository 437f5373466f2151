package arena

// While the region shrinks, the blocks that reach beyond retired are emptied
// and not used again. A search for a free block removes those that it meets
// there from the lists.

// Grow gives the region size bytes, more than it has. Blocks keep their Refs,
// but their addresses change. If the system has no such memory, Grow returns
// its error and changes nothing.
func (a *Arena) Grow(size int64) error {
	memory, err := resized(a.Memory(), size, WantsLargePages(size))
	if err != nil {
		return err
	}
	a.setMemory(memory)
	a.extend()
	return nil
}

// Retire retires all memory but the first granules: nothing is allocated there
// any more. It reports whether a block may lie there. If so, the owner moves
// or frees each block that IsRetired reports. The next call after that is Cut.
func (a *Arena) Retire(granules int64) bool {
	if granules == a.granules {
		return false
	}
	last := Ref(granules - 1)
	if a.top > last {
		a.free -= int64(a.end - a.top)
		a.end, a.granules = a.top, int64(a.top)+1
		a.retired = last
	} else {
		a.free -= int64(a.end - last)
		a.end, a.granules = last, granules
	}
	a.touched = min(a.touched, a.end)
	return a.retired != 0
}

// Retiring reports whether blocks may lie in retired memory.
func (a *Arena) Retiring() bool { return a.retired != 0 }

// IsRetired reports whether the block at r reaches into retired memory.
func (a *Arena) IsRetired(r Ref) bool {
	return a.retired != 0 && (r > a.retired || a.isRetired(r, a.Header(r).Granules()))
}

// isRetired is IsRetired of a block of the given granules.
func (a *Arena) isRetired(r Ref, granules uint32) bool {
	return a.retired != 0 && r+Ref(granules) > a.retired
}

// Cut ends the arena where the retired memory begins, and makes its region size
// bytes long. It reports false, having done nothing, if a block still lies in
// the retired memory. The memory beyond size belongs to the caller of Truncate.
//
// Where the system cannot resize a mapping, Cut copies the region. If there is
// no memory for the copy, the rest of the region stays until Release.
func (a *Arena) Cut(size int64) bool {
	if !a.endRetiring() {
		return false
	}
	if size < a.length {
		a.setMemory(cut(a.Memory(), size))
	}
	return true
}

// cut returns the first size bytes of memory.
func cut(memory []byte, size int64) []byte {
	if ResizesInPlace {
		return memory[:size:size]
	}
	if other, err := resized(memory, size, WantsLargePages(size)); err == nil {
		return other
	}
	return memory[:size]
}

// endRetiring ends the arena where the retired memory begins. It reports false
// if a block lies there.
func (a *Arena) endRetiring() bool {
	if a.retired == 0 {
		return true
	}
	r := a.top
	for r > a.retired && a.Header(r).Is(afterFree) {
		r -= Ref(*a.lastWord(r-1, 1))
	}
	if r > a.retired {
		return false
	}
	for free := r; free < a.top; free += Ref(a.Header(free).Granules()) {
		a.unlist(free)
	}
	a.end, a.granules = a.retired, int64(a.retired)+1
	a.retired = 0
	a.free += int64(a.end - r)
	if a.Header(r).Is(afterFree) {
		r -= Ref(*a.lastWord(r-1, 1))
		a.unlist(r)
	}
	*a.Header(r) = *a.Header(r)&afterFree | Header(KindSentinel)<<kindShift | 1
	a.top, a.touched = r, a.end
	return true
}
