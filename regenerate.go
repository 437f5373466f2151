package holdfast

import (
	"errors"
	"fmt"
	"time"

	"github.com/holdfast-go/holdfast/cache"
)

// regenerate gives the session a new ID.
func (s *Session) regenerate() error {
	switch {
	case s.err != nil:
		return s.err
	case s.ended:
		return ErrEnded
	case s.headerSent():
		return ErrHeaderSent
	}
	id, key, err := s.otherID()
	if err != nil {
		return err
	}
	if s.stored {
		return s.moveTo(id, key, keepValues)
	}
	return s.rename(id, key)
}

// startOver makes this a new session, under a new ID, that keeps only the
// changes that this request made. If it fails, nothing has changed.
func (s *Session) startOver() error {
	id, key, err := s.otherID()
	if err != nil {
		return err
	}
	if err := s.rename(id, key); err != nil {
		return err
	}
	s.raw, s.touched = nil, s.manager.now()
	s.stored, s.ended, s.isNew, s.unread = false, false, true, false
	return nil
}

// otherID returns a new ID that differs from the session's, and its store key.
func (s *Session) otherID() (id, key string, err error) {
	id, err = s.newID()
	if err == nil && id == s.id {
		err = fmt.Errorf("%w: Options.NewID returned the ID that the session has", ErrID)
	}
	return id, s.manager.storeKey(id), err
}

// lostValues says what happens to values that the codec cannot bind to a new
// ID, since their key was lost.
type lostValues bool

const (
	keepValues lostValues = false // they are an error
	dropValues lostValues = true  // they are dropped
)

// moveTo stores the session under a new ID, with the changes not stored yet and
// also. If it fails, the session is still where it was.
func (s *Session) moveTo(id, key string, lost lostValues, also ...change) error {
	raw, err := s.move(key, lost, also)
	if err != nil {
		return err
	}
	s.manager.watchers.notify(s.key)
	s.id, s.key = id, key
	s.token = tokenIssued
	s.committed(raw)
	return nil
}

// move stores the new record before it removes the old one, and Update removes
// the old one only if it is still what the new one was made from. So nothing
// written meanwhile is lost, and what was destroyed meanwhile stays destroyed.
func (s *Session) move(key string, lost lostValues, also []change) (raw []byte, err error) {
	store, copied := s.manager.storeNew, false
	err = s.manager.store.Update(s.key, func(old []byte, found bool) (cache.Change, error) {
		raw = nil
		if !found || isReplaced(old) {
			return cache.Keep(), nil
		}
		moved, ttl, err := s.movedTo(key, old, lost, also)
		if err != nil {
			return cache.Keep(), err
		}
		if err := store(key, moved, ttl); err != nil {
			return cache.Keep(), err
		}
		store, copied = s.manager.store.Set, true // called again, it replaces its own copy
		switch revoked, err := s.revoked(moved); {
		case err != nil:
			return cache.Keep(), err
		case revoked:
			return cache.Remove(), nil
		}
		raw = moved
		return cache.Put(replacedMark(s.manager.now()), replacedFor), nil
	})
	if err == nil && raw == nil {
		s.ended = true
		s.manager.watchers.notify(s.key)
		err = ErrEnded
	}
	if err != nil && copied {
		_, failed := s.manager.remove(key)
		err = errors.Join(err, failed)
	}
	return raw, err
}

// movedTo returns what old becomes under another key by the changes not stored
// yet and also.
func (s *Session) movedTo(key string, old []byte, lost lostValues, also []change) (raw []byte, ttl time.Duration, err error) {
	r, err := parseRecord(old)
	if err != nil {
		return nil, 0, err
	}
	if r.values, err = s.rebindValues(r, key, lost); err != nil {
		return nil, 0, err
	}
	cs, err := s.rebindChanges(key)
	if err != nil {
		return nil, 0, err
	}
	raw, ttl = s.encodeRecord(r, cs.with(also...))
	if ttl <= 0 {
		return nil, 0, ErrEnded
	}
	return raw, ttl, nil
}

// rename gives a new ID to a session that is not stored yet.
func (s *Session) rename(id, key string) error {
	cs, err := s.rebindChanges(key)
	if err != nil {
		return err
	}
	s.id, s.key, s.changes = id, key, cs
	return nil
}

// rebindValues returns the values of r for the session's new store key. They
// differ only if the codec binds a value to its place. Values that the changes
// replace or remove are left out.
func (s *Session) rebindValues(r record, newKey string, lost lostValues) ([]byte, error) {
	if s.manager.binder == nil {
		return r.values, nil
	}
	var values []byte
	for key, encoded := range r.values.all() {
		if _, _, decided := s.changes.lookup(string(key)); decided {
			continue
		}
		rebound, err := s.manager.binder.Rebind(encoded, place(s.key, string(key)), place(newKey, string(key)))
		if err != nil && lost == dropValues {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%w under %q cannot be bound to a new ID: %w", ErrValue, key, err)
		}
		values = appendValue(values, string(key), rebound)
	}
	return values, nil
}

// rebindChanges returns the changes not stored yet for a new store key.
func (s *Session) rebindChanges(newKey string) (*changes, error) {
	if s.manager.binder == nil || s.changes == nil {
		return s.changes, nil
	}
	rebound := s.changes.with()
	for i, v := range rebound.values {
		if v.deleted {
			continue
		}
		encoded, err := s.manager.binder.Rebind(v.encoded, place(s.key, v.key), place(newKey, v.key))
		if err != nil {
			return nil, fmt.Errorf("%w under %q cannot be bound to a new ID: %w", ErrValue, v.key, err)
		}
		rebound.values[i].encoded = encoded
	}
	return rebound, nil
}
