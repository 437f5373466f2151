package cache

// A compaction (arena.Compact) makes one block of several neighbours. It makes
// room where no free block is long enough: for an entry in one block, for a
// segment or an overflow bucket of the index, and for the fragments of a large
// value. The shard evacuates the blocks in the way.

// compact returns a reserved block of at least the given granules, or 0. It
// evicts nothing.
func (s *shard) compact(granules uint32) ref {
	s.timeHold(holdStore)
	return s.arena.Compact(granules, s)
}

// Weight returns how many granules Evacuate needs for the contents of the block
// at r, and false if they cannot move. It is for arena.Mover.
func (s *shard) Weight(r ref) (granules int64, ok bool) {
	switch h := *s.arena.Header(r); h.Kind() {
	case isRecord, isOverflow:
		return int64(h.Granules()), true
	case isChain:
		return s.arena.weight(r), true
	}
	return 0, false
}

// Evacuate moves the contents of the block at r, an isRecord, isChain or
// isOverflow, and frees the block. It evicts nothing, and reports false if
// there is no room. It is for arena.Mover.
func (s *shard) Evacuate(r ref) bool {
	switch s.arena.Header(r).Kind() {
	case isOverflow:
		return s.moveOverflow(r)
	case isRecord, isChain:
		to := s.arena.allocEntry(s.arena.entryLen(r))
		if to == 0 {
			return false
		}
		s.moveEntry(to, r)
		return true
	}
	return false
}

// allocAligned returns a reserved block whose buckets are aligned to cache
// lines. It may compact and evict a few entries for that. It returns 0 if that
// was not enough.
func (s *shard) allocAligned(granules uint32) ref {
	// The front that is cut off the aligned block may have to be a block too.
	const most = lineGranules + minBlock - 1
	r := s.arena.Alloc(granules+most, isReserved)
	if r == 0 {
		r = s.compact(granules + most)
	}
	for n := 0; n < alignedVictims && r == 0 && s.evictVictim(); n++ {
		r = s.arena.Alloc(granules+most, isReserved)
	}
	if r == 0 {
		r = s.compact(granules + most)
	}
	if r == 0 {
		return 0
	}
	front := (lineGranules - labelBytes/granule - uint32(r)) % lineGranules
	if front > 0 && front < minBlock {
		front += lineGranules
	}
	if front > 0 {
		r = s.arena.CutFront(r, front)
	}
	s.arena.Trim(r, granules)
	return r
}

// alignedVictims is how many entries allocAligned evicts at most. Each victim
// leaves a free block where a row can begin.
const alignedVictims = 8

// moveOverflow moves the overflow bucket at r to another block. It reports
// false if there is no room.
func (s *shard) moveOverflow(r ref) bool {
	a := &s.arena
	to := a.Alloc(overflowGranules, isOverflow)
	if to == 0 {
		return false
	}
	b := a.bucket(r, 0)
	*a.bucket(to, 0) = *b
	link := s.slotOf(b[0].tag(), isLink|slot(r))
	*link = isLink | slot(to)
	a.Free(r)
	return true
}

// moveEntry moves the entry at r to the blocks at to, which are as long, and
// makes the index and its list refer to it there.
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
