package holdfast

import (
	"context"
	"net/http"

	"github.com/holdfast-go/holdfast/cache"
)

// Each end of a session is noted by the request or the method whose write of
// the store ended it, after the store has confirmed. Writes of one entry come
// one after the other, so each end is noted once. A request notes its events
// with the session's lock held, and reports them when it releases the lock.

func (m *Manager) observed() bool { return m.options.Observer != nil }

// note counts an event, and keeps it for the Observer until unlock. The
// session's lock is held.
func (s *Session) note(n note) {
	s.manager.counts.event(n.kind, n.why)
	if s.manager.observed() {
		x := s.extra()
		x.events = append(x.events, n.event())
	}
}

// noteEnd notes the end of a session under key.
func (s *Session) noteEnd(why Reason, key string, user, by []byte) {
	s.note(note{kind: EventEnded, why: why, key: key, user: user, by: by})
}

// unlock releases the session's lock and reports the events noted meanwhile.
func (s *Session) unlock() {
	if s.extras != nil {
		s.unlockAndReport()
	} else {
		s.mu.Unlock()
	}
}

func (s *Session) unlockAndReport() {
	events := s.extras.events
	s.extras.events = nil
	s.mu.Unlock()
	for _, e := range events {
		s.manager.report(s.request.Context(), &s.request, e)
	}
}

// report calls the Observer. request is nil if no request is known.
func (m *Manager) report(ctx context.Context, request *http.Request, e Event) {
	if m.options.ClientAddr != nil && request != nil {
		e.Addr = m.clientAddr(ctx, request)
	}
	defer m.survive(ctx)
	m.options.Observer(ctx, e)
}

func (m *Manager) clientAddr(ctx context.Context, request *http.Request) string {
	defer m.survive(ctx)
	return m.options.ClientAddr(request)
}

// survive recovers and counts a panic of the Observer: the store has the change
// already, so the request goes on.
func (m *Manager) survive(ctx context.Context) {
	if v := recover(); v != nil {
		m.counts.observerPanics.Add(1)
		m.options.Logger.ErrorContext(ctx, "Options.Observer or ClientAddr panicked", "panic", v)
	}
}

// ending is the cause of ends that a method of the Manager brings about.
type ending struct {
	why     Reason
	ctx     context.Context // for the Observer
	request *http.Request   // whose handler called the method; nil if it is not known
	by      []byte          // its user
}

// ending finds the request that ctx belongs to, of this Manager or another one.
func (m *Manager) ending(ctx context.Context, why Reason) ending {
	end := ending{why: why, ctx: ctx}
	if !m.observed() {
		return end
	}
	if s, ok := FromContext(ctx); ok {
		end.request, end.by = &s.request, s.userIfLoaded()
	}
	return end
}

// userIfLoaded returns the user, without using the session. If the session is
// busy, this goroutine may be the one that has its lock, so it does not wait.
func (s *Session) userIfLoaded() []byte {
	if !s.mu.TryLock() {
		return nil
	}
	defer s.unlock()
	if !s.loaded {
		return nil
	}
	return []byte(s.user())
}

// noteEnd counts and reports the end of a user's session. No lock is held.
func (m *Manager) noteEnd(end ending, key, userID string) {
	m.counts.event(EventEnded, end.why)
	if m.observed() {
		n := note{kind: EventEnded, why: end.why, key: key, user: []byte(userID), by: end.by}
		m.report(end.ctx, end.request, n.event())
	}
}

// OnEvict counts and reports the end of a session that the cache has evicted,
// or whose entry has expired. A Manager that makes its own cache and has an
// Observer is notified by itself. If Options.Cache is set, call OnEvict from
// cache.Options.OnEvict:
//
//	var sessions *holdfast.Manager
//	c, err := cache.New(cache.Options{OnEvict: func(id string, why cache.EvictionReason) {
//		sessions.OnEvict(id, why)
//	}})
//	sessions, err = holdfast.New(holdfast.Options{Cache: c, Observer: observe})
//
// The event has a handle, and neither user nor address: the record is gone, and
// no request has ended it. Load a snapshot after New, and use the cache for one
// Manager alone, since OnEvict cannot tell the entries of two apart. Within
// some minutes after a snapshot was loaded, an event may belong to an ID that a
// session had before. The nil Manager ignores the call.
func (m *Manager) OnEvict(id string, reason cache.EvictionReason) {
	if m == nil || len(id) != storeKeyLen || m.markers.take(id) {
		return
	}
	why := ReasonExpired
	if reason == cache.Capacity {
		why = ReasonEvicted
	}
	m.noteEnd(ending{why: why, ctx: context.Background()}, id, "")
}
