package holdfast

import (
	"bytes"
	"context"
	"time"

	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/internal/record"
)

// The session's lock is held in all functions of this file.

// decision returns one more change, given the stored record. It may be called
// again with a newer record.
type decision func(r record.Record) (record.Change, error)

// commit stores the changes.
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

// commitAs stores the change that decide returns, with the changes not stored
// yet. If it fails, nothing is stored.
//
// A new session is stored once, with its response: nobody knows it before, and
// a second write would make it look like a returning user.
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
		s.changes = s.changes.Plus(decided)
	}
	return err
}

// create stores a new session that has a value or a user.
func (s *Session) create() error {
	if !s.changes.WorthStoring() {
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
	if err := s.manager.storeNew(s.request.Context(), s.key, raw, ttl); err != nil {
		return err
	}
	s.token = sendToken
	s.committed(raw)
	s.note(note{kind: EventCreated, key: s.key, user: s.record().User})
	return nil
}

// merge applies the changes, and the one of decide if it is not nil, to the
// record that the store has now. It writes nothing if that changes nothing. A
// session that has ended stays ended.
func (s *Session) merge(decide decision) error {
	var merged struct { // by the latest call of the function
		raw                           []byte // nil if the session has ended
		expired, written, newLifetime bool
		calls                         int
	}
	err := s.manager.update(s.request.Context(), s.key, func(old []byte, found bool) (cache.Change, error) {
		merged.raw, merged.expired = nil, false
		merged.calls++
		if !found || isTombstone(old) {
			return cache.Keep(), nil
		}
		r, err := record.Parse(old)
		s.manager.counts.parsed(err)
		if err != nil {
			return cache.Keep(), err
		}
		changes := s.changes
		if decide != nil {
			decided, err := decide(r)
			if err != nil {
				return cache.Keep(), err
			}
			changes = changes.With(decided)
		}
		if merged.written = changes.Alters(r, s.sameValue); !merged.written {
			merged.raw = bytes.Clone(old)
			return cache.Keep(), nil
		}
		merged.newLifetime = changes.AltersLifetime(r)
		encoded, ttl := s.encodeRecord(r, changes)
		if merged.expired = ttl <= 0; merged.expired {
			return cache.Remove(), nil
		}
		merged.raw = encoded
		return cache.Put(encoded, ttl), nil
	})
	s.manager.counts.calls(merged.calls)
	switch {
	case err != nil:
		return err
	case merged.raw == nil:
		s.ended = true
		if merged.expired {
			s.token = clearToken
			s.noteEnd(ReasonExpired, s.key, s.record().User, nil)
		}
		s.manager.watchers.notify(s.key)
		return ErrEnded
	case !merged.written:
		s.raw, s.changes = merged.raw, nil
		return s.touchIfSlow()
	}
	if merged.newLifetime {
		s.token = sendToken
	}
	s.committed(merged.raw)
	return nil
}

// encodeRecord returns r after the changes, written now, and its TTL.
func (s *Session) encodeRecord(r record.Record, changes *record.Changes) (raw []byte, ttl time.Duration) {
	r.Written = s.manager.now()
	return record.Encode(s.manager.namespace, r, changes), s.manager.ttl(changes.ApplyHeader(r), r.Written)
}

// committed notes that the store has raw, a result of encodeRecord.
func (s *Session) committed(raw []byte) {
	s.raw = raw
	s.changes = nil
	s.stored = true
	s.touched = s.record().Written
}

// touch restarts the idle timeout. Another request may have changed the timeout
// since this one began, so touch reads it. A change between the read and the
// touch counts from the next request on.
func (s *Session) touch(now record.Instant) error {
	switch {
	case s.ended:
		return ErrEnded
	case !s.stored:
		return nil
	}
	// The end of a stream is activity too, though its client has gone away.
	ctx, call := s.manager.forWrite(s.request.Context())
	defer call.release()
	raw, found, err := s.manager.readSession(ctx, s.key, ReadPeek)
	if err != nil {
		return err
	}
	if !found {
		s.ended = true
		return ErrEnded
	}
	r, err := record.Parse(raw)
	s.manager.counts.parsed(err)
	if err != nil {
		return err
	}
	ttl, touched := s.manager.ttl(r, now), false
	if ttl > 0 {
		touched, err = s.manager.touch(ctx, s.key, ttl)
	} else {
		err = s.expire(ctx, raw)
	}
	if err != nil {
		return err
	}
	if !touched {
		s.ended = true
		return ErrEnded
	}
	s.touched = now
	return nil
}

// expire removes the session, which is past its end, if its record is still
// raw.
func (s *Session) expire(ctx context.Context, raw []byte) error {
	removed := false
	err := s.manager.update(ctx, s.key, func(old []byte, found bool) (cache.Change, error) {
		if removed = found && bytes.Equal(old, raw); !removed {
			return cache.Keep(), nil
		}
		return cache.Remove(), nil
	})
	if err == nil && removed {
		s.noteEnd(ReasonExpired, s.key, record.View(raw).User, nil)
	}
	s.manager.watchers.notify(s.key)
	return err
}

// touchIfSlow restarts the idle timeout if this request has taken a while,
// unless it is passive.
func (s *Session) touchIfSlow() error {
	if now := s.manager.now(); !s.passive && now-s.touched >= slowHandler {
		return s.touch(now)
	}
	return nil
}

// destroy removes the session, also one that cannot be read, and makes this a
// new one. It reports whether there was a session to end. The error is ErrEnded
// if the session has a newer ID. Then this request stays late: it begins no
// session.
func (s *Session) destroy() (ended bool, err error) {
	if s.late {
		return false, ErrEnded
	}
	if s.carrier() != nil {
		// The client may have presented other sessions too. The next request
		// must not find one of them. They go first: if one cannot be removed,
		// the session still exists.
		for id, refused := range s.presented {
			if refused != "" {
				continue
			}
			if key := s.manager.storeKey(id); key != s.key {
				removed, err := s.manager.remove(s.request.Context(), key)
				if err != nil {
					return false, err
				}
				if removed.session {
					s.noteEnd(ReasonLogout, key, removed.user, removed.user)
				}
			}
		}
	}
	if s.stored || s.unread {
		removed, err := s.manager.remove(s.request.Context(), s.key)
		if err != nil {
			return false, err
		}
		if removed.moved {
			s.changes, s.ended, s.late = nil, true, true
			return false, ErrEnded
		}
		if ended = removed.session; ended {
			s.noteEnd(ReasonLogout, s.key, removed.user, removed.user)
		}
		s.token = clearToken
	}
	if s.carrier() != nil {
		s.err = nil
	}
	s.startNew(s.manager.now())
	return ended, nil
}
