package arena

import "math/bits"

// freeBlock is the beginning of a free block. Its last word is its length.
type freeBlock struct {
	header Header
	next   Ref    // in the list of its class; 0 for the last
	prev   Ref    // in the same list; of the first block it is the last one
	given  uint32 // of a long block: the granules that the system has back
}

const freeHeaderGranules = 2 // a whole freeBlock

// Free blocks are segregated by size: one class for each length up to
// exactClasses granules, then four classes for each doubling. A bitmap of the
// classes that have blocks finds the next larger one in a few instructions
// (Masmano and others, TLSF, 2004).
const (
	exactClasses = 16
	classWords   = 2

	// A search tries so many blocks of the class that a length belongs to. Then
	// it goes on to the next class, in which all blocks are long enough.
	classTries = 3
)

func classOf(granules uint32) int {
	if granules < exactClasses {
		return int(granules)
	}
	exponent := bits.Len32(granules) - 1
	quarter := granules >> (exponent - 2) & 3
	return exactClasses + (exponent-4)*4 + int(quarter)
}

// classes returns how many classes the free blocks in so many bytes can have.
func classes(memory int64) int { return classOf(uint32(min(MaxBlock, memory/Granule))) + 1 }

const listBytes = 4 // of a Ref

// TableBytes returns how many bytes the table of free lists of an arena takes
// outside the region, if it is made for so many bytes of memory.
func TableBytes(memory int64) int64 { return int64(classes(memory)) * listBytes }

// TableBytes returns how many bytes the table of free lists takes outside the
// region.
func (a *Arena) TableBytes() int64 { return int64(cap(a.lists)) * listBytes }

// ResizeTable makes the table of free lists one for so many bytes of memory,
// at least as many as the arena has.
func (a *Arena) ResizeTable(memory int64) {
	lists := make([]Ref, classes(memory))
	copy(lists, a.lists) // of a smaller arena, the longer classes are empty
	a.lists = lists
}

// list puts the free block at r in front of the list of its class.
func (a *Arena) list(r Ref) {
	f := a.freeBlock(r)
	c := classOf(f.header.Granules())
	first := a.lists[c]
	f.next, f.prev = first, r
	if f.header.Granules() >= giveBackGranules {
		f.given = 0
	}
	if first != 0 {
		f.prev = a.freeBlock(first).prev
		a.freeBlock(first).prev = r
	}
	a.lists[c] = r
	a.nonEmpty[c/64] |= 1 << (c % 64)
}

// unlist removes the free block at r from the list of its class. A retired
// block may be in no list, and does not count as free.
func (a *Arena) unlist(r Ref) {
	f := a.freeBlock(r)
	checkPoison(a, r)
	if f.header.Is(unlisted) {
		return
	}
	if a.isRetired(r, f.header.Granules()) {
		a.free -= int64(f.header.Granules())
	}
	c := classOf(f.header.Granules())
	first := a.lists[c]
	if r == first {
		a.lists[c] = f.next
		if f.next == 0 {
			a.nonEmpty[c/64] &^= 1 << (c % 64)
			return
		}
		a.freeBlock(f.next).prev = f.prev
		return
	}
	a.freeBlock(f.prev).next = f.next
	if f.next == 0 {
		a.freeBlock(first).prev = f.prev
	} else {
		a.freeBlock(f.next).prev = f.prev
	}
}

// toBack moves the free block at r, the first of its list, to the end of the
// list.
func (a *Arena) toBack(r Ref) {
	f := a.freeBlock(r)
	if f.next == 0 {
		return
	}
	c, last := classOf(f.header.Granules()), f.prev
	a.lists[c] = f.next // whose prev becomes the last: the first's, in a ring
	a.freeBlock(f.next).prev = r
	a.freeBlock(last).next = r
	f.next = 0 // prev is last already
}

// firstOf returns the first free block of the class that is not retired, or 0.
// It removes retired ones from the list. If there are too many of them for one
// search, it returns 0 and false.
func (a *Arena) firstOf(c int) (r Ref, ok bool) {
	r = a.lists[c]
	for n := 0; r != 0 && a.isRetired(r, a.Header(r).Granules()); n++ {
		if n == retiredTries {
			a.gaveUp = true
			return 0, false
		}
		if n%4 == 0 {
			a.Work++
		}
		a.unlist(r)
		a.Header(r).Set(unlisted)
		r = a.lists[c]
	}
	return r, true
}

// retiredTries bounds the work of one search while the region shrinks.
const retiredTries = 64

// GaveUp reports whether a search has met too many retired free blocks since
// the last call. Then another search may succeed.
func (a *Arena) GaveUp() bool {
	gaveUp := a.gaveUp
	a.gaveUp = false
	return gaveUp
}

// findFree returns a free block of at least the given granules, or 0.
func (a *Arena) findFree(granules uint32) Ref {
	c := classOf(granules)
	if c >= len(a.lists) {
		return 0
	}
	r, ok := a.firstOf(c)
	for try := 0; r != 0 && try < classTries; try++ {
		f := a.freeBlock(r)
		if n := f.header.Granules(); n >= granules && !a.isRetired(r, n) {
			return r
		}
		r = f.next
	}
	for c = a.nextClass(c + 1); ok && c >= 0; c = a.nextClass(c + 1) {
		if r, ok = a.firstOf(c); r != 0 {
			return r
		}
	}
	return 0
}

// nextClass returns the first class from c on that has free blocks, or -1.
func (a *Arena) nextClass(c int) int {
	for w := c / 64; w < classWords; w++ {
		set := a.nonEmpty[w]
		if w == c/64 {
			set &= ^uint64(0) << (c % 64)
		}
		if set != 0 {
			return w*64 + bits.TrailingZeros64(set)
		}
	}
	return -1
}

// findLong returns a free block of the longest class that has any, or 0.
func (a *Arena) findLong() Ref {
	for w := classWords - 1; w >= 0; w-- {
		for set := a.nonEmpty[w]; set != 0; {
			bit := 63 - bits.LeadingZeros64(set)
			if r, ok := a.firstOf(w*64 + bit); r != 0 || !ok {
				return r
			}
			set &^= 1 << bit
		}
	}
	return 0
}
