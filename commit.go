package holdfast

import (
	"errors"
	"net/http"
	"time"

	"github.com/holdfast-go/holdfast/cache"
)

// How a request's session meets the store: it is loaded when first looked at,
// and committed when the response begins. All of these methods but
// beforeHeader and afterResponse are called with the session's lock held.

// slowHandler is how long a handler runs before its return counts as activity
// of its own.
const slowHandler = instant(time.Second)

// load asks the store for the session that the request presents, once. It
// leaves a new session where there is none, which the store does not hear of.
func (s *Session) load() {
	if s.loaded {
		return
	}
	s.loaded = true
	now := s.manager.now()
	s.begin(now)
	if s.err != nil {
		return
	}
	s.tls = s.manager.proxies.cameOverTLS(s.request)
	id := s.manager.signer.verify(s.carrier.presented(s.request, s.tls))
	if !s.manager.mayBeID(id) {
		return
	}
	s.fail(s.loadID(id, now))
}

func (s *Session) loadID(id string, now instant) error {
	key := storeKey(id)
	raw, found, err := s.manager.read(s.request.Context(), key)
	if err != nil || !found {
		return err
	}
	r, err := parseRecord(raw)
	if err != nil {
		return err
	}
	if s.manager.ttl(r, now) <= 0 {
		return s.manager.remove(key)
	}
	s.id, s.key, s.record = id, key, r
	s.stored, s.isNew = true, false
	return nil
}

// reload drops what was not stored and sees what others stored meanwhile.
func (s *Session) reload() error {
	if !s.stored || s.ended {
		s.changes = nil
		return s.endedIf(s.ended)
	}
	id := s.id
	s.stored, s.changes, s.err = false, nil, nil
	if err := s.loadID(id, s.manager.now()); err != nil {
		s.stored = true
		return err
	}
	s.ended = !s.stored
	s.stored = true
	return s.endedIf(s.ended)
}

// begin makes this a new session, of which nothing is known to anyone.
func (s *Session) begin(now instant) {
	s.id, s.key = "", ""
	s.record = record{created: now}
	s.changes = nil
	s.stored, s.ended, s.isNew = false, false, true
}

// startOver makes this a new session that keeps only the changes that this
// request made.
func (s *Session) startOver() {
	s.record = record{created: s.manager.now()}
	s.stored, s.ended, s.isNew = false, false, true
}

// decision returns the changes to make to the record of the moment. It may be
// called again with a newer record.
type decision func(r record) (changes, error)

// commit stores the changes that are not stored yet.
func (s *Session) commit() error {
	if s.err == nil && len(s.changes) == 0 {
		return nil
	}
	return s.commitAs(func(record) (changes, error) { return s.changes, nil })
}

// commitAs stores what decide decides, which includes the changes not stored
// yet. Nothing is stored if it fails.
func (s *Session) commitAs(decide decision) error {
	switch {
	case s.err != nil:
		return s.err
	case s.ended:
		return ErrEnded
	case s.stored:
		return s.merge(decide)
	}
	return s.create(decide)
}

// create stores a new session, unless there is nothing worth storing.
func (s *Session) create(decide decision) error {
	decided, err := decide(s.record)
	if err != nil {
		return err
	}
	if !decided.worthStoring() {
		return nil
	}
	if s.headerSent {
		return ErrHeaderSent
	}
	if err := s.needID(); err != nil {
		return err
	}
	raw, ttl := s.encodeRecord(s.record, decided)
	if err := s.manager.store.Set(s.key, raw, ttl); err != nil {
		return err
	}
	s.token = tokenIssued
	return s.committed(raw)
}

// merge applies the changes to whatever the session is by now in the store. If
// it is no more, it stays so.
func (s *Session) merge(decide decision) error {
	var raw []byte
	err := s.manager.store.Update(s.key, func(old []byte, found bool) (cache.Change, error) {
		raw = nil
		if !found {
			return cache.Keep(), nil
		}
		r, err := parseRecord(old)
		if err != nil {
			return cache.Keep(), err
		}
		decided, err := decide(r)
		if err != nil {
			return cache.Keep(), err
		}
		encoded, ttl := s.encodeRecord(r, decided)
		if ttl <= 0 {
			return cache.Remove(), nil
		}
		raw = encoded
		return cache.Put(raw, ttl), nil
	})
	if err != nil {
		return err
	}
	if raw == nil {
		s.ended = true
		return ErrEnded
	}
	return s.committed(raw)
}

// encodeRecord returns r after the changes, as written now, and how long the
// store may keep it.
func (s *Session) encodeRecord(r record, cs changes) (raw []byte, ttl time.Duration) {
	r = cs.header(r)
	r.written = s.manager.now()
	raw = cs.appendTo(make([]byte, 0, r.headerLen()+len(r.values)+cs.size()), r)
	return raw, s.manager.ttl(r, r.written)
}

// committed takes note that raw is what the store holds now.
func (s *Session) committed(raw []byte) error {
	r, err := parseRecord(raw)
	s.record = r
	s.changes = nil
	s.stored = true
	s.touched = r.written
	return err
}

func (s *Session) touch(now instant) error {
	switch {
	case s.ended:
		return ErrEnded
	case !s.stored:
		return nil
	}
	if !s.manager.store.Touch(s.key, s.manager.ttl(s.record, now)) {
		s.ended = true
		return ErrEnded
	}
	s.touched = now
	return nil
}

func (s *Session) destroy() error {
	if s.stored {
		if err := s.manager.remove(s.key); err != nil {
			return err
		}
		s.token = tokenWithdrawn
	}
	s.begin(s.manager.now())
	return nil
}

// beforeHeader commits the session and adds to the header what the client has
// to be told of it.
func (s *Session) beforeHeader(h http.Header) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.loaded {
		s.headerSent = true
		return nil
	}
	err := s.settle()
	s.headerSent = true
	if s.carrier != nil {
		s.carrier.discloses(h, &s.varyLine)
	}
	if err != nil {
		return err
	}
	return s.tellClient(h)
}

// afterResponse commits what was changed after the header had been sent.
func (s *Session) afterResponse() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.loaded {
		return nil
	}
	return s.settle()
}

// settle commits the changes, and without any restarts the idle timeout. That
// the session has ended is no error here: then there is nothing to do.
func (s *Session) settle() error {
	err := s.commit()
	if err == nil {
		if now := s.manager.now(); now-s.touched >= slowHandler {
			err = s.touch(now)
		}
	}
	if errors.Is(err, ErrEnded) {
		return nil
	}
	return err
}

// tellClient hands the client its token, or takes it away.
func (s *Session) tellClient(h http.Header) error {
	switch {
	case s.stored && !s.ended && (s.token == tokenIssued || s.rolls()):
		s.warnIfDropped()
		return s.carrier.issue(h, s.tls, s.manager.signer.sign(s.id), s.cookieAge())
	case s.token == tokenWithdrawn:
		return s.carrier.withdraw(h, s.tls)
	}
	return nil
}

func (s *Session) rolls() bool {
	cookie, ok := s.carrier.(*Cookie)
	return ok && cookie.Rolling
}

// cookieAge returns how long the cookie lasts; 0 ends it with the browser
// session.
func (s *Session) cookieAge() time.Duration {
	now := s.manager.now()
	if s.record.idle > 0 {
		return s.manager.ttl(s.record, now)
	}
	if cookie, ok := s.carrier.(*Cookie); ok && cookie.Persistent || s.record.expires != 0 {
		return time.Duration(s.manager.expires(s.record) - now)
	}
	return 0
}

// warnIfDropped logs, once, why a browser may drop the cookie that it is sent:
// people have lost days to that.
func (s *Session) warnIfDropped() {
	cookie, ok := s.carrier.(*Cookie)
	if ok && cookie.isSecure(s.tls) && !s.tls {
		s.manager.warnSecure.Do(func() {
			s.manager.options.Logger.WarnContext(s.request.Context(), "a Secure session cookie was set on a request that seems to have come over plain HTTP, where browsers drop it; if TLS ends at a proxy, name the proxy in TrustedProxies")
		})
	}
}
