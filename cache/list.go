package cache

import "math"

// list has the entries of one segment, probation or protected, from the newest
// to the oldest by latest use.
type list struct {
	// At most 2/windows of the entries, and two, were pushed after recentAfter.
	recentAfter, windowStart uint64 // ticks

	pushes         uint32 // in the current window
	pushesBefore   uint32 // in the window before, which begins at recentAfter
	count          uint32
	newest, oldest ref
	granules       int64 // the weights of all entries
}

// A move to the front writes to the entry's neighbours, which lie anywhere in
// memory. For an entry that moved there shortly before, the move gains little,
// and in skewed traffic most uses are of that kind. So an entry that is surely
// among the newest eighth of its list stays where it is. It may be evicted as
// if that eighth had been used after it. For all other entries, and in lists of
// fewer than 32, the order is exact.
const windows = 16

// relinkAfter bounds how long an entry stays in place in a list with few uses,
// so that its lastUse is at most that old.
const relinkAfter = uint64(1e9 >> tickShift)

func (l *list) isRecent(h *record, tick uint64) bool {
	last := h.lastUse()
	return last > l.recentAfter && tick < last+relinkAfter
}

// push adds an entry at the front.
func (l *list) push(a *records, r ref, tick uint64) {
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
	l.granules += a.weight(r)
	if l.pushes++; l.pushes > l.count/windows {
		l.pushes, l.pushesBefore = 1, l.pushes-1
		l.recentAfter, l.windowStart = l.windowStart, tick
	}
}

// afterUnlink restores the bound on recent entries after the list became
// shorter. If too large a share was pushed after recentAfter, no entry counts
// as recent until its next use.
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

func (l *list) unlink(a *records, r ref) {
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
	l.granules -= a.weight(r)
}

// moveToEnd makes the entry at r the oldest.
func (l *list) moveToEnd(a *records, r ref) {
	if r == l.oldest {
		return
	}
	l.unlink(a, r)
	h := a.record(r)
	h.newer = l.oldest
	a.record(l.oldest).older = r
	l.oldest = r
	l.count++
	l.granules += a.weight(r)
}

// weight returns about how many granules the entry at r occupies. It does not
// visit the fragments of the entry.
func (a *records) weight(r ref) int64 {
	h := a.record(r)
	if h.header.Kind() == isRecord {
		return int64(h.header.Granules())
	}
	return int64(granulesFor(chainHeaderBytes + h.idLen() + a.chainHeader(r).length))
}
