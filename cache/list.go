package cache

import "math"

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
func (l *list) afterUnlink() {
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

// weight is the units of the entry at r, about, without a look at its pieces.
func (a *arena) weight(r ref) int64 {
	h := a.record(r)
	if h.run.kind() == isRecord {
		return int64(h.run.units())
	}
	return int64(unitsFor(headHeadBytes + h.idLen() + a.head(r).length))
}
