package cache

import (
	"errors"
	"slices"
)

// An entry of up to smallEntry bytes gets its memory in one lock hold: some
// hundreds of evictions at most free as much. So does any entry in a shard with
// few entries. All other entries are large. If no free block is long enough, a
// large entry becomes a chain of fragments of about fragmentBytes or more,
// which the shard gathers in several lock holds: among tiny entries, a value of
// 1 MiB takes the place of 20,000 of them. The shard's room keeps the fragments
// in the meantime.
const (
	smallEntry = 8 << 10
	fewEntries = 512

	fragmentBytes    = 8 << 10
	fragmentGranules = fragmentBytes / granule

	// If no fragment of that length can be had, for example since segments of
	// the index are in the way, the others are half as long, but not shorter
	// than this.
	shortFragmentGranules = 512 / granule

	// One lock hold evicts or moves about workMost entries and copies about
	// copyMost bytes. It finishes a fragment that it has begun.
	workMost = 256
	copyMost = 64 << 10
)

// errInSteps means that the entry is large and needs several lock holds. It
// never reaches a caller of the package.
var errInSteps = errors.New("cache: room has to be made in steps")

// errNoRoom means that the entry does not fit even though the shard is empty.
var errNoRoom = errors.New("cache: no room in an empty shard")

// isLarge reports whether room for an entry of length bytes may have to be made
// in steps. While the cap shrinks, that is so for every entry: a victim may lie
// in the retired memory, where it makes no room.
func (s *shard) isLarge(length uint32) bool {
	return length > smallEntry && s.entries() > fewEntries || s.arena.Retiring() || s.gathers && s.room.length == length
}

// inSteps calls step, each time in a new lock hold, until it returns something
// else than errInSteps, and returns that. The caller holds the lock, and its
// own call of step has returned errInSteps. inSteps releases the lock. It
// notifies OnEvict at the end, so that OnEvict may store large values itself.
// id is the ID that step stores.
func (c *Cache) inSteps(s *shard, id string, t tag, step func() error) error {
	victims, stored := s.unlock(), false
	s.making.Lock()
	err := errInSteps
	for err == errInSteps {
		c.lock(s)
		s.timeHold(holdLarge)
		s.gathers, s.arena.Work = true, 0
		err = step()
		s.gathers = false
		if err != errInSteps {
			s.freeRoom()                              // the step may not have needed it any more
			stored = err == nil && s.find(id, t) != 0 // a closed shard has no index
		}
		victims = append(victims, s.unlock()...)
	}
	s.making.Unlock()
	if stored { // the entry was replaced, also if it was a victim before
		victims = slices.DeleteFunc(victims, func(v evicted) bool { return v.id == id })
	}
	c.notifyAll(victims)
	return err
}

// makeRoom returns memory for an entry of length bytes. It evicts the longest
// idle entries until there is such memory. It returns 0 if the shard is empty
// and still has none.
func (s *shard) makeRoom(length uint32) ref {
	a := &s.arena
	need, failed := int64(granulesFor(chainHeaderBytes+length)), int64(0)
	before := a.FreeGranules()
	for evicted := 0; ; evicted++ {
		if r := a.allocRecord(length); r != 0 {
			return r
		}
		if free := a.FreeGranules(); free > need+s.reserve || evicted >= reserveSteps && free-before > need+need/4 {
			if free > failed {
				if r := s.compactFor(length); r != 0 {
					return r
				}
				failed = a.FreeGranules() + need/4
			}
			least := leastFragment(length)
			if free-before > 2*need { // the victims are scattered
				least = minBlock
			}
			if r := a.allocChain(length, least); r != 0 {
				return r
			}
		}
		if s.evictVictim() {
			s.shrinkIndex(2)
			continue
		}
		if s.room.first != 0 {
			s.freeRoom() // the Set that gathers it starts over
			continue
		}
		s.shrinkIndex(int(s.index.buckets))
		return a.allocEntry(length)
	}
}

// One 64th of the memory stays free, so that free blocks are long and few
// entries have to be moved or split. If less is free, an entry for which no
// free block is long enough evicts a quarter more than it needs, and at least
// reserveSteps entries.
const (
	reserveShare = 64
	reserveSteps = 16
)

// compactFor returns a block for an entry of length bytes that a compaction has
// made, or 0.
func (s *shard) compactFor(length uint32) ref {
	granules := granulesFor(recordHeaderBytes + length)
	if granules > fragmentGranules {
		return 0
	}
	r := s.compact(granules)
	if r != 0 {
		s.arena.Trim(r, granules)
		s.arena.makeRecord(r, length)
	}
	return r
}

// leastFragment returns how many granules each fragment of an entry should
// have, except for the last one. Then the entry has about four fragments, or
// fragments of fragmentBytes.
func leastFragment(length uint32) uint32 {
	return max(minChainGranules, min(granulesFor(length)/4, fragmentGranules))
}

// room holds the fragments gathered so far for a large entry: reserved blocks,
// linked like those of a chain.
type room struct {
	bytes  int64  // that fit in the fragments
	enough int64  // with so many granules free, no more eviction is needed for the reserve
	free   int64  // granules that were free at the end of the latest step
	length uint32 // of the entry
	first  ref    // 0: there is no room
	last   ref
	least  uint32 // granules of the next fragments
}

// gather continues to make room for a large entry of length bytes. It returns
// the entry's memory, or errInSteps when it has done enough for one lock hold,
// or errNoRoom.
func (s *shard) gather(length uint32) (ref, error) {
	a, m := &s.arena, &s.room
	if m.length != length {
		s.freeRoom()
		need := int64(granulesFor(length))
		*m = room{length: length, least: fragmentGranules, enough: min(need+s.reserve, a.FreeGranules()+2*need)}
	}
	if a.FreeGranules() < m.free {
		m.enough = 0 // others use the victims' memory, so gather takes each fragment at once
	}
	failed := int64(0) // there is nothing to compact until more than this is free
	for m.first == 0 || m.bytes < int64(length) {
		if m.first == 0 {
			if r := a.allocRecord(length); r != 0 {
				return r, nil
			}
			if a.FreeGranules() < m.enough { // the more is free, the fewer fragments there are
				if a.Work >= workMost {
					m.free = a.FreeGranules()
					return 0, errInSteps
				}
				if s.evictVictim() {
					continue
				}
			}
		}
		head := uint32(fragmentHeaderBytes)
		if m.first == 0 {
			head = chainHeaderBytes
		}
		want := min(int64(length)-m.bytes+int64(head), maxBlock*granule)
		granules := granulesFor(uint32(want))
		least := max(minBlock, min(granules, m.least))
		if m.first == 0 {
			least = max(least, minChainGranules)
		}
		r := a.AllocUpTo(granules, least, isReserved)
		if r == 0 && a.Work < workMost && a.FreeGranules() > failed {
			if r = s.compact(least); r == 0 && m.least > shortFragmentGranules {
				m.least /= 2
				continue
			} else if r == 0 {
				failed = a.FreeGranules() + fragmentGranules/4
			}
		}
		if r != 0 {
			a.Trim(r, granules)
			m.add(a, r, head)
			continue
		}
		if a.Work >= workMost {
			m.free = a.FreeGranules()
			return 0, errInSteps
		}
		if a.GaveUp() {
			a.Work++
			continue
		}
		if !s.evictVictim() {
			s.freeRoom()
			s.shrinkIndex(int(s.index.buckets))
			if r := a.allocEntry(length); r != 0 {
				return r, nil
			}
			return 0, errNoRoom
		}
		s.shrinkIndex(2)
	}
	return s.useRoom(), nil
}

// add links the block at r, whose first head bytes are its header, to the
// others.
func (m *room) add(a *records, r ref, head uint32) {
	a.Header(r).Clear(protected)
	a.Header(r).SetSlack(0)
	if m.first == 0 {
		m.first = r
		a.chainHeader(r).next = 0
	} else {
		*a.nextFragment(m.first, m.last) = r
		a.fragment(r).next = 0
	}
	m.last = r
	m.bytes += int64(a.Header(r).Granules()*granule - head)
}

// nextFragment returns the link of the block at r in the chain that begins at
// first.
func (a *records) nextFragment(first, r ref) *ref {
	if r == first {
		return &a.record(r).next
	}
	return &a.fragment(r).next
}

// useRoom makes the room the memory of its entry. Then there is no room.
func (s *shard) useRoom() ref {
	a, m := &s.arena, s.room
	s.room = room{}
	a.Header(m.last).SetSlack(uint32(m.bytes - int64(m.length)))
	a.Header(m.first).SetKind(isChain)
	for r := a.record(m.first).next; r != 0; r = a.fragment(r).next {
		a.Header(r).SetKind(isFragment)
	}
	return m.first
}

// freeRoom frees the fragments gathered so far.
func (s *shard) freeRoom() {
	a, m := &s.arena, s.room
	s.room = room{}
	for r := m.first; r != 0; {
		next := *a.nextFragment(m.first, r)
		a.Free(r)
		r = next
	}
}
