package holdfast

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/holdfast-go/holdfast/internal/record"
)

// sendHeader, conclude and abandon take the session's lock. It is held in all
// other functions of this file.

// slowHandler is how long a handler runs before its end counts as activity too.
const slowHandler = record.Instant(time.Second)

// tokenTask is the response's task with the client's token.
type tokenTask uint8

const (
	keepToken tokenTask = iota
	sendToken
	clearToken
)

// warning is a message to log when the session's lock is released: a log
// handler may ask the session for its user.
type warning uint8

const (
	noWarning warning = iota
	changesDropped
	cookieNeedsTLS
)

// sendHeader commits the session and adds its token to the header. The error is
// the commit's. Even then the client gets the token of a session that was
// stored before, since a replaced ID identifies nobody.
//
// If Options.NewID or a store panics, the response can still be written: an
// outer handler may recover and answer.
func (s *Session) sendHeader(h http.Header) error {
	s.mu.Lock()
	s.setCacheHeaders(h)
	if !s.loaded { // most requests of most sites
		s.phase = afterHeader
		s.unlock()
		return nil
	}
	warning, err := s.commitAndSendToken(h)
	s.manager.warn(&s.request, warning)
	return err
}

// commitAndSendToken unlocks s.mu.
func (s *Session) commitAndSendToken(h http.Header) (warning, error) {
	defer s.unlock()
	defer func() { s.phase = afterHeader }()
	before, panics := s.touched, true
	defer func() {
		if panics {
			s.abandonChanges(h)
		}
	}()
	err := s.commitAndTouch()
	if err != nil {
		s.changes = nil // the answer says that they are not stored
	}
	s.writeToken(h, s.touched == before)
	panics = false
	return s.takeWarning(), err
}

// conclude commits the changes made after the first byte.
func (s *Session) conclude() error {
	s.mu.Lock()
	s.phase = afterHandler
	if !s.loaded {
		s.unlock()
		return nil
	}
	warning, err := s.commitRest()
	s.manager.warn(&s.request, warning)
	return err
}

// commitRest unlocks s.mu.
func (s *Session) commitRest() (warning, error) {
	defer s.unlock()
	err := s.commitAndTouch()
	return s.takeWarning(), err
}

// takeWarning returns the warning once.
func (s *Session) takeWarning() warning {
	w := s.warning
	s.warning = noWarning
	return w
}

// abandon is called if the handler panicked. It drops the changes. If the
// handler gave the session a new ID or destroyed it, the header must say so, in
// case an outer handler recovers and answers.
func (s *Session) abandon(h http.Header) {
	s.mu.Lock()
	defer s.unlock()
	defer func() { s.phase = afterHandler }()
	if !s.headerSent() {
		s.setCacheHeaders(h)
		s.abandonChanges(h)
	}
	s.changes = nil
}

// abandonChanges does not ask the store, which may panic again.
func (s *Session) abandonChanges(h http.Header) {
	s.changes = nil
	if s.token != keepToken {
		s.writeToken(h, false)
	}
}

// commitAndTouch commits the changes, and restarts the idle timeout after a
// slow handler, unless the request is passive. It returns no error if the
// session has ended, but sets a warning if that drops changes. A new session is
// not touched: its timeout has just begun, and the store would count a second
// use as coming back.
func (s *Session) commitAndTouch() error {
	err := s.commit()
	if err == nil && s.stored && !s.isNew {
		err = s.touchIfSlow()
	}
	if !errors.Is(err, ErrEnded) {
		return err
	}
	if s.changes != nil && s.token != clearToken { // else they have ended it
		s.warning = changesDropped
		s.manager.counts.changesDropped.Add(1)
	}
	s.changes = nil
	return nil
}

// writeToken sends the client its token, or clears it. If mayHaveEnded is set,
// it first asks the store, since another request may have given the client a
// newer token since this one touched the session. If the store cannot tell, it
// sends a new token, but does not repeat an old one.
func (s *Session) writeToken(h http.Header, mayHaveEnded bool) {
	switch {
	case s.carrier() == nil:
	case s.token == clearToken:
		s.carrier().clear(h, s.tls)
	case s.stored && !s.ended && (s.token == sendToken || s.rolls()):
		if mayHaveEnded {
			_, lives, err := s.manager.readSession(s.request.Context(), s.key, ReadPeek)
			s.ended = !lives && err == nil
			if s.ended || err != nil && s.token != sendToken {
				return
			}
		}
		s.warnOfDroppedCookie()
		s.carrier().write(h, s.tls, s.manager.signer.sign(s.id), s.cookieAge())
	}
}

func (s *Session) rolls() bool {
	cookie, ok := s.carrier().(*Cookie)
	return ok && cookie.Rolling && !s.passive
}

// cookieAge returns how long the cookie lasts. 0 means until the browser
// closes.
func (s *Session) cookieAge() time.Duration {
	r, now := s.record(), s.manager.now()
	if r.Idle > 0 {
		return s.manager.ttl(r, now)
	}
	if cookie, ok := s.carrier().(*Cookie); ok && cookie.Persistent || r.Expires != 0 {
		return time.Duration(s.manager.end(r) - now)
	}
	return 0
}

// warnOfDroppedCookie sets a warning if a browser may drop the cookie.
func (s *Session) warnOfDroppedCookie() {
	cookie, ok := s.carrier().(*Cookie)
	if ok && !s.tls && cookie.needsTLS() {
		s.warning = cookieNeedsTLS
	}
}

// setCacheHeaders tells caches that the response depends on the token, or that
// it contains it.
func (s *Session) setCacheHeaders(h http.Header) {
	carrier := s.carrier()
	if carrier == nil {
		return
	}
	switch name := carrier.header(); {
	case name == "":
		h.Set("Cache-Control", "no-store")
		h.Set("Referrer-Policy", "no-referrer")
	case s.loaded && len(h["Vary"]) == 0:
		s.varyLine[0] = name
		h["Vary"] = s.varyLine[:]
	case s.loaded && !varies(h, name):
		h.Add("Vary", name)
	}
}

// varies reports whether the header says that the response depends on the
// header field name of the request.
func varies(h http.Header, name string) bool {
	for _, line := range h["Vary"] {
		for field := range strings.SplitSeq(line, ",") {
			if field = strings.TrimSpace(field); field == "*" || strings.EqualFold(field, name) {
				return true
			}
		}
	}
	return false
}
