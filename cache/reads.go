package cache

// watches are the Updates under way in a shard: what each has read, and whether
// that may have changed. Writes tell them by the tag; another ID with the same
// tag costs an Update one more try, and nothing else.
type openReads struct {
	list []openRead
	last readID
}

type openRead struct {
	id      readID
	tag     tag
	changed bool
}

type readID uint64

func (w *openReads) begin(t tag) readID {
	w.last++
	w.list = append(w.list, openRead{id: w.last, tag: t})
	return w.last
}

// changed is told of each value that was stored or went.
func (w *openReads) invalidate(t tag) {
	for i := range w.list {
		if w.list[i].tag == t {
			w.list[i].changed = true
		}
	}
}

// unchanged reports whether nothing has changed since begin.
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
