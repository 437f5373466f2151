package cache

import (
	"errors"
	"fmt"
	"math"
	"testing"
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
	if s.seq&1 != 0 {
		return errors.New("the sequence number is odd after a change")
	}
	seen.reset(int(s.arena.Granules()))
	for _, check := range []func(*inspection) error{s.checkBlocks, s.checkIndex, s.checkLists, s.checkGhosts} {
		if err := check(seen); err != nil {
			return err
		}
	}
	return nil
}

// inspection is the state of one check of a shard. It is reused, because the
// model test checks after each of millions of steps.
type inspection struct {
	headers   []header // by ref; 0 where no block begins
	entry     []bool   // by ref: whether it is one of the index
	entries   int
	fragments int
	overflows int

	id, value []byte
}

func (seen *inspection) reset(granules int) {
	clear(seen.headers)
	clear(seen.entry)
	if granules > len(seen.headers) {
		seen.headers, seen.entry = make([]header, granules), make([]bool, granules)
	}
	seen.entries, seen.fragments, seen.overflows = 0, 0, 0
}

// checkBlocks: the arena is intact, and reserved blocks are those of the room.
func (s *shard) checkBlocks(seen *inspection) error {
	a := &s.arena
	if err := a.Check(seen.headers); err != nil {
		return err
	}
	rooms := map[ref]bool{}
	for r := s.room.first; r != 0; r = *a.nextFragment(s.room.first, r) {
		rooms[r] = true
	}
	for r, h := range a.Blocks() {
		switch h.Kind() {
		case isFragment:
			seen.fragments++
		case isOverflow:
			seen.overflows++
		case isReserved:
			if !rooms[r] {
				return fmt.Errorf("block %d is reserved for nothing", r)
			}
		}
	}
	return nil
}

func isEntry(h header) bool { return h.Kind() == isRecord || h.Kind() == isChain }

// checkIndex: the index finds each entry under its own ID, and nothing else.
func (s *shard) checkIndex(seen *inspection) error {
	x := &s.index
	overflows, fragments := 0, 0
	for i := range x.segments {
		if h := seen.headers[x.segments[i]]; h.Kind() != isSegment || h.Granules() < s.segmentGranules() || s.arena.label(x.segments[i]).number != uint32(i) {
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
					overflows++
					if i != slotsPerBucket-1 || seen.headers[v.ref()].Kind() != isOverflow || s.arena.bucket(v.ref(), 0)[1] == 0 {
						return fmt.Errorf("bucket %d: a wrong link", n)
					}
					continue
				}
				r := v.ref()
				if !isEntry(seen.headers[r]) {
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
				if seen.headers[r].Kind() == isChain {
					seen.value = s.arena.appendValue(seen.value[:0], r, s.arena.record(r).idLen())
					if len(seen.value) != int(s.arena.valueLen(r)) {
						return fmt.Errorf("the entry at %d should have %d bytes, but has %d", r, s.arena.valueLen(r), len(seen.value))
					}
					for p := s.arena.record(r).next; p != 0; p = s.arena.fragment(p).next {
						fragments++
						if seen.headers[p].Kind() != isFragment {
							return fmt.Errorf("the entry at %d has no fragment at %d", r, p)
						}
					}
				}
			}
		}
		if s.segmentEarliest[n>>x.shift] > earliest || s.earliest > earliest {
			return fmt.Errorf("bucket %d has the deadline %d, the segment's earliest is %d, the shard's %d", n, earliest, s.segmentEarliest[n>>x.shift], s.earliest)
		}
	}
	if uint32(overflows) != x.overflows {
		return fmt.Errorf("%d overflow buckets, accounted for as %d", overflows, x.overflows)
	}
	if overflows != seen.overflows || fragments != seen.fragments {
		return fmt.Errorf("%d overflow buckets and %d fragments; %d and %d are in use", seen.overflows, seen.fragments, overflows, fragments)
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
		n, granules := uint32(0), int64(0)
		newer := ref(0)
		for r := l.newest; l.count > 0; r = a.record(r).older {
			if !seen.entry[r] || s.order.listOf(a.record(r)) != l {
				return fmt.Errorf("%d is in a list, but no entry of it", r)
			}
			if newer != 0 && a.record(r).newer != newer {
				return fmt.Errorf("the entry at %d is newer than that at %d, not than that at %d", a.record(r).newer, r, newer)
			}
			n++
			granules += a.weight(r)
			if newer = r; r == l.oldest {
				break
			}
			if n > l.count {
				return fmt.Errorf("a list of %d entries has no end", l.count)
			}
		}
		if n != l.count || granules != l.granules {
			return fmt.Errorf("a list of %d entries and %d granules, accounted for as %d and %d", n, granules, l.count, l.granules)
		}
		listed += int(n)
	}
	o := &s.order
	if l := o.listAfterUse(); l.count < shortList {
		if o.since != isShort {
			return fmt.Errorf("a list of %d entries has an age", l.count)
		}
	} else if o.sinceOf != l.oldest || o.since != a.record(l.oldest).lastUse() {
		return fmt.Errorf("the age began at %d, with the entry at %d; the oldest is at %d", o.since, o.sinceOf, l.oldest)
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

// skipUnderRace leaves out a long test of one goroutine, in which the race
// detector has nothing to find.
func skipUnderRace(t *testing.T) {
	t.Helper()
	if raceEnabled {
		t.Skip("one goroutine, and slow under the race detector")
	}
}
