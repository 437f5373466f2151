package speed

import "time"

// setEvery is how often a Set comes among the Gets of Mixed.
const setEvery = 10

// work does the slice's share of one goroutine.
func (w *worker) work(s Slice) {
	do := w.do(s.Op)
	if s.Timed {
		w.timed(do)
		return
	}
	for i := range w.ids.Len() {
		if do(i, w.ids.At(i)) {
			w.found++
		}
	}
}

func (w *worker) timed(do func(int, string) bool) {
	for i := range w.ids.Len() {
		id := w.ids.At(i)
		start := time.Now()
		found := do(i, id)
		w.latency.Record(time.Since(start))
		if found {
			w.found++
		}
	}
}

// do returns the function that carries out one operation and reports whether
// its session was found; a Set always finds its own.
func (w *worker) do(op Op) func(i int, id string) bool {
	get := func(_ int, id string) bool { return w.peer.Get(id, w.reader) }
	set := func(_ int, id string) bool { w.peer.Set(id, w.value); return true }
	switch op {
	case Set:
		return set
	case Touch:
		return func(_ int, id string) bool { return w.peer.Touch(id) }
	case Mixed:
		return func(i int, id string) bool {
			if i%setEvery == setEvery-1 {
				return set(i, id)
			}
			return get(i, id)
		}
	default:
		return get
	}
}
