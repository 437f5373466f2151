package holdfast

import (
	"context"
	"slices"
	"sync"
	"time"
)

// watchInterval bounds the delay until Ended reports an end that nobody
// notifies it of: expiry, eviction, another process without Store.Watch.
const watchInterval = 5 * time.Second

// watch is the state of Ended in one request.
type watch struct {
	key   string
	ended chan struct{}
}

// Ended returns a channel that is closed when the session ends or gets a new
// ID. It is for handlers that go on after the first byte: a stream of events, a
// web socket. If a method of this Manager ends the session, the channel is
// closed at once. It is closed almost at once if another process ends the
// session and the Store notifies this one, otherwise within some seconds. When
// the request is done, the channel is not closed any more. All calls in one
// request return the same channel, until the request itself gives the session a
// new ID. For a session that is not stored yet Ended returns nil; receiving
// from nil blocks for ever.
//
// An open stream does not restart the idle timeout. Call Touch for that.
func (s *Session) Ended() <-chan struct{} {
	s.mu.Lock()
	defer s.unlock()
	s.load()
	switch {
	case s.extras != nil && s.extras.watch != nil && s.extras.watch.key == s.key:
		return s.extras.watch.ended
	case s.ended:
		return alreadyEnded
	case !s.stored:
		return nil
	}
	w := &watch{s.key, make(chan struct{})}
	s.extra().watch = w
	m, ctx, notified := s.manager, s.request.Context(), s.manager.watchers.add(w.key)
	go func() {
		defer m.watchers.remove(w.key, notified)
		defer m.store.Watch(w.key, func() { notify(notified) })()
		if m.waitForEnd(ctx, w.key, notified) {
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

// waitForEnd returns true when the store has no session under key any more, and
// false when ctx is done before.
func (m *Manager) waitForEnd(ctx context.Context, key string, notified <-chan struct{}) bool {
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	for how := ReadPeek; ; {
		if _, found, err := m.readSession(ctx, key, how); !found && err == nil {
			return true
		}
		select {
		case <-notified:
			how = ReadFresh // a local copy may be older than the change
		case <-tick.C:
			how = ReadPeek
		case <-ctx.Done():
			return false
		}
	}
}

// watchers are the goroutines that wait for the end of a session.
type watchers struct {
	mu    sync.Mutex
	byKey map[string][]chan struct{}
}

// add returns a channel for notify to send to.
func (w *watchers) add(key string) chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.byKey == nil {
		w.byKey = make(map[string][]chan struct{})
	}
	notified := make(chan struct{}, 1)
	w.byKey[key] = append(w.byKey[key], notified)
	return notified
}

func (w *watchers) remove(key string, notified chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.byKey[key] = slices.DeleteFunc(w.byKey[key], func(c chan struct{}) bool { return c == notified })
	if len(w.byKey[key]) == 0 {
		delete(w.byKey, key)
	}
}

// notify wakes the goroutines that wait for the session under key.
func (w *watchers) notify(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, notified := range w.byKey[key] {
		notify(notified)
	}
}

func notify(notified chan struct{}) {
	select {
	case notified <- struct{}{}:
	default: // an earlier notification has not been received yet
	}
}
