package arena

// A compaction turns a row of neighbouring blocks into one block: the owner
// moves the contents of the row elsewhere. It makes room where the free blocks
// are long enough together but each is too short.

// Mover moves the contents of allocated blocks for Compact.
type Mover interface {
	// Weight returns how many granules Evacuate needs elsewhere for the
	// contents of the block at r. It reports false if they cannot move.
	Weight(r Ref) (granules int64, ok bool)

	// Evacuate moves the contents of the block at r elsewhere and frees the
	// block. It frees no other block of the same row. It reports false,
	// having done nothing, if there is no room.
	Evacuate(r Ref) bool
}

const (
	// Compact looks at so many free blocks, at most, for a row to begin with,
	// and at so many blocks in all these rows.
	compactStarts = 32
	compactScan   = 512

	compactScanWork = 8 // looking at so many blocks is as much work as moving one

	// A row is worth moving only if no more bytes are in use in it.
	compactMost = 64 << 10
)

// Compact returns a block of KindReserved of at least the given granules, or 0
// if it finds no row that is worth moving. It evicts nothing. It adds its
// moves and searches to Work.
//
// Rows begin with the longest free blocks. A free block whose row is of no use
// goes to the end of its list, so that the next compaction begins elsewhere.
func (a *Arena) Compact(granules uint32, m Mover) Ref {
	starts, scan := compactStarts, compactScan
	defer func() { a.Work += int32(compactScan-scan) / compactScanWork }()
	for class := min(classOf(granules), len(a.lists)-1); class >= 0; class-- {
		for seen := Ref(0); starts > 0 && scan > 0; starts-- {
			r, ok := a.firstOf(class)
			if !ok {
				return 0
			}
			if r == 0 || r == seen {
				break
			}
			if a.canCompact(r, granules, &scan, m) {
				return a.compactRow(r, granules, m)
			}
			if seen == 0 {
				seen = r
			}
			a.toBack(r)
		}
	}
	return 0
}

// canCompact reports whether the row of blocks from r on is worth moving, and
// subtracts the number of blocks that it looked at from scan.
func (a *Arena) canCompact(r Ref, granules uint32, scan *int, m Mover) bool {
	moving, length := int64(0), uint32(0)
	for ; length < granules; *scan-- {
		h := *a.Header(r)
		if a.isRetired(r, h.Granules()) {
			return false
		}
		switch h.Kind() {
		case KindSentinel, KindReserved:
			return false
		case KindFree:
		default:
			weight, ok := m.Weight(r)
			if !ok {
				return false
			}
			moving += weight
		}
		length += h.Granules()
		r += Ref(h.Granules())
	}
	elsewhere := a.free - (int64(length) - moving)
	return moving*Granule <= compactMost && moving+moving/8 <= elsewhere
}

// compactRow makes one block of at least the given granules from the row that
// begins with the free block at r. It returns 0 if Evacuate failed.
func (a *Arena) compactRow(r Ref, granules uint32, m Mover) Ref {
	// The free blocks come first, or the contents of the row would move there.
	end := r
	for end < r+Ref(granules) {
		h := a.Header(end)
		if h.Kind() == KindFree {
			// Without the Trim, the row could be longer than MaxBlock.
			a.AllocAt(end, KindReserved)
			a.Trim(end, max(uint32(r)+granules-uint32(end), MinBlock))
		}
		end += Ref(h.Granules())
	}
	for a.Header(r).Granules() < granules {
		next := r + Ref(a.Header(r).Granules())
		switch a.Header(next).Kind() {
		case KindFree:
			a.AllocAt(next, KindReserved)
			a.Trim(next, max(granules-a.Header(r).Granules(), MinBlock))
			fallthrough
		case KindReserved:
			a.Header(r).setGranules(a.Header(r).Granules() + a.Header(next).Granules())
			continue
		case KindSentinel:
		default:
			a.Work++
			if m.Evacuate(next) {
				continue
			}
		}
		a.freeReserved(r, end)
		return 0
	}
	a.freeReserved(r+Ref(a.Header(r).Granules()), end)
	return r
}

// freeReserved frees the reserved blocks from r to end. It stops at top: the
// end of the row may have joined the unused memory, which has no blocks.
func (a *Arena) freeReserved(r, end Ref) {
	for r < end && r < a.top {
		h := a.Header(r)
		next := r + Ref(h.Granules())
		if h.Kind() == KindReserved {
			if a.Header(next).Kind() == KindFree { // which joins this one
				next += Ref(a.Header(next).Granules())
			}
			a.Free(r)
		}
		r = next
	}
}
