package cache

import "math"

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

type evicted struct {
	id  string
	why EvictionReason
}

// evictVictim evicts the entry that is to go next, and reports false if there
// is none. Where some entry has expired it is that rather than a live one.
func (s *shard) evictVictim() bool {
	if s.earliest <= s.now && s.evictSomeExpired() {
		return true
	}
	s.arena.work++
	s.order.demote(&s.arena, tickOf(s.now), demoteMost)
	r := s.order.victim()
	if r == 0 {
		return false
	}
	h, t := s.arena.record(r), s.tagAt(r)
	if h.deadline <= s.now {
		s.evict(r, t, Expired)
		return true
	}
	s.remember(t, h.usedAgain())
	s.evict(r, t, Capacity)
	return true
}

// evict removes the entry at r and keeps its ID for OnEvict.
func (s *shard) evict(r ref, t tag, why EvictionReason) {
	if s.collectEvicted {
		s.notify(string(s.arena.appendID(nil, r)), why)
	}
	s.drop(r, t)
	s.counts.evictions[why-1]++
}

// notify keeps an ID for OnEvict until the lock is released.
func (s *shard) notify(id string, why EvictionReason) {
	if s.collectEvicted {
		s.evicted, s.telling = append(s.evicted, evicted{id, why}), true
	}
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

// usedList is where an entry belongs that has been used again.
func (o *evictionOrder) usedList() *list {
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
	o.usedList().push(a, r, tick)
}

func (o *evictionOrder) remove(a *arena, r ref) {
	h := a.record(r)
	l := o.listOf(h)
	l.unlink(a, r)
	l.fewer()
	h.run.clear(protected)
}

// use moves an entry to where the most recently used are, unless it is there.
func (o *evictionOrder) use(a *arena, r ref, tick uint64) {
	h := a.record(r)
	if (h.run.is(protected) || o.plain) && o.usedList().isRecent(h, tick) {
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
		o.protected.fewer()
		a.run(r).clear(protected)
		o.probation.push(a, r, tick)
		a.record(r).setLastUse(lastUse)
	}
}

// demoteMost bounds the work of one eviction.
const demoteMost = 64

// victim returns the entry to evict next, or 0 if there is none. It is the same
// before demote and after it.
func (o *evictionOrder) victim() ref {
	if o.probation.oldest != 0 {
		return o.probation.oldest
	}
	return o.protected.oldest
}

// list is the entries of probation or of protected in the order of their latest use.
type list struct {
	// No more than 2/windows of the entries of the list that isRecent is asked of,
	// and two, were pushed after recentAfter.
	recentAfter, windowStart uint64 // ticks

	pushes         uint32 // in the present window
	pushesBefore   uint32 // in the one before, from recentAfter on
	count          uint32
	newest, oldest ref
	units          int64
}

// Moving an entry to the front of its list writes to its neighbours there, which
// are anywhere in memory. For an entry that was moved there shortly before it is
// hardly worth that, and such are most uses where some sessions are much busier
// than others. So an entry that is surely among the newest eighth of its list stays
// where it is. It may be evicted as if that eighth had been used after it; for
// all others, and in lists of less than 32, the order is exact.
const windows = 16

// relinkAfter is the longest that an entry stays where it is however few are
// used after it, so that its lastUse is never further off.
const relinkAfter = uint64(1e9 >> tickShift)

func (l *list) isRecent(h *record, tick uint64) bool {
	last := h.lastUse()
	return last > l.recentAfter && tick < last+relinkAfter
}

// push puts an entry in front.
func (l *list) push(a *arena, r ref, tick uint64) {
	h := a.record(r)
	h.setLastUse(tick)
	h.newer, h.older = 0, l.newest
	if l.newest != 0 {
		a.record(l.newest).newer = r
	} else {
		l.oldest = r
	}
	l.newest = r
	l.count++
	l.units += a.weight(r)
	if l.pushes++; l.pushes > l.count/windows {
		l.pushes, l.pushesBefore = 1, l.pushes-1
		l.recentAfter, l.windowStart = l.windowStart, tick
	}
}

// fewer is called when entries have left the list. If too large a part of it was
// pushed after recentAfter by now, none counts as recent until it is used again.
func (l *list) fewer() {
	most := uint32(2)
	if l.count >= 2*windows {
		most += 2 * l.count / windows
	}
	if l.pushes+l.pushesBefore > most {
		l.pushes, l.pushesBefore = 0, 0
		l.recentAfter, l.windowStart = math.MaxUint64, math.MaxUint64
	}
}

func (l *list) unlink(a *arena, r ref) {
	h := a.record(r)
	newer, older := h.newer, h.older
	if r == l.oldest {
		l.oldest, older = newer, 0
	} else {
		a.record(older).newer = newer
	}
	if r == l.newest {
		l.newest = older
	} else {
		a.record(newer).older = older
	}
	l.count--
	l.units -= a.weight(r)
}

// weight is the units of the entry at r, about, without a look at its pieces.
func (a *arena) weight(r ref) int64 {
	h := a.record(r)
	if h.run.kind() == isRecord {
		return int64(h.run.units())
	}
	return int64(unitsFor(headHeadBytes + h.idLen() + a.head(r).length))
}

// moveToEnd makes the entry at r the oldest of the list.
func (l *list) moveToEnd(a *arena, r ref) {
	if r == l.oldest {
		return
	}
	l.unlink(a, r)
	h := a.record(r)
	h.newer = l.oldest
	a.record(l.oldest).older = r
	l.oldest = r
	l.count++
	l.units += a.weight(r)
}
