package holdfast

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/holdfast-go/holdfast/cache"
)

// How a request's session meets the store: it is loaded when first looked at,
// and committed when the response begins. All of these methods but
// beforeHeader and afterResponse are called with the session's lock held.

// slowHandler is how long a handler runs before its return counts as activity
// of its own.
const slowHandler = time.Second

// load asks the store for the session that the request presents, once. It
// leaves a new session where there is none, which the store does not hear of.
func (s *Session) load() {
	if s.loaded {
		return
	}
	s.loaded = true
	s.begin()
	id := s.manager.options.Cookie.id(s.request)
	if id == "" {
		return
	}
	key := storeKey(id)
	raw, found := s.manager.store.Append(nil, key)
	if !found {
		return
	}
	r, err := parseRecord(raw)
	if err != nil {
		s.fail(err)
		return
	}
	if s.manager.ttl(r, s.manager.now()) <= 0 {
		s.fail(s.remove(key))
		return
	}
	s.id, s.key, s.record = id, key, r
	s.stored, s.isNew = true, false
}

// begin makes this a new session, of which nothing is known to anyone.
func (s *Session) begin() {
	s.id, s.key = "", ""
	s.record = record{created: s.manager.now()}
	s.changes = nil
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

// create stores a new session, unless it holds no values.
func (s *Session) create(decide decision) error {
	decided, err := decide(s.record)
	if err != nil {
		return err
	}
	if !decided.setsValue() {
		return nil
	}
	if s.headerSent {
		return ErrHeaderSent
	}
	s.needID()
	raw, ttl := s.encodeRecord(s.record, decided)
	if err := s.manager.store.Set(s.key, raw, ttl); err != nil {
		return err
	}
	s.cookie = cookieSent
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
	r.written = s.manager.now()
	r.idle = cs.idleTimeout(r.idle)
	raw = cs.appendTo(make([]byte, 0, headerLen+len(r.values)+cs.size()), r)
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

func (s *Session) touch(now time.Time) error {
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
		if err := s.remove(s.key); err != nil {
			return err
		}
		s.cookie = cookieExpired
	}
	s.begin()
	return nil
}

// remove deletes a record by way of Update, which unlike a plain deletion says
// when the store could not do it.
func (s *Session) remove(key string) error {
	return s.manager.store.Update(key, func([]byte, bool) (cache.Change, error) { return cache.Remove(), nil })
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
	varyByCookie(h)
	err := s.settle()
	s.headerSent = true
	if err != nil {
		return err
	}
	s.tellClient(h)
	return nil
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
		if now := s.manager.now(); now.Sub(s.touched) >= slowHandler {
			err = s.touch(now)
		}
	}
	if errors.Is(err, ErrEnded) {
		return nil
	}
	return err
}

func (s *Session) tellClient(h http.Header) {
	var cookie *http.Cookie
	switch {
	case s.cookie == cookieSent && s.stored && !s.ended:
		var maxAge time.Duration
		if s.record.idle > 0 {
			maxAge = s.manager.ttl(s.record, s.manager.now())
		}
		cookie = s.manager.options.Cookie.set(s.request, s.id, maxAge)
	case s.cookie == cookieExpired:
		cookie = s.manager.options.Cookie.expired(s.request)
	default:
		return
	}
	h.Add("Set-Cookie", cookie.String())
	h.Set("Cache-Control", "no-store")
}

// varyByCookie tells caches that the response is for one client alone.
func varyByCookie(h http.Header) {
	for _, line := range h["Vary"] {
		for name := range strings.SplitSeq(line, ",") {
			if name = strings.TrimSpace(name); name == "*" || strings.EqualFold(name, "Cookie") {
				return
			}
		}
	}
	h.Add("Vary", "Cookie")
}
