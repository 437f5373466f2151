package cache

// watches are the Updates under way in a shard: what each has read, and whether
// that may have changed. Writes tell them by the tag; another ID with the same
// tag costs an Update one more try, and nothing else.
type watches struct {
	list []watch
	last watchID
}

type watch struct {
	id      watchID
	tag     tag
	changed bool
}

type watchID uint64

func (w *watches) begin(t tag) watchID {
	w.last++
	w.list = append(w.list, watch{id: w.last, tag: t})
	return w.last
}

// changed is told of each value that was stored or went.
func (w *watches) changed(t tag) {
	for i := range w.list {
		if w.list[i].tag == t {
			w.list[i].changed = true
		}
	}
}

// unchanged reports whether nothing has changed since begin.
func (w *watches) unchanged(id watchID) bool {
	for i := range w.list {
		if w.list[i].id == id {
			return !w.list[i].changed
		}
	}
	return false
}

func (w *watches) end(id watchID) {
	for i := range w.list {
		if w.list[i].id == id {
			last := len(w.list) - 1
			w.list[i] = w.list[last]
			w.list = w.list[:last]
			return
		}
	}
}
