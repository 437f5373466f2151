package cache

// A compaction turns a row of neighbouring runs into one run, by moving away
// what lies in it. It makes room where the holes are long enough together but
// each is too short: for an entry in one run, for a segment or a spill of the
// index, and for the parts of a large value.

const (
	// So many holes are looked at, at most, for a row to begin with, and so many
	// runs in all these rows.
	compactStarts = 32
	compactScan   = 512

	compactScanWork = 8 // to look at so many runs is as much work as to move one

	// A row is moved only if no more bytes than that are in use in it.
	compactMost = 64 << 10
)

// compact returns a claimed run of at least units, or 0 if no row was found that
// is worth moving. It evicts nothing. It counts its work in arena.work.
//
// Rows begin with the longest holes. A hole whose row is of no use goes to the end
// of its list, so that the next compaction begins elsewhere.
func (s *shard) compact(units uint32) ref {
	a := &s.arena
	starts, scan := compactStarts, compactScan
	defer func() { a.work += int32(compactScan-scan) / compactScanWork }()
	for class := min(classOf(units), len(a.holes)-1); class >= 0; class-- {
		for seen := ref(0); starts > 0 && scan > 0; starts-- {
			r, ok := a.firstOf(class)
			if !ok {
				return 0
			}
			if r == 0 || r == seen {
				break
			}
			if s.canCompact(r, units, &scan) {
				return s.compactRow(r, units)
			}
			if seen == 0 {
				seen = r
			}
			a.toBack(r)
		}
	}
	return 0
}

// canCompact reports whether the row of runs from r on is worth moving, and
// subtracts from scan how many runs it looked at.
func (s *shard) canCompact(r ref, units uint32, scan *int) bool {
	moving, length := int64(0), uint32(0)
	for ; length < units; *scan-- {
		h := *s.arena.run(r)
		if s.arena.isRetired(r, h.units()) {
			return false
		}
		switch h.kind() {
		case isEdge, isSegment, isClaimed, isPiece:
			return false
		case isHole:
		case isRecord, isSpill:
			moving += int64(h.units())
		case isHead:
			moving += s.arena.weight(r)
		}
		length += h.units()
		r += ref(h.units())
	}
	elsewhere := s.arena.holeUnits - (int64(length) - moving)
	return moving*unit <= compactMost && moving+moving/8 <= elsewhere
}

// compactRow makes one run of units, or more, of the row that begins with the
// hole at r. It returns 0 if it had to move an entry for which there was no
// other place.
func (s *shard) compactRow(r ref, units uint32) ref {
	a := &s.arena
	// The holes first, or what is moved from the row would move into them.
	end := r
	for end < r+ref(units) {
		h := a.run(end)
		if h.kind() == isHole {
			a.useHole(end, isClaimed)
			a.trim(end, max(uint32(r)+units-uint32(end), minRun)) // a run has a longest length
		}
		end += ref(h.units())
	}
	for a.run(r).units() < units {
		next := r + ref(a.run(r).units())
		switch a.run(next).kind() {
		case isHole:
			a.useHole(next, isClaimed)
			a.trim(next, max(units-a.run(r).units(), minRun))
			fallthrough
		case isClaimed:
			a.run(r).setUnits(a.run(r).units() + a.run(next).units())
			continue
		case isRecord, isHead, isSpill:
			s.arena.work++
			if s.evacuate(next) {
				continue
			}
		}
		a.unclaim(r, end)
		return 0
	}
	a.unclaim(r+ref(a.run(r).units()), end)
	return r
}

// unclaim frees the claimed runs from r to end.
func (a *arena) unclaim(r, end ref) {
	for r < end && r < a.top { // beyond it are no runs: the last of the row may have joined it
		h := a.run(r)
		next := r + ref(h.units())
		if h.kind() == isClaimed {
			if a.run(next).kind() == isHole { // which is joined with it
				next += ref(a.run(next).units())
			}
			a.free(r)
		}
		r = next
	}
}

// takeAligned returns a claimed run whose buckets are aligned to lines. For that
// it compacts, and evicts a few entries; it returns 0 if that was not enough.
func (s *shard) takeAligned(units uint32) ref {
	// Beside the aligned run, what is cut off in front may have to be a run.
	const most = lineUnits + minRun - 1
	r := s.arena.take(units+most, isClaimed)
	if r == 0 {
		r = s.compact(units + most)
	}
	for n := 0; n < alignedVictims && r == 0 && s.evictVictim(); n++ {
		r = s.arena.take(units+most, isClaimed)
	}
	if r == 0 {
		r = s.compact(units + most)
	}
	if r == 0 {
		return 0
	}
	front := (lineUnits - labelBytes/unit - uint32(r)) % lineUnits
	if front > 0 && front < minRun {
		front += lineUnits
	}
	if front > 0 {
		r = s.arena.cutFront(r, front)
	}
	s.arena.trim(r, units)
	return r
}

// alignedVictims is how many entries are evicted, at most, for an aligned run: each
// leaves a hole for a row to begin with.
const alignedVictims = 8

// evacuate moves away what is in the run at r, an isRecord, isHead or isSpill,
// and frees it. It evicts nothing, and reports false if there is no other place.
func (s *shard) evacuate(r ref) bool {
	if s.arena.run(r).kind() == isSpill {
		return s.moveSpill(r)
	}
	h := s.arena.record(r)
	to := s.arena.takeFor(h.idLen() + s.arena.valueLen(r))
	if to == 0 {
		return false
	}
	s.moveEntry(to, r)
	return true
}

func (s *shard) moveSpill(r ref) bool {
	a := &s.arena
	to := a.take(spillUnits, isSpill)
	if to == 0 {
		return false
	}
	b := a.bucket(r, 0)
	*a.bucket(to, 0) = *b
	link := s.slotOf(b[0].tag(), isLink|slot(r))
	*link = isLink | slot(to)
	a.free(r)
	return true
}

// moveEntry moves the entry at r to the runs at to, which are as long, and lets
// the index and the list refer to it there.
func (s *shard) moveEntry(to, r ref) {
	a := &s.arena
	h := a.record(r)
	t := s.tagAt(r)
	*s.slotOf(t, makeSlot(t, r)) = makeSlot(t, to)

	n := a.record(to)
	n.deadline, n.useLen = h.deadline, h.useLen
	a.copyEntry(to, r)
	s.order.replace(a, r, to)
	a.freeEntry(r)
}
