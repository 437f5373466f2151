package holdfast

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/holdfast-go/holdfast/internal/record"
)

// exchange is one request and its response. requestContext and responseWriter
// are this struct with the methods of a context and of a writer. fmt does not
// call Format for an unexported field, so secrets are behind session's pointer.
type exchange struct {
	session Session
	outer   context.Context
	inner   http.ResponseWriter
	failed  error // the ErrorHandler answered because of this error
}

// requestState is the state of the session of one request.
type requestState struct {
	manager *Manager
	request http.Request // the handler's; its context is the requestContext
	cookie  *Cookie      // the carrier, if a CookieFunc chose it

	tls            bool // the client came over TLS, as far as proxies can be trusted
	encodedOutside bool // an outer handler had set Content-Encoding

	phase   phase // only the handler's goroutine writes it, and reads it without mu
	passive bool  // the request does not keep the session alive
	absent  bool  // before the handler ran, the store had no session
	loaded  bool  // the handler used the session, so the response depends on it
	stored  bool  // the store has the session, as far as this request knows
	ended   bool  // the session has ended: nothing can be stored
	late    bool  // the client presented an ID with a tombstone: it has a newer one
	unread  bool  // the client presented id, and its record could not be read
	isNew   bool
	token   tokenTask
	warning warning

	mu      sync.Mutex      // guards the fields below, and those above from phase on
	id      string          // "" until the store knows the presented ID, or the session needs one
	key     string          // storeKey(id)
	raw     []byte          // the stored record, checked; nil if there is none
	touched record.Instant  // when this request set the store's TTL; before, when it began
	changes *record.Changes // not stored yet; nil if there are none
	err     error           // the first error that must not be lost: commit returns it
	extras  *extras         // nil until they are needed

	varyLine [1]string // memory for a header that nearly every response needs
}

// extras are parts of the state that few requests need.
type extras struct {
	watch  *watch  // for Ended; nil until it is called
	events []Event // for the Observer, when the lock is released
}

func (s *Session) extra() *extras {
	if s.extras == nil {
		s.extras = new(extras)
	}
	return s.extras
}

// requestMemory is the one allocation of a request.
type requestMemory struct {
	exchange
	requestState
}

// phase is the progress of the response.
type phase uint8

const (
	beforeHeader phase = iota // a token can still be sent
	afterHeader               // changes are stored when the handler returns
	afterHandler              // changes are stored at once
)

// serve is the body of Handler's handler.
func (m *Manager) serve(next http.Handler, w http.ResponseWriter, r *http.Request) {
	if r.Context().Value(managerKey{m}) != nil {
		next.ServeHTTP(w, r) // the request came through this Manager's Handler before
		return
	}
	all := new(requestMemory)
	x, s := &all.exchange, &all.exchange.session
	s.requestState = &all.requestState
	s.manager = m
	x.outer, x.inner = r.Context(), w
	s.request = *r.WithContext((*requestContext)(x)) // inlined, so the copy does not escape
	if !s.chooseCarrier(r) {
		next.ServeHTTP(w, r)
		return
	}
	_, s.encodedOutside = w.Header()["Content-Encoding"]
	out := (*responseWriter)(x)
	finished := false
	defer func() {
		if !finished { // a panic, or runtime.Goexit
			s.abandon(w.Header())
		}
		// net/http removes the files of a form, but only of the request it
		// knows.
		r.MultipartForm = s.request.MultipartForm
	}()
	if s.readable() {
		next.ServeHTTP(out.asCapable(), &s.request)
	}
	out.finish()
	finished = true
}

// chooseCarrier reports whether the request can have a session. outer is the
// request without the session.
func (s *Session) chooseCarrier(outer *http.Request) bool {
	s.tls = s.manager.proxies.cameOverTLS(outer)
	if choose, ok := s.manager.options.Carrier.(CookieFunc); ok {
		var err error
		if s.cookie, err = choose(outer).complete(); err != nil {
			s.setErr(err)
			return true
		}
	}
	return s.carrier().admits(&s.request)
}

// carrier returns nil if the CookieFunc failed; then err says why.
func (s *Session) carrier() carrier {
	if s.cookie != nil {
		return s.cookie
	}
	return s.manager.carrier
}

func (s *Session) headerSent() bool { return s.phase != beforeHeader }

// setErr keeps the first error, for Err and for the commit.
func (s *Session) setErr(err error) {
	if s.err == nil {
		s.err = err
	}
}

// sessionKey finds the innermost session in a context, managerKey the session
// of one Manager.
type (
	sessionKey struct{}
	managerKey struct{ *Manager }
)

// requestContext is the context of the handler's request.
type requestContext exchange

func (c *requestContext) Deadline() (time.Time, bool) { return c.outer.Deadline() }

func (c *requestContext) Done() <-chan struct{} { return c.outer.Done() }

func (c *requestContext) Err() error { return c.outer.Err() }

func (c *requestContext) Value(key any) any {
	if key == (sessionKey{}) || key == (managerKey{c.session.manager}) {
		return &c.session
	}
	return c.outer.Value(key)
}

// Format prints the type alone, since contexts end up in logs.
func (c *requestContext) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "holdfast.Context") }
