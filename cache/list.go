package cache

// list has the entries of one segment, probation or protected, from the newest
// to the oldest by latest use.
type list struct {
	count          uint32
	newest, oldest ref
	granules       int64 // the weights of all entries
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
