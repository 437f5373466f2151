package cache

import (
	"fmt"
	"math"
)

// checkInvariants returns the first violation of an invariant in the cache, or
// nil.
func (c *Cache) checkInvariants() error { return c.inspect(&inspection{}) }

func (c *Cache) inspect(seen *inspection) error {
	for i := range c.shards {
		if err := c.shards[i].inspect(seen); err != nil {
			return fmt.Errorf("shard %d: %w", i, err)
		}
	}
	return nil
}

// inspect checks all invariants of the shard in one lock hold.
func (s *shard) inspect(seen *inspection) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	seen.reset(int(s.arena.units))
	for _, check := range []func(*inspection) error{s.checkRuns, s.checkHoles, s.checkIndex, s.checkLists, s.checkGhosts} {
		if err := check(seen); err != nil {
			return err
		}
	}
	return nil
}

// inspection is the state of one check of a shard. It is reused, because the
// model test checks after each of millions of steps.
type inspection struct {
	runs    []run  // by ref; 0 where none begins
	entry   []bool // by ref: the index has an entry there
	entries int
	holes   int
	pieces  int
	spills  int

	id, value []byte
}

func (seen *inspection) reset(units int) {
	clear(seen.runs)
	clear(seen.entry)
	if units > len(seen.runs) {
		seen.runs, seen.entry = make([]run, units), make([]bool, units)
	}
	seen.entries, seen.holes, seen.pieces, seen.spills = 0, 0, 0, 0
}

// checkRuns: blocks follow each other without a gap, up to a sentinel, and each
// knows whether a free block precedes it.
func (s *shard) checkRuns(seen *inspection) error {
	a := &s.arena
	holeUnits := int64(a.end - a.top)
	rooms := map[ref]bool{}
	for r := s.room.first; r != 0; r = *a.nextPart(s.room.first, r) {
		rooms[r] = true
	}
	afterHoleRun := false
	for r := ref(0); ; {
		h := *a.run(r)
		seen.runs[r] = h
		if h.is(afterHole) != afterHoleRun {
			return fmt.Errorf("run %d (kind %d): afterHole is %v", r, h.kind(), h.is(afterHole))
		}
		afterHoleRun = h.kind() == isHole
		switch h.kind() {
		case isHole:
			if h.is(unlisted) {
				if !a.isRetired(r, h.units()) {
					return fmt.Errorf("hole %d is in no list", r)
				}
			} else {
				holeUnits += int64(h.units())
				seen.holes++
			}
			if last := *a.lastWord(r, h.units()); last != h.units() {
				return fmt.Errorf("hole %d of %d units ends with %d", r, h.units(), last)
			}
		case isPiece:
			seen.pieces++
		case isSpill:
			seen.spills++
		case isClaimed:
			if !rooms[r] {
				return fmt.Errorf("run %d is claimed by nobody", r)
			}
		case isEdge:
			if r != 0 && r != a.top {
				return fmt.Errorf("run %d is an edge between 0 and %d", r, a.top)
			}
		}
		if r == a.top {
			break
		}
		if h.units() == 0 || r+ref(h.units()) > a.top {
			return fmt.Errorf("run %d of %d units ends beyond %d", r, h.units(), a.top)
		}
		r += ref(h.units())
	}
	if a.units != int64(a.end)+1 {
		return fmt.Errorf("the arena has %d units and ends at %d", a.units, a.end)
	}
	if holeUnits != a.holeUnits {
		return fmt.Errorf("%d units are free, %d are accounted for as free", holeUnits, a.holeUnits)
	}
	return nil
}

// checkHoles: each free block is in the list of its class, and nothing else is.
func (s *shard) checkHoles(seen *inspection) error {
	a := &s.arena
	n := 0
	for class, r := range a.holes {
		if (a.nonEmpty[class/64]&(1<<(class%64)) != 0) != (r != 0) {
			return fmt.Errorf("class %d: the bitmap is wrong", class)
		}
		first, last, given := r, r, false
		for before := ref(0); r != 0; before, r = r, a.hole(r).next {
			h := seen.runs[r]
			if h == 0 || h.kind() != isHole || h.is(unlisted) || classOf(h.units()) != class || before != 0 && a.hole(r).prev != before {
				return fmt.Errorf("class %d: %d should not be in its list, or not there", class, r)
			}
			if class >= classOf(giveBackUnits) {
				if done := a.hole(r).given == h.units(); given && !done {
					return fmt.Errorf("class %d: %d is behind a hole that was given back, and was not", class, r)
				} else if done {
					given = true
				}
			}
			n, last = n+1, r
		}
		if first != 0 && a.hole(first).prev != last {
			return fmt.Errorf("class %d: %d is the last of the list, not %d", class, last, a.hole(first).prev)
		}
	}
	if n != seen.holes {
		return fmt.Errorf("%d holes, of which %d are listed", seen.holes, n)
	}
	return nil
}

// checkIndex: the index finds each entry under its own ID, and nothing else.
func (s *shard) checkIndex(seen *inspection) error {
	x := &s.index
	spills, pieces := 0, 0
	for i := range x.segments {
		if h := seen.runs[x.segments[i]]; h.kind() != isSegment || h.units() < s.segmentUnits() || s.arena.label(x.segments[i]).number != uint32(i) {
			return fmt.Errorf("segment %d is not at %d", i, x.segments[i])
		}
	}
	if x.buckets < x.topBit || x.buckets >= 2*x.topBit || uint32(len(x.segments)) != (x.buckets+1<<x.shift-1)>>x.shift {
		return fmt.Errorf("%d buckets of which the top bit is %d, %d segments", x.buckets, x.topBit, len(x.segments))
	}
	ids, values := int64(0), int64(0)
	for n := range x.buckets {
		earliest := int64(math.MaxInt64)
		for b := s.bucketAt(n); b != nil; b = s.following(b) {
			empty := false
			for i, v := range b {
				switch {
				case v == 0:
					empty = true
					continue
				case empty:
					return fmt.Errorf("bucket %d has a gap", n)
				case v.link():
					spills++
					if i != slotsPerBucket-1 || seen.runs[v.ref()].kind() != isSpill || s.arena.bucket(v.ref(), 0)[1] == 0 {
						return fmt.Errorf("bucket %d: a wrong link", n)
					}
					continue
				}
				r := v.ref()
				if !seen.runs[r].isEntry() {
					return fmt.Errorf("bucket %d: no entry at %d", n, r)
				}
				seen.id = s.arena.appendID(seen.id[:0], r)
				if s.tagAt(r) != v.tag() || x.numberOf(v.tag()) != n || s.find(string(seen.id), v.tag()) != r {
					return fmt.Errorf("bucket %d: the entry at %d is not found", n, r)
				}
				seen.entry[r] = true
				seen.entries++
				earliest = min(earliest, s.arena.record(r).deadline)
				ids += int64(len(seen.id))
				values += int64(s.arena.valueLen(r))
				if seen.runs[r].kind() == isHead {
					seen.value = s.arena.appendValue(seen.value[:0], r, s.arena.record(r).idLen())
					if len(seen.value) != int(s.arena.valueLen(r)) {
						return fmt.Errorf("the entry at %d should have %d bytes, but has %d", r, s.arena.valueLen(r), len(seen.value))
					}
					for p := s.arena.record(r).next; p != 0; p = s.arena.piece(p).next {
						pieces++
						if seen.runs[p].kind() != isPiece {
							return fmt.Errorf("the entry at %d has no piece at %d", r, p)
						}
					}
				}
			}
		}
		if s.segmentEarliest[n>>x.shift] > earliest || s.earliest > earliest {
			return fmt.Errorf("bucket %d has the deadline %d, the segment's earliest is %d, the shard's %d", n, earliest, s.segmentEarliest[n>>x.shift], s.earliest)
		}
	}
	if spills != seen.spills || pieces != seen.pieces {
		return fmt.Errorf("%d spills and %d pieces, of which %d and %d are in use", seen.spills, seen.pieces, spills, pieces)
	}
	if ids != s.idBytes || values != s.valueBytes {
		return fmt.Errorf("IDs of %d bytes and values of %d, accounted for as %d and %d", ids, values, s.idBytes, s.valueBytes)
	}
	return nil
}

// checkLists: each entry of the index is in one list, the one of its segment.
func (s *shard) checkLists(seen *inspection) error {
	a := &s.arena
	listed := 0
	for _, l := range []*list{&s.order.probation, &s.order.protected} {
		n, units := uint32(0), int64(0)
		newer := ref(0)
		for r := l.newest; l.count > 0; r = a.record(r).older {
			if !seen.entry[r] || s.order.listOf(a.record(r)) != l {
				return fmt.Errorf("%d is in a list, but no entry of it", r)
			}
			if newer != 0 && a.record(r).newer != newer {
				return fmt.Errorf("the entry at %d is newer than that at %d, not than that at %d", a.record(r).newer, r, newer)
			}
			n++
			units += a.weight(r)
			if newer = r; r == l.oldest {
				break
			}
			if n > l.count {
				return fmt.Errorf("a list of %d entries has no end", l.count)
			}
		}
		if n != l.count || units != l.units {
			return fmt.Errorf("a list of %d entries and %d units, accounted for as %d and %d", n, units, l.count, l.units)
		}
		listed += int(n)
	}
	if listed != seen.entries {
		return fmt.Errorf("%d entries, of which %d are in the lists", seen.entries, listed)
	}
	return nil
}

// checkGhosts: the limit of the protected segment is within its bounds, and the
// ghost lists have equal lengths, a power of two.
func (s *shard) checkGhosts(*inspection) error {
	if share := s.order.protectedShare; share < 0 || share > max(0, s.owner.options.Protected) {
		return fmt.Errorf("the share of the protected is %v, of at most %v", share, s.owner.options.Protected)
	}
	g := s.ghosts
	if n := g.ofEachKind(); n > 0 && (int(n) != len(g.again) || n&(n-1) != 0) {
		return fmt.Errorf("there are %d and %d ghosts", len(g.once), len(g.again))
	}
	return nil
}
