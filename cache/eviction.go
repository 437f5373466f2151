package cache

import (
	"math"
	"time"
)

// EvictionReason is the reason for the removal of an entry that no caller
// deleted. The zero value is none of the reasons.
type EvictionReason uint8

const (
	// Capacity: the memory was needed for another entry.
	Capacity EvictionReason = iota + 1
	// Expired: the entry's deadline came.
	Expired
)

// String returns "capacity", "expired" or "unknown", as a label for logs and
// metrics.
func (r EvictionReason) String() string {
	switch r {
	case Capacity:
		return "capacity"
	case Expired:
		return "expired"
	}
	return "unknown"
}

// evictVictim evicts one entry, or some expired ones, and reports false if the
// shard is empty. It prefers expired entries to a live victim.
func (s *shard) evictVictim() bool {
	if s.earliest <= s.now && s.evictSomeExpired() {
		return true
	}
	s.arena.Work++
	s.timeSomeHolds()
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

// evict removes the entry at r and queues the call of OnEvict.
func (s *shard) evict(r ref, t tag, reason EvictionReason) {
	if s.notifies {
		s.notify(string(s.arena.appendID(nil, r)), reason)
	}
	s.drop(r, t)
	s.counts.evictions[reason-1]++
}

// evictionOrder is a segmented LRU (SLRU: Karedla, Love and Wherry, 1994). A
// new entry starts in the probation segment. Its next use promotes it to the
// protected segment, whose size has a limit. When room is needed and the limit
// is exceeded, the longest idle protected entries are demoted to the recent end
// of probation. Victims come from probation first, so entries that are never
// used again evict each other and no protected entry.
//
// In plain LRU the protected segment stays empty.
type evictionOrder struct {
	since   uint64 // the tick at which the age of listAfterUse began, or isShort
	sinceOf ref    // the entry that since belongs to, or 0
	plain   bool

	protected list
	probation list

	protectedShare float64 // limit of protected, as a share of the memory; ghosts.go adapts it
}

// A use moves its entry to the front of the list, which writes to memory that
// other processors read. The move gains little for an entry that moved there
// shortly before, and in skewed traffic most uses are of that kind. So an entry
// stays in place at a use if its latest move was less than an eighth of the
// list's age ago, and less than refreshAfter. The age of a list is the time
// since the latest move of its oldest entry. A short list has no age: only the
// newest entry stays in place there, and the order is exact. While Load sorts a
// list, the age is that of the entry at its end.
const (
	ageShare     = 8
	refreshAfter = uint64(1e9 >> tickShift)
	shortList    = 8 // a list of fewer entries is short

	isShort = math.MaxUint64
)

// isRecent reports whether the entry at r, which is in listAfterUse, stays in
// place at a use.
func (o *evictionOrder) isRecent(r ref, lastUse, tick uint64) bool {
	idle := tick - lastUse
	if idle >= refreshAfter {
		return false
	}
	if o.since == isShort {
		return r == o.listAfterUse().newest
	}
	return (idle+1)*ageShare <= tick-o.since
}

// noteAge sets since after a change of the list.
func (o *evictionOrder) noteAge(a *records) {
	l := o.listAfterUse()
	switch {
	case l.count < shortList:
		if o.since != isShort {
			o.since, o.sinceOf = isShort, 0
		}
	case l.oldest != o.sinceOf:
		o.since, o.sinceOf = a.record(l.oldest).lastUse(), l.oldest
	}
}

func (o *evictionOrder) listOf(h *record) *list {
	if h.header.Is(protected) {
		return &o.protected
	}
	return &o.probation
}

// listAfterUse returns the list for an entry that was used again.
func (o *evictionOrder) listAfterUse() *list {
	if o.plain {
		return &o.probation
	}
	return &o.protected
}

// add adds a new entry.
func (o *evictionOrder) add(a *records, r ref, tick uint64) {
	o.probation.push(a, r, tick)
	o.noteAge(a)
}

// addUsed adds an entry that was used again or replaces another.
func (o *evictionOrder) addUsed(a *records, r ref, tick uint64) {
	if !o.plain {
		a.Header(r).Set(protected)
		a.record(r).setUsedAgain()
	}
	o.listAfterUse().push(a, r, tick)
	o.noteAge(a)
}

func (o *evictionOrder) remove(a *records, r ref) {
	h := a.record(r)
	l := o.listOf(h)
	l.unlink(a, r)
	h.header.Clear(protected)
	o.noteAge(a)
}

// use moves an entry to the front of its list after a use, unless it is near
// the front already.
func (o *evictionOrder) use(a *records, r ref, tick uint64) {
	h := a.record(r)
	if (h.header.Is(protected) || o.plain) && o.isRecent(r, h.lastUse(), tick) {
		return
	}
	o.listOf(h).unlink(a, r)
	o.addUsed(a, r, tick)
}

// setLastUse changes the latest use of the entry at r, which stays in place.
func (o *evictionOrder) setLastUse(a *records, r ref, tick uint64) {
	a.record(r).setLastUse(tick)
	o.sinceOf = 0
	o.noteAge(a)
}

// moveToEnd makes the entry at r the oldest of its list.
func (o *evictionOrder) moveToEnd(a *records, r ref) {
	o.listOf(a.record(r)).moveToEnd(a, r)
	o.noteAge(a)
}

// replace puts the record at to in the place of the record at from.
func (o *evictionOrder) replace(a *records, from, to ref) {
	f := a.record(from)
	l := o.listOf(f)
	t := a.record(to)
	t.header.Set(f.header & protected)
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
	l.granules += a.weight(to) - a.weight(from)
	o.noteAge(a)
}

// demote moves the longest idle protected entries to probation while they
// exceed the limit, at most most of them. The rest wait until more room is
// needed.
func (o *evictionOrder) demote(a *records, tick uint64, most int) {
	for limit := o.protectedLimit(a); o.protected.granules > limit && most > 0; most-- {
		r := o.protected.oldest
		lastUse := a.record(r).lastUse()
		o.protected.unlink(a, r)
		a.Header(r).Clear(protected)
		o.probation.push(a, r, tick)
		a.record(r).setLastUse(lastUse)
	}
	o.noteAge(a)
}

// protectedLimit returns the limit of protected, in granules.
func (o *evictionOrder) protectedLimit(a *records) int64 {
	return int64(o.protectedShare * float64(a.Granules()))
}

// maxDemotions bounds the work of one eviction.
const maxDemotions = 64

// victim returns the entry to evict next, or 0 if there is none. demote does
// not change the victim.
func (o *evictionOrder) victim() ref {
	if o.probation.oldest != 0 {
		return o.probation.oldest
	}
	return o.protected.oldest
}

// idle returns the time since the latest use of the entry at r.
func (s *shard) idle(r ref) time.Duration {
	return max(0, time.Duration(s.now-int64(s.arena.record(r).lastUse()<<tickShift)))
}
