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
)

// Manager gives each request of a server its session. Make one with New, wrap
// the server's handler with Handler, and end it with Close. It is safe for
// concurrent use.
type Manager struct {
	*core // behind a pointer for the reason that a Session's state is: it knows keys
}

// core is all that there is to a Manager.
type core struct {
	options Options
	store   Store
	loader  Loader       // the store, if its reads can fail
	own     *cache.Cache // nil if the store is the caller's
	carrier carrier      // nil if a CookieFunc chooses it for each request
	signer  signer
	proxies proxies
	started time.Time
	epoch   instant      // started, once more
	space   namespace    // of Options.Namespace
	binder  codec.Binder // nil if the codec binds no value to its place
	msgPack bool         // the codec is codec.MsgPack

	watchers  watchers
	warnPlain sync.Once
}

// New returns a Manager that keeps to o. The error wraps ErrOptions and says
// which option is wrong and what would be right; unless there is no memory for the
// cache, if no Store is given.
func New(o Options) (*Manager, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	m := &Manager{&core{options: o, store: o.Store, proxies: proxiesIn(o.TrustedProxies), started: time.Now()}}
	m.epoch = instantOf(m.started)
	m.space = newNamespace(o.Namespace)
	m.binder, _ = o.Codec.(codec.Binder)
	_, m.msgPack = o.Codec.(codec.MsgPack)
	if m.carrier, err = o.Carrier.working(); err != nil {
		return nil, err
	}
	if m.signer, err = newSigner(o.Keys); err != nil {
		return nil, err
	}
	if m.store == nil {
		if m.own, err = cache.New(cache.Options{}); err != nil {
			return nil, fmt.Errorf("holdfast: making the cache: %w", err)
		}
		m.store = m.own
	}
	m.loader, _ = m.store.(Loader)
	return m, nil
}

// Close drops the sessions of the Manager's own cache; a Store given in the
// options stays open. Requests that come later, or have not finished, get the
// ErrorHandler's answer once they try to store something. It returns nil, and
// may be called again.
func (m *Manager) Close() error {
	if m.own != nil {
		return m.own.Close()
	}
	return nil
}

// Handler returns a handler that calls next with a request whose context has
// the session; Manager.Session and FromContext find it there. Nothing is stored
// unless next changes the session.
//
// If reads of the Store cannot fail, as with *cache.Cache, nothing is read
// until next asks the session for something. If they can (see Loader), the
// session that the request presents is read before next runs; if that fails,
// the ErrorHandler answers and next does not run.
//
// Changes are stored, and the cookie is set, before the first byte of the
// response leaves; changes that come later are stored when next returns, or at
// once if it has. The header says Vary: Cookie if next looked at the session
// before it left.
//
// If next panics, changes not yet stored are dropped. If next had given the
// session a new ID, the header has the new cookie, for a handler above that
// recovers and answers.
func (m *Manager) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { m.serve(next, w, r) })
}

// serve is what Handler's handler does.
func (m *Manager) serve(next http.Handler, w http.ResponseWriter, r *http.Request) {
	if r.Context().Value(managerKey{m}) != nil {
		next.ServeHTTP(w, r) // an outer Handler of the same Manager has done it all
		return
	}
	all := new(memory)
	x, s := &all.exchange, &all.exchange.session
	s.state = &all.state
	s.manager = m
	s.request = *r.WithContext(x) // which stays on the stack, inlined as it is here
	x.outer, x.inner = r.Context(), w
	if !s.chooseCarrier(r) {
		next.ServeHTTP(w, r)
		return
	}
	_, s.encoded = w.Header()["Content-Encoding"]
	out := (*writer)(x)
	finished := false
	defer func() {
		if !finished { // a panic, or runtime.Goexit
			s.abandon(w.Header())
		}
		r.MultipartForm = s.request.MultipartForm // whose files net/http deletes, but only of the request that it knows
	}()
	if s.readable() {
		next.ServeHTTP(out.asCapable(), &s.request)
	}
	out.finish()
	finished = true
}

// Session returns the session of a request that came through the Manager's
// Handler. It never returns nil: it panics if the request did not come through
// Handler, or is for a path outside Cookie.Path. Wrap the server's handler with
// Handler, or use FromContext where a request may have no session.
func (m *Manager) Session(r *http.Request) *Session {
	s, ok := r.Context().Value(managerKey{m}).(*Session)
	if !ok {
		panic("holdfast: the request has no session: it did not come through this Manager's Handler, or its path is outside Cookie.Path; wrap the server's handler with Manager.Handler")
	}
	return s
}

// FromContext returns the session of the request that ctx belongs to. It
// reports false if the request did not pass through a Manager's Handler, or is
// for a path outside the cookie's. If the Handlers of several Managers are
// nested, it is the innermost's.
func FromContext(ctx context.Context) (*Session, bool) {
	s, ok := ctx.Value(sessionKey{}).(*Session)
	return s, ok
}

// sessionKey is the key of the innermost session in a context, managerKey that
// of the session of one Manager.
type (
	sessionKey struct{}
	managerKey struct{ *Manager }
)

// memory is all that a request and its response need, in one allocation.
type memory struct {
	exchange exchange
	state    state
}

// exchange is what a request's context and its response's writer are, under two
// names, and where the session is. All three may be printed, see Session.
type exchange struct {
	outer   context.Context
	inner   http.ResponseWriter
	failed  error // why the response is the ErrorHandler's and not the handler's
	session Session
}

// Deadline, Done, Err and Value make exchange the context of the request.

func (x *exchange) Deadline() (time.Time, bool) { return x.outer.Deadline() }

func (x *exchange) Done() <-chan struct{} { return x.outer.Done() }

func (x *exchange) Err() error { return x.outer.Err() }

func (x *exchange) Value(key any) any {
	if key == (sessionKey{}) || key == (managerKey{x.session.manager}) {
		return &x.session
	}
	return x.outer.Value(key)
}

// Format prints the type alone: a context in a log line gives nobody away.
func (x *exchange) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "holdfast.Context") }

// now returns the wall time at which the Manager was made plus what has passed
// since, so that stepping the wall clock ends no session and prolongs none.
func (m *Manager) now() instant {
	return m.epoch + instant(time.Since(m.started))
}

// stepped returns how far the wall clock was set forward since the Manager was
// made, in whole seconds: the two clocks are read one after the other.
func (m *Manager) stepped() time.Duration {
	return time.Duration(instantOf(time.Now()) - m.now()).Truncate(time.Second)
}

// instantAt returns the instant at which the wall clock will show t, or for the
// zero time 0.
func (m *Manager) instantAt(t time.Time) instant {
	if t.IsZero() {
		return 0
	}
	return max(1, instantOf(t).plus(-m.stepped()))
}

// wallTime returns what the wall clock shows at i, the inverse of instantAt.
func (m *Manager) wallTime(i instant) time.Time {
	if i == 0 {
		return time.Time{}
	}
	return i.plus(m.stepped()).time()
}

// expires returns when the session ends whatever its activity.
func (m *Manager) expires(r record) instant {
	end := r.created.plus(m.options.AbsoluteLifetime)
	if r.expires != 0 {
		end = min(end, r.expires)
	}
	return end
}

func (m *Manager) idleTimeout(r record) time.Duration {
	if r.idle == 0 {
		return m.options.IdleTimeout
	}
	return r.idle
}

// ttl returns how long a session may stay in the store from now on without
// another request; 0 or less if it is over.
func (m *Manager) ttl(r record, now instant) time.Duration {
	return min(m.idleTimeout(r), time.Duration(m.expires(r)-now))
}

// Format prints the type alone, since a Manager knows secrets.
func (m Manager) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "holdfast.Manager") }

// log tells of what the session had to remark. A cookie that browsers drop is
// told of once: it is the same for every request.
func (m *Manager) log(r *http.Request, what remark) {
	switch what {
	case changesDropped:
		m.options.Logger.DebugContext(r.Context(), "the session ended before its changes could be stored")
	case cookieNeedsTLS:
		m.warnPlain.Do(func() {
			m.options.Logger.WarnContext(r.Context(), "a session cookie that browsers accept over TLS only was set on a request that seems to have come over plain HTTP; if TLS ends at a proxy, name the proxy in TrustedProxies")
		})
	}
}

// logError logs an error of the store. That a client went away, so that the store
// gave up its request, is nobody's fault.
func (m *Manager) logError(r *http.Request, err error) {
	level := slog.LevelError
	if gone := r.Context().Err(); gone != nil && errors.Is(err, gone) {
		level = slog.LevelDebug
	}
	m.options.Logger.Log(r.Context(), level, "the session could not be read or stored", "error", err, "method", r.Method, "path", r.URL.Path)
}

// fail answers in place of the handler, and removes the header fields that
// describe the handler's response. A Content-Encoding that was there before the
// handler ran stays: a handler above encodes what the ErrorHandler writes.
func (m *Manager) fail(w http.ResponseWriter, s *Session, err error) {
	m.logError(&s.request, err)
	for _, name := range []string{"Content-Disposition", "Content-Length", "Content-Range", "Content-Type", "Etag", "Expires", "Last-Modified", "Location"} {
		w.Header().Del(name)
	}
	if !s.encoded {
		w.Header().Del("Content-Encoding")
	}
	w.Header().Set("Cache-Control", "no-store")
	m.options.ErrorHandler(w, &s.request, err)
}
