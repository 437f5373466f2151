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

// watch is what Ended waits for in one request.
type watch struct {
	key   string
	ended chan struct{}
}

// Ended returns a channel that is closed when the session ends or gets a new
// ID, for handlers that outlive their response's first byte: a stream of
// events, a web socket. An end by this Manager closes it at once, any other
// within some seconds. It is not closed once the request is done. Calls in one
// request return the same channel, until the request itself gives the session a
// new ID. For a session that is not stored yet Ended returns nil, as
// context.Context's Done may: receiving from it blocks for ever.
//
// An open stream is no activity: call Touch for as long as it should be.
func (s *Session) Ended() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.load()
	switch {
	case s.watch != nil && s.watch.key == s.key:
		return s.watch.ended
	case s.ended:
		return alreadyEnded
	case !s.stored:
		return nil
	}
	w := &watch{s.key, make(chan struct{})}
	s.watch = w
	m, ctx, told := s.manager, s.request.Context(), s.manager.watchers.add(w.key)
	go func() {
		defer m.watchers.remove(w.key, told)
		if m.waitForEnd(ctx, w.key, told) {
			close(w.ended)
		}
	}()
	return w.ended
}

var alreadyEnded = func() chan struct{} {
	closed := make(chan struct{})
	close(closed)
	return closed
}()

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

// add returns a channel that notify sends to.
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

// notify wakes those who wait for the end of the session under key.
func (w *watchers) notify(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, told := range w.byKey[key] {
		select {
		case told <- struct{}{}:
		default: // it was notified already
		}
	}
}
