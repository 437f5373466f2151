package cache

import "errors"

// An entry of up to smallEntry bytes gets its memory in one hold of the lock: so
// much comes free with some hundreds of evictions at most. In a shard with few
// entries each entry does. The others are large. If no hole is long enough, a
// large entry is stored in parts of about partBytes or more, which are gathered in
// several holds: in a shard full of tiny entries a value of 1 MiB takes the place
// of 20,000 of them. The shard's room keeps the parts meanwhile.
const (
	smallEntry = 8 << 10
	fewEntries = 512

	partBytes = 8 << 10
	partUnits = partBytes / unit

	// Where that fails, since segments of the index are in the way, say, the rest
	// of the parts are half as long, but not shorter than this.
	shortPartUnits = 512 / unit

	// In one hold so many entries are evicted or moved, and about so many bytes
	// copied. A part that was begun is finished.
	workMost = 256
	copyMost = 64 << 10
)

// errInSteps: the entry is large and needs room to be made in several holds of
// the lock. No caller of the package sees it.
var errInSteps = errors.New("cache: room has to be made in steps")

// errNoRoom: the shard is empty and the entry still does not fit.
var errNoRoom = errors.New("cache: no room in an empty shard")

// isLarge reports whether room for an entry of length bytes may have to be made in
// steps. While the cap shrinks that holds for any: a victim may lie in the memory
// that goes, where it makes no room.
func (s *shard) isLarge(length uint32) bool {
	return length > smallEntry && s.entries() > fewEntries || s.arena.retired != 0 || s.gathers && s.room.length == length
}

// inSteps calls step, in as many holds of the lock as it takes, until it returns
// another error than errInSteps, and returns that. It is called with the lock
// held, after step has returned errInSteps once, and releases it. OnEvict is
// notified at the end, so that it may store large values itself.
func (c *Cache) inSteps(s *shard, step func() error) error {
	gone := s.release()
	s.making.Lock()
	err := errInSteps
	for err == errInSteps {
		c.lock(s)
		s.gathers, s.arena.work = true, 0
		err = step()
		s.gathers = false
		if err != errInSteps {
			s.dropRoom() // of a step that had no more use for it
		}
		gone = append(gone, s.release()...)
	}
	s.making.Unlock()
	c.tell(gone)
	return err
}

// makeRoom returns memory for an entry of length bytes, for which it evicts the
// longest idle as long as there is none. It returns 0 if the shard is empty then
// and has none either.
func (s *shard) makeRoom(length uint32) ref {
	a := &s.arena
	need, failed := int64(unitsFor(headHeadBytes+length)), int64(0)
	before := a.holeUnits
	for evicted := 0; ; evicted++ {
		if r := a.takeOne(length); r != 0 {
			return r
		}
		if free := a.holeUnits; free > need+s.reserve || evicted >= reserveSteps && free-before > need+need/4 {
			if free > failed {
				if r := s.compactFor(length); r != 0 {
					return r
				}
				failed = a.holeUnits + need/4
			}
			least := leastPart(length)
			if free-before > 2*need { // the victims are scattered
				least = minRun
			}
			if r := a.takeSeveral(length, least); r != 0 {
				return r
			}
		}
		if s.evictVictim() {
			s.shrinkIndex(2)
			continue
		}
		if s.room.first != 0 {
			s.dropRoom() // its Set begins again
			continue
		}
		s.shrinkIndex(int(s.index.buckets))
		return a.takeFor(length)
	}
}

// A 64th of the memory stays free, so that holes are long and few entries are
// moved or stored in parts. Where less is free, each entry that finds no hole
// evicts a quarter more than it needs, and so many entries at least.
const (
	reserveShare = 64
	reserveSteps = 16
)

// compactFor returns a run for an entry of length bytes that was made by a
// compaction, or 0.
func (s *shard) compactFor(length uint32) ref {
	units := unitsFor(recordHeadBytes + length)
	if units > partUnits {
		return 0
	}
	r := s.compact(units)
	if r != 0 {
		s.arena.trim(r, units)
		s.arena.beRecord(r, length)
	}
	return r
}

// leastPart returns how many units each part of an entry should have, but for
// the last: then it has about four parts, or parts of partBytes.
func leastPart(length uint32) uint32 {
	return max(minHeadUnits, min(unitsFor(length)/4, partUnits))
}

// room holds the parts gathered so far for a large entry: runs of the kind
// isClaimed, linked like those of an entry.
type room struct {
	bytes  int64  // that it has room for
	enough int64  // with so many units free, no more has to be evicted for the reserve
	free   int64  // how many were free at the end of the latest step
	length uint32 // of the entry
	first  ref    // 0: there is no room
	last   ref
	least  uint32 // units of the next parts
}

// gather continues to make room for a large entry of length bytes. It returns
// the entry's memory, or errInSteps when enough was done for one hold, or errNoRoom.
func (s *shard) gather(length uint32) (ref, error) {
	a, m := &s.arena, &s.room
	if m.length != length {
		s.dropRoom()
		need := int64(unitsFor(length))
		*m = room{length: length, least: partUnits, enough: min(need+s.reserve, a.holeUnits+2*need)}
	}
	if a.holeUnits < m.free {
		m.enough = 0 // others use the victims' memory, so each part is taken at once
	}
	failed := int64(0) // there is nothing to compact until more than this is free
	for m.first == 0 || m.bytes < int64(length) {
		if m.first == 0 {
			if r := a.takeOne(length); r != 0 {
				return r, nil
			}
			if a.holeUnits < m.enough { // the more is free, the fewer parts there are
				if a.work >= workMost {
					m.free = a.holeUnits
					return 0, errInSteps
				}
				if s.evictVictim() {
					continue
				}
			}
		}
		head := uint32(pieceHeadBytes)
		if m.first == 0 {
			head = headHeadBytes
		}
		want := min(int64(length)-m.bytes+int64(head), maxRun*unit)
		units := unitsFor(uint32(want))
		least := max(minRun, min(units, m.least))
		if m.first == 0 {
			least = max(least, minHeadUnits)
		}
		r := a.takeUpTo(units, least, isClaimed)
		if r == 0 && a.work < workMost && a.holeUnits > failed {
			if r = s.compact(least); r == 0 && m.least > shortPartUnits {
				m.least /= 2
				continue
			} else if r == 0 {
				failed = a.holeUnits + partUnits/4
			}
		}
		if r != 0 {
			a.trim(r, units)
			m.add(a, r, head)
			continue
		}
		if a.work >= workMost {
			m.free = a.holeUnits
			return 0, errInSteps
		}
		if a.gaveUp {
			a.gaveUp = false
			a.work++
			continue
		}
		if !s.evictVictim() {
			s.dropRoom()
			s.shrinkIndex(int(s.index.buckets))
			if r := a.takeFor(length); r != 0 {
				return r, nil
			}
			return 0, errNoRoom
		}
		s.shrinkIndex(2)
	}
	return s.takeRoom(), nil
}

// add links the run at r, whose first bytes are for its head, to the others.
func (m *room) add(a *arena, r ref, head uint32) {
	a.run(r).clear(protected)
	a.run(r).setSlack(0)
	if m.first == 0 {
		m.first = r
		a.head(r).next = 0
	} else {
		*a.nextPart(m.first, m.last) = r
		a.piece(r).next = 0
	}
	m.last = r
	m.bytes += int64(a.run(r).units()*unit - head)
}

// nextPart returns where the run at r of the entry at first refers to the next.
func (a *arena) nextPart(first, r ref) *ref {
	if r == first {
		return &a.record(r).next
	}
	return &a.piece(r).next
}

// takeRoom makes an entry's memory of the room, which is then empty.
func (s *shard) takeRoom() ref {
	a, m := &s.arena, s.room
	s.room = room{}
	a.run(m.last).setSlack(uint32(m.bytes - int64(m.length)))
	a.run(m.first).setKind(isHead)
	for r := a.record(m.first).next; r != 0; r = a.piece(r).next {
		a.run(r).setKind(isPiece)
	}
	return m.first
}

// dropRoom frees the parts gathered so far.
func (s *shard) dropRoom() {
	a, m := &s.arena, s.room
	s.room = room{}
	for r := m.first; r != 0; {
		next := *a.nextPart(m.first, r)
		a.free(r)
		r = next
	}
}
