package arena

import (
	"iter"
	"unsafe"
)

// Arena is a region of memory and the blocks in it. The zero Arena has no
// memory: call Init before any other method. An Arena must not be copied while
// it is in use.
type Arena struct {
	length int64 // of the region, in bytes

	top Ref // where the last sentinel lies and the unused memory begins
	end Ref // where the unused memory ends

	touched Ref // beyond it no block was written since memory was given back

	retired Ref // while the region shrinks, where retired memory begins; else 0

	free     int64 // granules in listed free blocks and beyond top
	granules int64 // in the whole arena

	// Work is about how many evictions and moves the owner and the arena did
	// since the owner last set Work to 0. The owner adds its own evictions; the
	// arena adds moves and long searches.
	Work int32

	gaveUp bool // a search met too many retired free blocks

	nonEmpty [classWords]uint64 // a bit for each class that has free blocks
	lists    []Ref              // the first free block of each class

	// base is the address of the region.
	base unsafe.Pointer
}

// Init makes an empty arena of memory, whose length is a multiple of Granule
// and at least SentinelGranules. The memory belongs to the arena from now on.
func (a *Arena) Init(memory []byte) {
	*a = Arena{lists: make([]Ref, classes(int64(len(memory))))}
	a.setMemory(memory)
	*a.Header(0) = Header(KindSentinel)<<kindShift | firstGranules
	a.top, a.end, a.touched = firstGranules, firstGranules, firstGranules
	a.endAtTop()
	a.granules = SentinelGranules
	a.extend()
}

// firstGranules is the length of the first sentinel. The payload of a block
// that follows the sentinel, behind a header of one granule, begins at the
// start of a cache line.
const firstGranules = LineGranules - 1

// SentinelGranules is how many granules the two sentinels have together.
const SentinelGranules = firstGranules + 1

// setMemory makes memory the region. Its contents are those of the region so
// far.
func (a *Arena) setMemory(memory []byte) {
	a.base, a.length = unsafe.Pointer(unsafe.SliceData(memory)), int64(len(memory))
}

// extend lets the arena use its whole region.
func (a *Arena) extend() {
	granules := a.length / Granule
	a.free += granules - a.granules
	a.granules, a.end = granules, Ref(granules-1)
}

// Memory returns the region. It stays the arena's.
func (a *Arena) Memory() []byte { return unsafe.Slice((*byte)(a.base), a.length) }

// Granules returns how many granules the arena has, the sentinels included.
func (a *Arena) Granules() int64 { return a.granules }

// FreeGranules returns how many granules are free: in listed free blocks, also
// retired ones that no search has met yet, and beyond the last block.
func (a *Arena) FreeGranules() int64 { return a.free }

// UsedBytes returns how many bytes are in use, the sentinels included.
func (a *Arena) UsedBytes() int64 { return (a.granules - a.free) * Granule }

// Top returns where the memory beyond the last block begins.
func (a *Arena) Top() Ref { return a.top }

// Unused returns the memory beyond the last block.
func (a *Arena) Unused() []byte { return a.part(a.top, a.end) }

// part returns the memory of the granules from from to to.
func (a *Arena) part(from, to Ref) []byte {
	return a.Memory()[int64(from)*Granule : int64(to)*Granule]
}

// Blocks iterates over the headers of all blocks, in the order of their
// addresses, from the first sentinel to the last.
func (a *Arena) Blocks() iter.Seq2[Ref, Header] {
	return func(yield func(Ref, Header) bool) {
		for r := Ref(0); ; {
			h := *a.Header(r)
			if !yield(r, h) || r >= a.top {
				return
			}
			r += Ref(h.Granules())
		}
	}
}

// Alloc returns a block of kind k that has the given granules, or one more, or
// 0 if there is no such free block. The caller sets the slack and the mark.
func (a *Arena) Alloc(granules uint32, k Kind) Ref {
	r := a.findFree(granules)
	if r == 0 {
		if r = a.allocTop(granules); r != 0 {
			a.Header(r).SetSlack(0)
			a.Header(r).SetKind(k)
		}
		return r
	}
	a.AllocAt(r, k)
	a.Trim(r, granules)
	return r
}

// AllocUpTo returns a block of kind k. It has the given granules, which are at
// least MinBlock, or one more. If there is no such free block, it is one of the
// longest free blocks, or the memory beyond top where that is longer. AllocUpTo
// returns 0 if that has less than least granules. The caller sets the slack and
// the mark.
func (a *Arena) AllocUpTo(granules, least uint32, k Kind) Ref {
	r, n := a.findLong(), min(granules, uint32(a.end-a.top), MaxBlock)
	if n >= max(least, MinBlock) && (r == 0 || a.Header(r).Granules() < n) {
		r = a.allocTop(n)
		a.Header(r).SetKind(k)
		a.Header(r).SetSlack(0)
		return r
	}
	if r == 0 || a.Header(r).Granules() < least {
		return 0
	}
	a.AllocAt(r, k)
	a.Trim(r, granules)
	return r
}

// AllocAt makes the whole free block at r a block of kind k.
func (a *Arena) AllocAt(r Ref, k Kind) {
	a.unlist(r)
	h := a.Header(r)
	h.SetKind(k)
	a.free -= int64(h.Granules())
	a.Header(r + Ref(h.Granules())).Clear(afterFree)
}

// allocTop makes a block of exactly the given granules from the memory beyond
// top, or returns 0 if there is less.
func (a *Arena) allocTop(granules uint32) Ref {
	if uint32(a.end-a.top) < granules {
		return 0
	}
	r := a.top
	a.top += Ref(granules)
	a.touched = max(a.touched, a.top)
	a.endAtTop()
	a.Header(r).setGranules(granules) // it was a sentinel, whose afterFree stays true
	a.free -= int64(granules)
	return r
}

// endAtTop puts the last sentinel behind the last block.
func (a *Arena) endAtTop() { *a.Header(a.top) = Header(KindSentinel)<<kindShift | 1 }

// Trim frees the granules of the block at r beyond the given number, if they
// are enough for a block.
func (a *Arena) Trim(r Ref, granules uint32) {
	h := a.Header(r)
	if granules+MinBlock <= h.Granules() {
		*a.Header(r + Ref(granules)) = Header(h.Granules()-granules) | Header(KindReserved)<<kindShift
		h.setGranules(granules)
		a.Free(r + Ref(granules))
	}
}

// CutFront frees the first granules of the block at r, at least MinBlock, and
// returns the rest of it, a block of the same kind.
func (a *Arena) CutFront(r Ref, granules uint32) Ref {
	h := a.Header(r)
	rest := r + Ref(granules)
	*a.Header(rest) = *h&^(MaxBlock|afterFree) | Header(h.Granules()-granules)
	h.setGranules(granules)
	a.Free(r)
	return rest
}

// Free frees the block at r. It joins the block with the free blocks around it,
// or with the memory beyond top.
func (a *Arena) Free(r Ref) {
	h := a.Header(r)
	granules := h.Granules()
	retired := a.isRetired(r, granules)
	if !retired {
		a.free += int64(granules)
	}
	if next := r + Ref(granules); a.Header(next).Kind() == KindFree {
		if more := a.Header(next).Granules(); granules+more <= MaxBlock && a.isRetired(next, more) == retired {
			a.unlist(next)
			granules += more
		}
	}
	if h.Is(afterFree) {
		before := *a.lastWord(r-1, 1)
		if granules+before <= MaxBlock && a.isRetired(r-Ref(before), before) == retired {
			r -= Ref(before)
			a.unlist(r)
			granules += before
			h = a.Header(r)
		}
	}
	if r+Ref(granules) == a.top && a.top < a.end {
		a.top = r
		h.setGranules(1)
		h.SetKind(KindSentinel)
		return
	}
	*h = *h&afterFree | Header(granules)
	*a.lastWord(r, granules) = granules
	poison(a, r)
	a.Header(r + Ref(granules)).Set(afterFree)
	if retired {
		h.Set(unlisted)
		return
	}
	a.list(r)
}
