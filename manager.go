package holdfast

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/codec"
	"github.com/holdfast-go/holdfast/internal/record"
)

// Manager gives each request of a server its session. Make one with New, wrap
// the server's handler with Handler, and end it with Close. It is safe for
// concurrent use. The zero Manager cannot be used.
type Manager struct {
	// fmt does not call Format for an unexported field, so secrets are behind a
	// pointer.
	*managerState
}

type managerState struct {
	options   Options
	store     Store
	cache     *cache.Cache // that store keeps the sessions in; nil if the caller gave a Store
	carrier   carrier      // nil if a CookieFunc chooses it for each request
	signer    signer
	proxies   proxies
	namespace record.Namespace
	started   time.Time
	epoch     record.Instant // the Instant of started
	binder    codec.Binder   // nil if the codec does not bind values to a place
	msgPack   bool           // the codec is codec.MsgPack

	watchers  watchers
	counts    *counts  // apart from the fields that every request reads
	markers   *markers // nil without an Observer or a cache
	warnPlain sync.Once
}

// New returns a Manager configured by o. The error wraps ErrOptions and names
// the wrong option and the remedy. If o has neither a Cache nor a Store, it may
// also be the error of making the cache.
func New(o Options) (*Manager, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	m := &Manager{&managerState{options: o, store: o.Store, cache: o.Cache, proxies: proxiesIn(o.TrustedProxies), started: time.Now(), counts: newCounts()}}
	m.epoch = record.InstantOf(m.started)
	m.namespace = record.NewNamespace(o.Namespace)
	m.binder, _ = o.Codec.(codec.Binder)
	_, m.msgPack = o.Codec.(codec.MsgPack)
	if m.carrier, err = o.Carrier.working(); err != nil {
		return nil, err
	}
	if m.signer, err = newSigner(o.Keys); err != nil {
		return nil, err
	}
	if m.store == nil && m.cache == nil {
		var co cache.Options
		if m.observed() {
			co.OnEvict = m.OnEvict
		}
		if m.cache, err = cache.New(co); err != nil {
			return nil, fmt.Errorf("holdfast: making the cache: %w", err)
		}
	}
	if m.cache != nil {
		m.store = cacheStore{m.cache}
		if m.observed() {
			m.markers = new(markers)
		}
	}
	return m, nil
}

// Close releases the Manager's own cache and its sessions. A Cache or a Store
// given in the options stays open. Later requests find no sessions, and if they
// store something, the ErrorHandler answers. Close returns nil, and may be
// called again.
func (m *Manager) Close() error {
	if m.cache != nil && m.options.Cache == nil {
		return m.cache.Close()
	}
	return nil
}

// Handler returns a handler that calls next with a request whose context has
// the session. Manager.Session and FromContext find it there. Nothing is stored
// unless next changes the session.
//
// If a cache keeps the sessions, the session is read when next first uses it.
// With Options.Store, the session is read before next runs. If that read fails,
// the ErrorHandler answers and next does not run: a store that is away does not
// make its users strangers. The session is read again if next first uses it
// later than 0.1 s after that.
//
// Changes are stored, and the cookie is set, before the first byte of the
// response is sent. Later changes are stored when next returns; changes after
// that, by a goroutine, at once. If next used the session before the first
// byte, the response has Vary with the carrier's header. A cookie is in the
// header of the response, so begin a session before a request that next
// hijacks, such as the upgrade to a web socket.
//
// If next panics, changes not yet stored are dropped. If next had given the
// session a new ID, the header has the new cookie, in case an outer handler
// recovers and answers. An outer handler that drops the header, such as
// http.TimeoutHandler after its timeout, drops a new cookie too: put it inside.
//
// Handler panics if next is nil.
func (m *Manager) Handler(next http.Handler) http.Handler {
	if next == nil {
		panic("holdfast: the handler is nil: pass the server's handler to Manager.Handler, such as http.DefaultServeMux")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { m.serve(next, w, r) })
}

// Session returns the session of a request that came through the Manager's
// Handler. It never returns nil. It panics if the request did not come through
// Handler, or if its path is outside Cookie.Path: wrap the server's handler
// with Handler, or use FromContext if a request may have no session.
func (m *Manager) Session(r *http.Request) *Session {
	s, ok := r.Context().Value(managerKey{m}).(*Session)
	if !ok {
		panic("holdfast: the request has no session: it did not come through this Manager's Handler, or its path is outside Cookie.Path; wrap the server's handler with Manager.Handler")
	}
	return s
}

// FromContext returns the session of a request, given its context. It reports
// false if the request did not come through a Manager's Handler, or if its path
// is outside Cookie.Path. If the Handlers of several Managers are nested, it
// returns the innermost session.
func FromContext(ctx context.Context) (*Session, bool) {
	s, ok := ctx.Value(sessionKey{}).(*Session)
	return s, ok
}

// Format prints the type alone, since a Manager has secrets.
func (m Manager) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "holdfast.Manager") }

// warn logs a warning of a session. One about a cookie that browsers drop is
// logged once: it is the same for every request.
func (m *Manager) warn(r *http.Request, w warning) {
	switch w {
	case changesDropped:
		m.options.Logger.DebugContext(r.Context(), "the session ended before its changes could be stored", "method", r.Method, "path", r.URL.Path)
	case cookieNeedsTLS:
		m.warnPlain.Do(func() {
			m.options.Logger.WarnContext(r.Context(), "a session cookie that browsers accept over TLS only was set on a request that seems to have come over plain HTTP; if TLS ends at a proxy, name the proxy in TrustedProxies")
		})
	}
}

// logError logs an error of the store. An error is no fault if the client went
// away and the store gave up.
func (m *Manager) logError(r *http.Request, err error) {
	level := slog.LevelError
	if gone := r.Context().Err(); gone != nil && errors.Is(err, gone) {
		level = slog.LevelDebug
	}
	m.options.Logger.Log(r.Context(), level, "the session could not be read or stored", "error", err, "method", r.Method, "path", r.URL.Path)
}

// answerError lets the ErrorHandler answer. It removes header fields that
// describe the handler's response, but keeps a Content-Encoding that an outer
// handler set: that handler encodes the ErrorHandler's answer too.
func (m *Manager) answerError(w http.ResponseWriter, s *Session, err error) {
	m.logError(&s.request, err)
	for _, name := range []string{"Content-Disposition", "Content-Length", "Content-Range", "Content-Type", "Etag", "Expires", "Last-Modified", "Location"} {
		w.Header().Del(name)
	}
	if !s.encodedOutside {
		w.Header().Del("Content-Encoding")
	}
	w.Header().Set("Cache-Control", "no-store")
	m.options.ErrorHandler(w, &s.request, err)
}
