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

// loadID reads the session with that ID, if there is one, and restarts its idle
// timeout: a request that came in time keeps its session however long it takes.
func (s *Session) loadID(id string, now instant) error {
	key := storeKey(id)
	s.unread = id
	raw, found, err := s.manager.read(s.request.Context(), key)
	if err != nil {
		return err
	}
	if !found {
		s.unread = ""
		return nil
	}
	r, err := parseRecord(raw)
	if err != nil {
		return err
	}
	s.unread = ""
	if !s.manager.touch(key, s.manager.ttl(r, now)) {
		return nil
	}
	s.id, s.key, s.record = id, key, r
	s.touched = now
	s.stored, s.isNew = true, false
	return nil
}

// reload drops what was not stored and sees what others stored meanwhile.
func (s *Session) reload() error {
	s.changes = changes{}
	id := s.id
	switch {
	case s.ended:
		return ErrEnded
	case s.unread != "":
		id, s.err = s.unread, nil
	case !s.stored:
		return nil
	}
	wasStored := s.stored
	s.stored = false
	if err := s.loadID(id, s.manager.now()); err != nil {
		s.stored = wasStored
		s.fail(err)
		return err
	}
	if wasStored && !s.stored {
		s.stored, s.ended = true, true
		return ErrEnded
	}
	return nil
}

// begin makes this a new session, of which nothing is known to anyone.
func (s *Session) begin(now instant) {
	s.id, s.key, s.unread = "", "", ""
	s.record = record{created: now}
	s.changes = changes{}
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
	if s.err == nil && len(s.changes.all) == 0 {
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
		s.changes = decided
		return nil
	}
	if s.headerSent {
		return ErrHeaderSent
	}
	if err := s.needID(); err != nil {
		return err
	}
	raw, ttl := s.encodeRecord(s.record, decided)
	if ttl <= 0 {
		s.ended = true
		return ErrEnded
	}
	if err := s.manager.storeNew(s.key, raw, ttl); err != nil {
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
		s.manager.watchers.tell(s.key)
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
	s.changes = changes{}
	s.stored = true
	s.touched = r.written
	return err
}

// touch restarts the idle timeout, which another request may have changed since
// this one began.
func (s *Session) touch(now instant) error {
	switch {
	case s.ended:
		return ErrEnded
	case !s.stored:
		return nil
	}
	raw, found := s.manager.store.Peek(s.key)
	if !found {
		s.ended = true
		return ErrEnded
	}
	r, err := parseRecord(raw)
	if err != nil {
		return err
	}
	if !s.manager.touch(s.key, s.manager.ttl(r, now)) {
		s.ended = true
		return ErrEnded
	}
	s.touched = now
	return nil
}

func (s *Session) destroy() error {
	key := s.key
	if s.unread != "" {
		key = storeKey(s.unread)
	}
	if s.stored || s.unread != "" {
		if err := s.manager.remove(key); err != nil {
			return err
		}
		s.token = tokenWithdrawn
		s.err = nil
	}
	s.begin(s.manager.now())
	return nil
}

// beforeHeader commits the session and adds to the header what the client has
// to be told of it. An error does not keep the client from being told of what
// was stored before, since an ID that was replaced is dead.
func (s *Session) beforeHeader(h http.Header) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.carrier != nil {
		s.carrier.discloses(h, s.loaded, &s.varyLine)
	}
	if !s.loaded {
		s.headerSent = true
		return nil
	}
	err := s.settle()
	s.headerSent = true
	if s.carrier != nil {
		s.tellClient(h)
	}
	return err
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

// settle commits the changes, and restarts the idle timeout after a slow
// handler. That the session has ended is no error here: then there is nothing
// to do.
func (s *Session) settle() error {
	err := s.commit()
	if err == nil && s.stored {
		if now := s.manager.now(); now-s.touched >= slowHandler {
			err = s.touch(now)
		}
	}
	if errors.Is(err, ErrEnded) {
		if len(s.changes.all) > 0 {
			s.manager.options.Logger.DebugContext(s.request.Context(), "the session ended before its changes could be stored")
		}
		return nil
	}
	return err
}

// tellClient hands the client its token, or takes it away.
func (s *Session) tellClient(h http.Header) {
	switch {
	case s.stored && !s.ended && (s.token == tokenIssued || s.rolls()):
		s.warnIfDropped()
		s.carrier.issue(h, s.tls, s.manager.signer.sign(s.id), s.cookieAge())
	case s.token == tokenWithdrawn:
		s.carrier.withdraw(h, s.tls)
	}
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
	if ok && !s.tls && cookie.needsTLS() {
		s.manager.warnPlain.Do(func() {
			s.manager.options.Logger.WarnContext(s.request.Context(), "a session cookie that browsers accept over TLS only was set on a request that seems to have come over plain HTTP; if TLS ends at a proxy, name the proxy in TrustedProxies")
		})
	}
}
