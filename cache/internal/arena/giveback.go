package arena

// An arena that has emptied gives memory back to the system: the memory beyond
// top, and the inside of long free blocks. An arena that is full again soon
// would only have to touch it anew, so the owner waits until Emptied.

const (
	giveBackGranules = 16 << 10 / Granule // shorter free blocks keep their memory
	giveBackMost     = 4 << 20 / Granule  // in one call: some 0.2 ms
)

// Emptied reports whether less than half of the memory touched so far is in
// use.
func (a *Arena) Emptied() bool {
	untouched := int64(a.end - a.touched)
	return a.granules-a.free < (a.granules-untouched)/2
}

// GiveBackTop gives up to 4 MiB of the memory beyond the last block back to the
// system. It reports false if none is resident there.
func (a *Arena) GiveBackTop() bool {
	const sentinel = 1 // it is there already when a later top comes to lie before it
	if a.touched < a.top+sentinel+giveBackGranules {
		return false
	}
	from := max(a.top+sentinel, a.touched-min(a.touched, giveBackMost))
	discard(a.part(from, a.touched))
	a.touched = from
	return true
}

// GiveBackFree gives up to 4 MiB of a long free block back to the system. It
// reports false if there is no such block left.
//
// In each list the blocks that have memory to give come first: a new free block
// goes to the front, and one that has given everything to the end. So the work
// is in proportion to the memory.
func (a *Arena) GiveBackFree() bool {
	for class := classOf(giveBackGranules); class < len(a.lists) && !Guarded; class++ {
		r, _ := a.firstOf(class)
		if r == 0 {
			continue
		}
		f := a.freeBlock(r)
		granules := f.header.Granules()
		if f.given == granules {
			continue
		}
		to := min(f.given+giveBackMost, granules)
		discard(a.part(r+max(freeHeaderGranules, Ref(f.given)), r+Ref(to)-1))
		if f.given = to; to == granules {
			a.toBack(r)
		}
		return true
	}
	return false
}
