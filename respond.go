package holdfast

import (
	"errors"
	"net/http"
	"time"
)

// beforeHeader and afterResponse, with respond and conclude, and abandon take
// the session's lock. All other functions in this file are called with it held.

// slowHandler is how long a handler runs before its return counts as activity
// of its own.
const slowHandler = instant(time.Second)

// beforeHeader commits the session and adds to the header what the client has
// to be told of it.
func (s *Session) beforeHeader(h http.Header) error {
	remark, err := s.respond(h)
	s.manager.log(&s.request, remark)
	return err
}

// afterResponse commits what was changed after the header had been sent.
func (s *Session) afterResponse() error {
	remark, err := s.conclude()
	s.manager.log(&s.request, remark)
	return err
}

// respond is beforeHeader under the lock. An error does not keep the client
// from being told of what was stored before, since an ID that was replaced is
// dead. A panic, of Options.NewID or a store, say, leaves a response that can
// still be written: whoever recovers may want to answer.
func (s *Session) respond(h http.Header) (remark, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() { s.phase = afterTheHeader }()
	if s.carrier() != nil {
		s.carrier().discloses(h, s.loaded, &s.varyLine)
	}
	if !s.loaded {
		return nothingToRemark, nil
	}
	before := s.touched
	err := s.settle()
	if s.carrier() != nil {
		s.tellClient(h, before)
	}
	return s.remark, err
}

// conclude is afterResponse under the lock. What was remarked before is not
// remarked again.
func (s *Session) conclude() (remark, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.phase = afterTheHandler
	if !s.loaded {
		return nothingToRemark, nil
	}
	before := s.remark
	err := s.settle()
	if s.remark == before {
		return nothingToRemark, err
	}
	return s.remark, err
}

// settle commits the changes, and restarts the idle timeout after a slow
// handler, unless the request is passive. That the session has ended is no error here: then there is nothing
// to do but to remark it. A new session is not touched: its timeout has just
// begun, and a second use would be taken for a visitor who came back.
func (s *Session) settle() error {
	err := s.commit()
	if err == nil && s.stored && !s.isNew && !s.passive {
		if now := s.manager.now(); now-s.touched >= slowHandler {
			err = s.touch(now)
		}
	}
	if !errors.Is(err, ErrEnded) {
		return err
	}
	if s.changes != nil {
		s.remark = changesDropped
	}
	return nil
}

// abandon is called when the handler panicked. Its changes are dropped, but if
// it gave the session a new ID, or ended it, the old ID is dead already. So the
// client is still told, in case somebody recovers and answers.
func (s *Session) abandon(h http.Header) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changes = nil; !s.headerSent() && s.carrier() != nil {
		s.carrier().discloses(h, s.loaded, &s.varyLine)
		if s.loaded && s.token != tokenKept {
			s.tellClient(h, s.touched)
		}
	}
	s.phase = afterTheHandler
}

// tellClient hands the client its token, or takes it away. A token is handed over
// only if the store has its session now: another request may have replaced or ended
// it since it was touched, and the client may have a newer one already.
func (s *Session) tellClient(h http.Header, touched instant) {
	switch {
	case s.stored && !s.ended && (s.token == tokenIssued || s.rolls()):
		if s.touched == touched && !s.lives() {
			s.ended = true
			return
		}
		s.remarkIfDropped()
		s.carrier().issue(h, s.tls, s.manager.signer.sign(s.id), s.cookieAge())
	case s.token == tokenWithdrawn:
		s.carrier().withdraw(h, s.tls)
	}
}

// lives reports whether the store has the session.
func (s *Session) lives() bool {
	_, found, err := s.manager.peek(s.request.Context(), s.key)
	return found && err == nil
}

func (s *Session) rolls() bool {
	cookie, ok := s.carrier().(*Cookie)
	return ok && cookie.Rolling && !s.passive
}

// cookieAge returns how long the cookie lasts; 0 ends it with the browser
// session.
func (s *Session) cookieAge() time.Duration {
	r, now := s.record(), s.manager.now()
	if r.idle > 0 {
		return s.manager.ttl(r, now)
	}
	if cookie, ok := s.carrier().(*Cookie); ok && cookie.Persistent || r.expires != 0 {
		return time.Duration(s.manager.expires(r) - now)
	}
	return 0
}

// remarkIfDropped explains why a browser may drop the cookie that it is sent:
// people have lost days to that.
func (s *Session) remarkIfDropped() {
	cookie, ok := s.carrier().(*Cookie)
	if ok && !s.tls && cookie.needsTLS() {
		s.remark = cookieNeedsTLS
	}
}

// remark is something to log once the session's lock is released: a log
// handler may ask the session who its user is.
type remark uint8

const (
	nothingToRemark remark = iota
	changesDropped
	cookieNeedsTLS
)
