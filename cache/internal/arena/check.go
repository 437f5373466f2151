package arena

import "fmt"

// Check returns an error if an invariant of the arena does not hold. It is for
// tests: its time is in proportion to the number of blocks. Check writes the
// header of each block to headers, by Ref; headers has an element for each
// granule, all 0.
func (a *Arena) Check(headers []Header) error {
	free, blocks, err := a.checkBlocks(headers)
	if err != nil {
		return err
	}
	if a.granules != int64(a.end)+1 {
		return fmt.Errorf("the arena has %d granules and ends at %d", a.granules, a.end)
	}
	if free != a.free {
		return fmt.Errorf("%d granules are free, %d are accounted for as free", free, a.free)
	}
	listed, err := a.checkLists(headers)
	if err != nil {
		return err
	}
	if listed != blocks {
		return fmt.Errorf("%d free blocks, but %d in the lists", blocks, listed)
	}
	return nil
}

// checkBlocks checks that blocks follow each other without a gap up to the last
// sentinel. It returns the free granules and the number of listed free blocks.
func (a *Arena) checkBlocks(headers []Header) (free int64, listed int, err error) {
	free = int64(a.end - a.top)
	behindFree := false
	for r, h := range a.Blocks() {
		headers[r] = h
		if h.Is(afterFree) != behindFree {
			return 0, 0, fmt.Errorf("block %d (kind %d): afterFree is %v", r, h.Kind(), h.Is(afterFree))
		}
		behindFree = h.Kind() == KindFree
		switch h.Kind() {
		case KindFree:
			if !h.Is(unlisted) {
				free += int64(h.Granules())
				listed++
			} else if !a.isRetired(r, h.Granules()) {
				return 0, 0, fmt.Errorf("free block %d is in no list", r)
			}
			if last := *a.lastWord(r, h.Granules()); last != h.Granules() {
				return 0, 0, fmt.Errorf("free block %d of %d granules ends with %d", r, h.Granules(), last)
			}
		case KindSentinel:
			if r != 0 && r != a.top {
				return 0, 0, fmt.Errorf("block %d is a sentinel between 0 and %d", r, a.top)
			}
		}
		if r != a.top && (h.Granules() == 0 || r+Ref(h.Granules()) > a.top) {
			return 0, 0, fmt.Errorf("block %d of %d granules ends beyond %d", r, h.Granules(), a.top)
		}
	}
	return free, listed, nil
}

// checkLists checks that each list has only free blocks of its class, and
// returns how many there are in all lists.
func (a *Arena) checkLists(headers []Header) (listed int, err error) {
	for class, r := range a.lists {
		if (a.nonEmpty[class/64]&(1<<(class%64)) != 0) != (r != 0) {
			return 0, fmt.Errorf("class %d: the bitmap is wrong", class)
		}
		first, last, given := r, r, false
		for before := Ref(0); r != 0; before, r = r, a.freeBlock(r).next {
			h := headers[r]
			if h == 0 || h.Kind() != KindFree || h.Is(unlisted) || classOf(h.Granules()) != class || before != 0 && a.freeBlock(r).prev != before {
				return 0, fmt.Errorf("class %d: block %d is in the wrong list or in the wrong place", class, r)
			}
			if class >= classOf(giveBackGranules) {
				done := a.freeBlock(r).given == h.Granules()
				if given && !done {
					return 0, fmt.Errorf("class %d: block %d has memory to give back and is behind one that has none", class, r)
				}
				given = done
			}
			listed, last = listed+1, r
		}
		if first != 0 && a.freeBlock(first).prev != last {
			return 0, fmt.Errorf("class %d: the last of the list is %d, not %d", class, last, a.freeBlock(first).prev)
		}
	}
	return listed, nil
}
