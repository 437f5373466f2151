package holdfast

import (
	"errors"
	"fmt"
	"time"

	"github.com/holdfast-go/holdfast/cache"
)

// regenerate moves the session to a new ID. The new record is stored before
// the old one is removed, and Update removes the old one only if it is still
// what the new one was made from; so nothing written meanwhile is lost, and
// what was destroyed meanwhile is not brought back. Further changes may be made
// in the same step.
func (s *Session) regenerate(also ...change) error {
	switch {
	case s.err != nil:
		return s.err
	case s.ended:
		return ErrEnded
	case s.headerSent():
		return ErrHeaderSent
	}
	id, err := s.newID()
	if err != nil {
		return err
	}
	if id == s.id {
		return fmt.Errorf("%w: Options.NewID returned the ID that the session has", ErrID)
	}
	key := storeKey(id)
	if !s.stored {
		return s.rename(id, key, also)
	}

	raw, err := s.move(key, also)
	if err != nil {
		return err
	}
	s.manager.watchers.tell(s.key)
	s.id, s.key = id, key
	s.token = tokenIssued
	s.committed(raw)
	return nil
}

// move stores the session under another key, with the changes not stored yet
// and also, and removes it where it was. If it fails, it is still there.
func (s *Session) move(key string, also []change) (raw []byte, err error) {
	store, copied := s.manager.storeNew, false
	err = s.manager.store.Update(s.key, func(old []byte, found bool) (cache.Change, error) {
		raw = nil
		if !found || isReplaced(old) {
			return cache.Keep(), nil
		}
		moved, ttl, err := s.movedTo(key, old, also)
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
		return cache.Put([]byte(replacedMark), replacedFor), nil
	})
	if err == nil && raw == nil {
		s.ended = true
		s.manager.watchers.tell(s.key)
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
func (s *Session) movedTo(key string, old []byte, also []change) (raw []byte, ttl time.Duration, err error) {
	r, err := parseRecord(old)
	if err != nil {
		return nil, 0, err
	}
	if r.values, err = s.rebindValues(r, key); err != nil {
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
func (s *Session) rename(id, key string, also []change) error {
	cs, err := s.rebindChanges(key)
	if err != nil {
		return err
	}
	s.id, s.key, s.changes = id, key, cs.with(also...)
	return nil
}

// rebindValues returns the values of r for the session's new store key. They
// differ only if the codec binds a value to its place.
func (s *Session) rebindValues(r record, newKey string) ([]byte, error) {
	if s.manager.binder == nil {
		return r.values, nil
	}
	var values []byte
	for key, encoded := range r.values.all() {
		rebound, err := s.manager.binder.Rebind(encoded, place(s.key, string(key)), place(newKey, string(key)))
		if err != nil {
			return nil, fmt.Errorf("%w cannot be bound to a new ID: %w", ErrValue, err)
		}
		values = appendValue(values, string(key), rebound)
	}
	return values, nil
}

// rebindChanges does the same for the changes not stored yet.
func (s *Session) rebindChanges(newKey string) (rebound *changes, err error) {
	if s.manager.binder == nil {
		return s.changes, nil
	}
	for _, c := range s.changes.list() {
		if c.what == valueSet {
			c.encoded, err = s.manager.binder.Rebind(c.encoded, place(s.key, c.key), place(newKey, c.key))
			if err != nil {
				return nil, fmt.Errorf("%w cannot be bound to a new ID: %w", ErrValue, err)
			}
		}
		rebound = rebound.plus(c)
	}
	return rebound, nil
}
