package cache

// openReads are the values that calls of Update have read and not yet decided
// on: optimistic concurrency control (Kung and Robinson, 1981). A write
// invalidates the open reads of its tag. Another ID with the same tag costs
// such an Update one more try.
type openReads struct {
	list []openRead
	last readID
}

type openRead struct {
	id      readID
	tag     tag
	changed bool // a write came after the read
}

type readID uint64

func (w *openReads) begin(t tag) readID {
	w.last++
	w.list = append(w.list, openRead{id: w.last, tag: t})
	return w.last
}

// invalidate marks the open reads of t. Every write and removal calls it.
func (w *openReads) invalidate(t tag) {
	for i := range w.list {
		if w.list[i].tag == t {
			w.list[i].changed = true
		}
	}
}

// valid reports whether nothing was written to the tag since begin.
func (w *openReads) valid(id readID) bool {
	for i := range w.list {
		if w.list[i].id == id {
			return !w.list[i].changed
		}
	}
	return false
}

func (w *openReads) end(id readID) {
	for i := range w.list {
		if w.list[i].id == id {
			last := len(w.list) - 1
			w.list[i] = w.list[last]
			w.list = w.list[:last]
			return
		}
	}
}
