package cache

// Reason tells why an entry left the cache without being deleted.
type Reason uint8

const (
	// Capacity: room was needed for another entry.
	Capacity Reason = iota + 1
	// Expired: the entry's TTL had run out.
	Expired
)

// String returns the reason in lower case, as a label for logs and metrics.
func (r Reason) String() string {
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
	why Reason
}

// evictVictim evicts the entry that is to go next, and reports false if there
// is none. Where some entry has expired it is that rather than a live one.
func (s *shard) evictVictim() bool {
	if s.earliest <= s.now && s.evictSomeExpired() {
		return true
	}
	r := s.order.victim()
	if r == 0 {
		return false
	}
	why := Capacity
	if s.arena.record(r).deadline <= s.now {
		why = Expired
	}
	s.evict(r, s.tagAt(r), why)
	return true
}

// evict removes the entry at r and keeps its ID for OnEvict.
func (s *shard) evict(r ref, t tag, why Reason) {
	if s.collectEvicted {
		id := s.arena.appendID(nil, r)
		s.evicted = append(s.evicted, evicted{string(id), why})
	}
	s.drop(r, t)
	s.counts.evictions[why-1]++
}

// evictionOrder is a segmented LRU. An entry starts in probation; its next use
// takes it to protected, whose size is limited. When that is exceeded, the
// longest idle of protected go back to probation, at its recent end. Victims
// come from probation first, so entries that are never used again can push out
// each other but not those in protected.
//
// With a limit of 0 protected stays empty, which is plain LRU.
type evictionOrder struct {
	protected      list
	probation      list
	protectedLimit int64 // units
}

func (o *evictionOrder) init(protectedLimit int64) {
	*o = evictionOrder{protectedLimit: max(0, protectedLimit)}
}

func (o *evictionOrder) listOf(h *record) *list {
	if h.run.is(protected) {
		return &o.protected
	}
	return &o.probation
}

// add puts a new entry in its place.
func (o *evictionOrder) add(a *arena, r ref, tick uint64) { o.probation.push(a, r, tick) }

// addUsed puts an entry in its place that takes another's.
func (o *evictionOrder) addUsed(a *arena, r ref, tick uint64) {
	if o.protectedLimit == 0 {
		o.probation.push(a, r, tick)
		return
	}
	a.run(r).set(protected)
	o.protected.push(a, r, tick)
	o.demote(a, tick)
}

func (o *evictionOrder) remove(a *arena, r ref) {
	h := a.record(r)
	o.listOf(h).unlink(a, r)
	h.run.clear(protected)
}

// use moves an entry to where the most recently used are, unless it is there.
func (o *evictionOrder) use(a *arena, r ref, tick uint64) {
	h := a.record(r)
	switch {
	case h.run.is(protected):
		if !o.protected.isRecent(h, tick) {
			o.protected.unlink(a, r)
			o.protected.push(a, r, tick)
		}
	case o.protectedLimit > 0:
		o.probation.unlink(a, r)
		o.addUsed(a, r, tick)
	case !o.probation.isRecent(h, tick):
		o.probation.unlink(a, r)
		o.probation.push(a, r, tick)
	}
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

// demote makes protected as small as its limit.
func (o *evictionOrder) demote(a *arena, tick uint64) {
	for o.protected.units > o.protectedLimit {
		r := o.protected.oldest
		h := a.record(r)
		o.protected.unlink(a, r)
		h.run.clear(protected)
		lastUse := h.lastUse()
		o.probation.push(a, r, tick)
		h.setLastUse(lastUse)
	}
}

// victim returns the entry to evict next, or 0 if there is none.
func (o *evictionOrder) victim() ref {
	if o.probation.oldest != 0 {
		return o.probation.oldest
	}
	return o.protected.oldest
}

// list is a segment's entries in the order of their latest use.
type list struct {
	newest, oldest ref
	count          uint32
	pushes         uint32 // in the present window
	units          int64

	// An entry pushed after recentAfter has at most 2/windows of the list's
	// entries in front of it, for there were no more pushes since.
	windowStart, recentAfter uint64 // ticks
}

// Moving an entry to the front writes to its neighbours in the list, which are
// anywhere in memory. For an entry that was moved there shortly before it is
// hardly worth that, and such are most uses where some sessions are much busier
// than others. So an entry that is surely among the newest sixteenth of its list
// stays where it is. It may thus be evicted as if that sixteenth had been used
// after it: the order is exact for the rest, and with less than 64 entries.
const windows = 32

// relinkAfter is the longest that an entry stays where it is however few are
// used after it, so that its lastUse is never further off.
const relinkAfter = uint64(1e9 >> tickShift)

func (l *list) isRecent(h *record, tick uint64) bool {
	last := h.lastUse()
	return last > l.recentAfter && tick < last+relinkAfter
}

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
		l.pushes = 1
		l.recentAfter, l.windowStart = l.windowStart, tick
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
