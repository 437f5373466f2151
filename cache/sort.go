package cache

import (
	"cmp"
	"slices"
)

// Load stores entries in the order of the stream. Afterwards it sorts their
// lists by latest use, in steps and mostly outside the lock. Each walk over the
// shard collects the latest uses that are not sorted yet. Then each of these
// entries moves to the end of its list, the latest use first. In the end a list
// has the entries used meanwhile, followed by the sorted ones.

// use is the time of an entry's latest use. The tag finds the entry again after
// it has moved.
type use struct {
	tick uint64
	tag  tag
}

// byUse orders uses from the latest to the earliest.
func byUse(a, b use) int {
	if a.tick != b.tick {
		return cmp.Compare(b.tick, a.tick)
	}
	return cmp.Compare(b.tag, a.tag)
}

const (
	// One walk sorts an eighth of the entries, within these bounds. It needs
	// memory for a quarter more.
	sortShare = 8
	sortLeast = 1 << 12
	sortMost  = 1 << 18

	sortVisits = 1024 // entries visited in one lock hold
	sortMoves  = 256  // entries moved in one lock hold
)

// sortByUse sorts the shard's lists by latest use.
func (c *Cache) sortByUse(s *shard) {
	c.lockUnchanged(s)
	most := min(max(s.entries()/sortShare, sortLeast), sortMost)
	c.unlock(s)
	uses := make([]use, 0, most+most/4+2*sortVisits) // no allocation under the lock
	for before, more := (use{tick: ^uint64(0)}), true; more; {
		uses, more = c.latestUses(uses[:0], most, s, before)
		for rest := uses; len(rest) > 0; {
			n := min(sortMoves, len(rest))
			c.lock(s)
			s.timeHold(holdSort)
			for _, u := range rest[:n] {
				if !s.closed {
					s.moveToEnd(u)
				}
			}
			c.unlock(s)
			rest = rest[n:]
		}
		if more {
			before = uses[len(uses)-1]
		}
	}
}

// latestUses collects the latest uses before the given one in uses, which is
// empty, at most most of them and in order. It reports whether earlier ones
// exist.
func (c *Cache) latestUses(uses []use, most int, s *shard, before use) (latest []use, more bool) {
	after := use{} // earlier uses are not among the latest
	keep := func() {
		slices.SortFunc(uses, byUse)
		if len(uses) > most {
			uses, more = uses[:most], true
			after = uses[most-1]
		}
	}
	for w := (walk{shard: s}); !w.done; {
		c.lockUnchanged(s)
		s.timeHold(holdSort)
		w.done = w.done || s.closed
		uses = s.appendUses(uses, &w, before, after)
		c.unlock(s)
		if len(uses) >= most+most/4 {
			keep()
		}
	}
	keep()
	return uses, more
}

// appendUses appends the uses between before and after of the entries that w
// visits next.
func (s *shard) appendUses(uses []use, w *walk, before, after use) []use {
	batch := make([]slot, 0, walkBatchCap)
	for n := 0; n < sortVisits && !w.done; n += len(batch) {
		batch = s.nextBatch(w, batch)
		for _, v := range batch {
			if u := (use{s.arena.record(v.ref()).lastUse(), v.tag()}); byUse(before, u) < 0 && byUse(u, after) <= 0 {
				uses = append(uses, u)
			}
		}
	}
	return uses
}

// moveToEnd moves the entries with that tag and latest use to the ends of their
// lists.
func (s *shard) moveToEnd(u use) {
	for b := s.bucketAt(s.index.numberOf(u.tag)); b != nil; b = s.following(b) {
		for _, v := range b {
			if v == 0 || v.link() || v.tag() != u.tag {
				continue
			}
			if h := s.arena.record(v.ref()); h.lastUse() == u.tick {
				s.order.moveToEnd(&s.arena, v.ref())
			}
		}
	}
}
