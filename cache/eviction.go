package cache

import "time"

// EvictionReason tells why an entry left the cache without being deleted.
type EvictionReason uint8

const (
	// Capacity: room was needed for another entry.
	Capacity EvictionReason = iota + 1
	// Expired: the entry's TTL had run out.
	Expired
)

// String returns the reason in lower case, as a label for logs and metrics.
func (r EvictionReason) String() string {
	switch r {
	case Capacity:
		return "capacity"
	case Expired:
		return "expired"
	}
	return "unknown"
}

// evictVictim evicts the entry that is to go next, and reports false if there
// is none. Where some entry has expired it is that rather than a live one.
func (s *shard) evictVictim() bool {
	if s.earliest <= s.now && s.evictSomeExpired() {
		return true
	}
	s.arena.work++
	s.order.demote(&s.arena, tickOf(s.now), maxDemotions)
	r := s.order.victim()
	if r == 0 {
		return false
	}
	h, t := s.arena.record(r), s.tagAt(r)
	if h.deadline <= s.now {
		s.evict(r, t, Expired)
		return true
	}
	s.addGhost(t, h.usedAgain())
	s.evict(r, t, Capacity)
	return true
}

// evict removes the entry at r and keeps its ID for OnEvict.
func (s *shard) evict(r ref, t tag, reason EvictionReason) {
	if s.collectEvicted {
		s.notify(string(s.arena.appendID(nil, r)), reason)
	}
	s.drop(r, t)
	s.counts.evictions[reason-1]++
}

// evictionOrder is a segmented LRU. An entry starts in probation; its next use
// takes it to protected, whose size is limited. Where room is needed and the
// limit exceeded, the longest idle of protected go back to probation, at its
// recent end. Victims come from probation first, so entries that are never used
// again can push out each other but not those in protected.
//
// In plain LRU protected stays empty.
type evictionOrder struct {
	plain bool

	protected list
	probation list

	protectedShare float64 // of the memory; it follows what the sessions do (see ghosts.go)
}

func (o *evictionOrder) listOf(h *record) *list {
	if h.run.is(protected) {
		return &o.protected
	}
	return &o.probation
}

// listAfterUse is where an entry belongs that has been used again.
func (o *evictionOrder) listAfterUse() *list {
	if o.plain {
		return &o.probation
	}
	return &o.protected
}

// add puts a new entry in its place.
func (o *evictionOrder) add(a *arena, r ref, tick uint64) { o.probation.push(a, r, tick) }

// addUsed puts an entry in its place that takes another's.
func (o *evictionOrder) addUsed(a *arena, r ref, tick uint64) {
	if !o.plain {
		a.run(r).set(protected)
		a.record(r).setUsedAgain()
	}
	o.listAfterUse().push(a, r, tick)
}

func (o *evictionOrder) remove(a *arena, r ref) {
	h := a.record(r)
	l := o.listOf(h)
	l.unlink(a, r)
	l.afterUnlink()
	h.run.clear(protected)
}

// use moves an entry to where the most recently used are, unless it is there.
func (o *evictionOrder) use(a *arena, r ref, tick uint64) {
	h := a.record(r)
	if (h.run.is(protected) || o.plain) && o.listAfterUse().isRecent(h, tick) {
		return
	}
	o.listOf(h).unlink(a, r)
	o.addUsed(a, r, tick)
}

// replace puts the record at to where that at from is.
func (o *evictionOrder) replace(a *arena, from, to ref) {
	f := a.record(from)
	l := o.listOf(f)
	t := a.record(to)
	t.run.set(f.run & protected)
	t.older, t.newer = f.older, f.newer
	if l.newest == from {
		l.newest = to
	} else {
		a.record(f.newer).older = to
	}
	if l.oldest == from {
		l.oldest = to
	} else {
		a.record(f.older).newer = to
	}
	l.units += a.weight(to) - a.weight(from)
}

// demote lets the longest idle of protected go back to probation, as long as
// they take more than their share. At most most do so at a time: the rest can
// wait until more room is needed.
func (o *evictionOrder) demote(a *arena, tick uint64, most int) {
	limit := int64(o.protectedShare * float64(a.units))
	for ; o.protected.units > limit && most > 0; most-- {
		r := o.protected.oldest
		lastUse := a.record(r).lastUse()
		o.protected.unlink(a, r)
		o.protected.afterUnlink()
		a.run(r).clear(protected)
		o.probation.push(a, r, tick)
		a.record(r).setLastUse(lastUse)
	}
}

// maxDemotions bounds the work of one eviction.
const maxDemotions = 64

// victim returns the entry to evict next, or 0 if there is none. It is the same
// before demote and after it.
func (o *evictionOrder) victim() ref {
	if o.probation.oldest != 0 {
		return o.probation.oldest
	}
	return o.protected.oldest
}

// idle returns for how long the entry at r has not been used.
func (s *shard) idle(r ref) time.Duration {
	return max(0, time.Duration(s.now-int64(s.arena.record(r).lastUse()<<tickShift)))
}
