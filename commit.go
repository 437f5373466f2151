package holdfast

import (
	"errors"
	"net/http"
	"time"

	"github.com/holdfast-go/holdfast/cache"
)

// How a request's session meets the store: it is loaded when first looked at,
// and committed when the response begins. beforeHeader and afterResponse, with
// respond and conclude, take the session's lock; all other methods here are
// called with the lock held.

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
	id := s.manager.signer.verify(s.carrier().presented(&s.request, s.tls))
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
	if !found || isReplaced(raw) {
		s.unread, s.ended = "", found
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
	s.id, s.key, s.raw = id, key, raw
	s.touched = now
	s.stored, s.isNew = true, false
	return nil
}

// reload drops what was not stored and sees what others stored meanwhile.
func (s *Session) reload() error {
	s.changes = nil
	id := s.id
	switch {
	case s.ended:
		return ErrEnded
	case s.unread != "":
		id, s.err = s.unread, nil
	case !s.stored:
		return nil
	}
	wasStored, isNew := s.stored, s.isNew
	s.stored = false
	err := s.loadID(id, s.manager.now())
	if wasStored {
		s.isNew = isNew
	}
	if err != nil {
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
	s.raw, s.touched = nil, now
	s.changes = nil
	s.stored, s.ended, s.isNew = false, false, true
}

// startOver makes this a new session, under a new ID, that keeps only the
// changes that this request made. If it fails, nothing has changed.
func (s *Session) startOver() error {
	id, err := s.newID()
	if err != nil {
		return err
	}
	if err := s.rename(id, storeKey(id), nil); err != nil {
		return err
	}
	s.raw, s.touched = nil, s.manager.now()
	s.stored, s.ended, s.isNew = false, false, true
	return nil
}

// decision returns the changes to make to the record of the moment. It may be
// called again with a newer record.
type decision func(r record) (*changes, error)

// commit stores the changes that are not stored yet.
func (s *Session) commit() error {
	switch {
	case s.err != nil:
		return s.err
	case s.changes == nil:
		return nil
	case s.ended:
		return ErrEnded
	case s.stored:
		return s.merge(func(record) (*changes, error) { return s.changes, nil })
	}
	return s.create()
}

// commitAs stores what decide decides, which includes the changes not stored
// yet. Nothing is stored if it fails.
//
// A new session waits for its response: nobody else can know it before. So the
// store sees one write of it, and does not take it for one that came back.
func (s *Session) commitAs(decide decision) error {
	switch {
	case s.err != nil:
		return s.err
	case s.ended:
		return ErrEnded
	case s.stored:
		return s.merge(decide)
	case s.headerSent():
		return ErrHeaderSent
	}
	decided, err := decide(s.record())
	if err == nil {
		s.changes = decided
	}
	return err
}

// create stores a new session, unless there is nothing worth storing.
func (s *Session) create() error {
	if !s.changes.worthStoring() {
		return nil
	}
	if s.headerSent() {
		return ErrHeaderSent
	}
	if err := s.needID(); err != nil {
		return err
	}
	raw, ttl := s.encodeRecord(s.record(), s.changes)
	if ttl <= 0 {
		s.ended = true
		return ErrEnded
	}
	if err := s.manager.storeNew(s.key, raw, ttl); err != nil {
		return err
	}
	s.token = tokenIssued
	s.committed(raw)
	return nil
}

// merge applies the changes to whatever the session is by now in the store. If
// it is no more, it stays so.
func (s *Session) merge(decide decision) error {
	var raw []byte
	over := false // the changes end it
	err := s.manager.store.Update(s.key, func(old []byte, found bool) (cache.Change, error) {
		raw, over = nil, false
		if !found || isReplaced(old) {
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
		if over = ttl <= 0; over {
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
		if over {
			s.token = tokenWithdrawn
		}
		s.manager.watchers.tell(s.key)
		return ErrEnded
	}
	s.committed(raw)
	return nil
}

// encodeRecord returns r after the changes, as written now, and how long the
// store may keep it.
func (s *Session) encodeRecord(r record, cs *changes) (raw []byte, ttl time.Duration) {
	r = cs.header(r)
	r.written = s.manager.now()
	raw = cs.appendTo(make([]byte, 0, r.headerLen()+len(r.values)+cs.size()), r)
	return raw, s.manager.ttl(r, r.written)
}

// committed takes note that raw, which encodeRecord made, is what the store
// holds now.
func (s *Session) committed(raw []byte) {
	s.raw = raw
	s.changes = nil
	s.stored = true
	s.touched = s.record().written
}

// touch restarts the idle timeout, which another request may have changed since
// this one began. One that changes between the read and the touch counts from
// the next request.
func (s *Session) touch(now instant) error {
	switch {
	case s.ended:
		return ErrEnded
	case !s.stored:
		return nil
	}
	raw, found, err := s.manager.peek(s.request.Context(), s.key)
	if err != nil {
		return err
	}
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

// destroy reports whether there was a session to end.
func (s *Session) destroy() (ended bool, err error) {
	key := s.key
	if s.unread != "" {
		key = storeKey(s.unread)
	}
	if s.stored || s.unread != "" {
		if ended, err = s.manager.remove(key); err != nil {
			return false, err
		}
		s.token = tokenWithdrawn
	}
	if s.carrier() != nil {
		s.err = nil
	}
	s.begin(s.manager.now())
	return ended, nil
}

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
// handler. That the session has ended is no error here: then there is nothing
// to do but to remark it. A new session is not touched: its timeout has just
// begun, and a second use would be taken for a visitor who came back.
func (s *Session) settle() error {
	err := s.commit()
	if err == nil && s.stored && !s.isNew {
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
	return ok && cookie.Rolling
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
