package tier

import (
	"slices"
	"sync"
	"sync/atomic"
)

// Watch implements holdfast.Store. The function changed is also called for
// writes of this process and after a lost connection. It must call neither the
// Store nor stop, which waits for a call that is under way.
func (s *Store) Watch(id string, changed func()) (stop func()) {
	return s.watchers.add(id, &watcher{changed: changed})
}

type watchers struct {
	number atomic.Int64 // so that writes need no lock while nobody watches
	mu     sync.Mutex
	byID   map[string][]*watcher
}

type watcher struct {
	mu      sync.Mutex // held while changed runs, so stop waits for it
	changed func()     // nil after stop
}

func (w *watcher) notify() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.changed != nil {
		w.changed()
	}
}

func (w *watchers) add(id string, added *watcher) (stop func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.byID == nil {
		w.byID = make(map[string][]*watcher)
	}
	w.byID[id] = append(w.byID[id], added)
	w.number.Add(1)
	return sync.OnceFunc(func() { w.remove(id, added) })
}

func (w *watchers) remove(id string, removed *watcher) {
	w.mu.Lock()
	rest := slices.DeleteFunc(slices.Clone(w.byID[id]), func(other *watcher) bool { return other == removed })
	if len(rest) == 0 {
		delete(w.byID, id)
	} else {
		w.byID[id] = rest
	}
	w.number.Add(-1)
	w.mu.Unlock()

	removed.mu.Lock()
	defer removed.mu.Unlock()
	removed.changed = nil
}

// notify calls the watchers of id. It holds no lock that add or remove need.
func (w *watchers) notify(id string) {
	if w.number.Load() == 0 {
		return
	}
	w.mu.Lock()
	watching := slices.Clone(w.byID[id])
	w.mu.Unlock()
	for _, watcher := range watching {
		watcher.notify()
	}
}

func (w *watchers) notifyAll() {
	w.mu.Lock()
	var all []*watcher
	for _, watching := range w.byID {
		all = append(all, watching...)
	}
	w.mu.Unlock()
	for _, watcher := range all {
		watcher.notify()
	}
}
