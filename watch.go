package holdfast

import (
	"context"
	"slices"
	"sync"
	"time"
)

// watchInterval bounds how long it takes until the end of a session is noticed
// that no method of its Manager caused: expiry, eviction, another process.
const watchInterval = 5 * time.Second

// Ended returns a channel that is closed when the session ends or gets a new
// ID, for handlers that outlive their response's first byte: a stream of
// events, a web socket. An end by this Manager is told at once, any other within
// some seconds. It is never closed for a session that is not stored yet, nor
// once the request is done.
//
// An open stream is no activity: call Touch for as long as it should be.
func (s *Session) Ended() <-chan struct{} {
	s.mu.Lock()
	s.load()
	key, stored := s.key, s.stored
	s.mu.Unlock()

	ended := make(chan struct{})
	if stored {
		told := s.manager.watchers.add(key)
		go func() {
			defer s.manager.watchers.remove(key, told)
			if s.manager.waitForEnd(s.request.Context(), key, told) {
				close(ended)
			}
		}()
	}
	return ended
}

// waitForEnd returns true when nothing is stored under key any more, false when
// ctx is done before.
func (m *Manager) waitForEnd(ctx context.Context, key string, told <-chan struct{}) bool {
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	for {
		if _, found, err := m.peek(ctx, key); !found && err == nil {
			return true
		}
		select {
		case <-told:
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
}

// watchers are the handlers that wait for the end of a session.
type watchers struct {
	mu    sync.Mutex
	byKey map[string][]chan struct{}
}

// add returns a channel that tell sends to.
func (w *watchers) add(key string) chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.byKey == nil {
		w.byKey = make(map[string][]chan struct{})
	}
	told := make(chan struct{}, 1)
	w.byKey[key] = append(w.byKey[key], told)
	return told
}

func (w *watchers) remove(key string, told chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.byKey[key] = slices.DeleteFunc(w.byKey[key], func(c chan struct{}) bool { return c == told })
	if len(w.byKey[key]) == 0 {
		delete(w.byKey, key)
	}
}

// tell wakes those who wait for the end of the session under key.
func (w *watchers) tell(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, told := range w.byKey[key] {
		select {
		case told <- struct{}{}:
		default: // it was told already
		}
	}
}
