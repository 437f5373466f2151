package cache

// A claim turns a row of runs into one run, by moving away what lies in it. The
// index needs that, whose segments are longer than the holes of a full cache,
// and so does a cap that shrinks, whose last part is to be empty.

// takeAligned returns a claimed run whose buckets are aligned to lines. To have
// one it moves entries and evicts some; it returns 0 if that is no use.
func (s *shard) takeAligned(units uint32) ref {
	// Beside the aligned run, what is cut off in front may have to be a run.
	const most = lineUnits + minRun - 1
	r := s.arena.take(units+most, isClaimed)
	for try := 0; r == 0; try++ {
		if try == claimTries {
			return 0
		}
		if r = s.claimAnywhere(units + most); r == 0 && !s.evictVictim() {
			return 0
		}
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

// claimTries is how many victims are evicted, at most, before a claim is given
// up: each leaves a hole to begin another claim with.
const claimTries = 8

// claimAnywhere claims a row of at least units that begins with a hole.
func (s *shard) claimAnywhere(units uint32) ref {
	tries := claimStarts
	for class := len(s.arena.holes) - 1; class >= 0; class-- {
		for r := s.arena.holes[class]; r != 0; r = s.arena.hole(r).next {
			if s.claimable(r, units) {
				return s.claim(r, units)
			}
			if tries--; tries == 0 {
				return 0
			}
		}
	}
	return 0
}

// claimStarts is how many holes are looked at, at most, for a claim to begin
// with.
const claimStarts = 32

// claimable reports whether the row of runs from r on is worth moving.
func (s *shard) claimable(r ref, units uint32) bool {
	moving := int64(0)
	for length := uint32(0); length < units; {
		h := *s.arena.run(r)
		if s.arena.isRetiring(r, h.units()) {
			return false
		}
		switch h.kind() {
		case isEdge, isSegment, isClaimed:
			return false
		case isHole:
		case isRecord, isSpill:
			moving += int64(h.units())
		case isHead:
			moving += s.arena.entryUnits(r)
		case isPiece:
			return false
		}
		length += h.units()
		r += ref(h.units())
	}
	return moving*unit <= claimMost && moving <= s.arena.holeUnits/2
}

// claimMost bounds the bytes that a claim moves, and so the time it takes.
const claimMost = 256 << 10

// claim makes one run of units, or more, of the row that begins with the hole
// at r, which is claimable. It returns 0 if entries had to be moved for whom
// there was no other place.
func (s *shard) claim(r ref, units uint32) ref {
	a := &s.arena
	// The holes first, or what is moved from the row would move into them.
	end := r
	for end < r+ref(units) {
		h := a.run(end)
		if h.kind() == isHole {
			a.useHole(end, isClaimed)
		}
		end += ref(h.units())
	}
	for a.run(r).units() < units {
		next := r + ref(a.run(r).units())
		switch a.run(next).kind() {
		case isHole:
			a.useHole(next, isClaimed)
			fallthrough
		case isClaimed:
			a.run(r).setUnits(a.run(r).units() + a.run(next).units())
			continue
		case isRecord, isHead, isSpill:
			if s.vacate(next) {
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

// vacate moves away what is in the run at r, an isRecord, isHead or isSpill,
// which is free then. It evicts nothing.
func (s *shard) vacate(r ref) bool {
	if s.arena.run(r).kind() == isSpill {
		return s.moveSpill(r)
	}
	return s.moveEntry(r)
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

// moveEntry stores the entry at r elsewhere, and lets the index and the list
// refer to it there.
func (s *shard) moveEntry(r ref) bool {
	a := &s.arena
	h := a.record(r)
	to := a.takeFor(h.idLen() + a.valueLen(r))
	if to == 0 {
		return false
	}
	t := s.tagAt(r)
	*s.slotOf(t, makeSlot(t, r)) = makeSlot(t, to)

	n := a.record(to)
	n.deadline, n.useLen = h.deadline, h.useLen
	a.copyEntry(to, r)
	s.order.replace(a, r, to)
	a.freeEntry(r)
	return true
}
