package holdfast

import (
	"bytes"
	"time"

	"github.com/holdfast-go/holdfast/cache"
)

// All functions in this file are called with the session's lock held.

// decision returns one more change, made to the record that the store has at
// the moment. It may be called again with a newer record.
type decision func(r record) (change, error)

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
		return s.merge(nil)
	}
	return s.create()
}

// commitAs stores what decide decides, with the changes not stored yet. Nothing
// is stored if it fails.
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
		s.changes = s.changes.plus(decided)
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

// merge applies the changes, and what decide decides if it is not nil, to the
// session as the store has it by now. Nothing is written if that changes
// nothing. A session that has ended stays so.
func (s *Session) merge(decide decision) error {
	var raw []byte
	var over, written, newLifetime bool
	err := s.manager.store.Update(s.key, func(old []byte, found bool) (cache.Change, error) {
		raw, over = nil, false
		if !found || isReplaced(old) {
			return cache.Keep(), nil
		}
		r, err := parseRecord(old)
		if err != nil {
			return cache.Keep(), err
		}
		cs := s.changes
		if decide != nil {
			decided, err := decide(r)
			if err != nil {
				return cache.Keep(), err
			}
			cs = cs.with(decided)
		}
		if written = cs.differ(r, s.sameValue); !written {
			raw = bytes.Clone(old)
			return cache.Keep(), nil
		}
		newLifetime = cs.lifetimeDiffers(r)
		encoded, ttl := s.encodeRecord(r, cs)
		if over = ttl <= 0; over {
			return cache.Remove(), nil
		}
		raw = encoded
		return cache.Put(raw, ttl), nil
	})
	switch {
	case err != nil:
		return err
	case raw == nil:
		s.ended = true
		if over {
			s.token = tokenWithdrawn
		}
		s.manager.watchers.notify(s.key)
		return ErrEnded
	case !written:
		s.raw, s.changes = raw, nil
		return nil
	}
	if newLifetime {
		s.token = tokenIssued
	}
	s.committed(raw)
	return nil
}

// sameValue reports whether two encodings of the value under key, which differ,
// hold the same.
func (s *Session) sameValue(key string, a, b []byte) bool {
	return s.manager.binder != nil && s.manager.binder.Same(a, b, place(s.key, key))
}

// encodeRecord returns r after the changes, as written now, and how long the
// store may keep it.
func (s *Session) encodeRecord(r record, cs *changes) (raw []byte, ttl time.Duration) {
	r = cs.applyHeader(r)
	r.written = s.manager.now()
	raw = cs.appendTo(make([]byte, 0, r.headerLen()+len(r.values)+cs.size()), s.manager.space, r)
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

// destroy removes the session, also one that cannot be read, and makes this a
// new one. It reports whether there was a session to end.
func (s *Session) destroy() (ended bool, err error) {
	if s.stored || s.unread {
		if ended, err = s.manager.remove(s.key); err != nil {
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
