package holdfast

import (
	"errors"
	"fmt"
	"slices"

	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/codec"
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
	case s.headerSent:
		return ErrHeaderSent
	}
	id, err := s.newID()
	if err != nil {
		return err
	}
	key := storeKey(id)
	if !s.stored {
		return s.rename(id, key, also)
	}

	var raw []byte
	err = s.manager.store.Update(s.key, func(old []byte, found bool) (change cache.Change, err error) {
		raw = nil
		if !found {
			return cache.Keep(), nil
		}
		raw, err = s.copyTo(key, old, also)
		return cache.Remove(), err
	})
	if err == nil && raw == nil {
		s.ended = true
		err = ErrEnded
	}
	if err != nil {
		return errors.Join(err, s.manager.remove(key)) // a copy may have been made before the old one was gone
	}
	s.manager.watchers.tell(s.key)
	s.id, s.key = id, key
	s.token = tokenIssued
	return s.committed(raw)
}

// copyTo stores under key what old becomes by the changes not stored yet.
func (s *Session) copyTo(key string, old []byte, also changes) ([]byte, error) {
	r, err := parseRecord(old)
	if err != nil {
		return nil, err
	}
	r.values, err = s.rebindValues(r, key)
	if err != nil {
		return nil, err
	}
	cs, err := s.rebindChanges(key)
	if err != nil {
		return nil, err
	}
	raw, ttl := s.encodeRecord(r, append(cs, also...))
	if ttl <= 0 {
		return nil, ErrEnded
	}
	return raw, s.manager.store.Set(key, raw, ttl)
}

// rename gives a new ID to a session that is not stored yet.
func (s *Session) rename(id, key string, also changes) error {
	cs, err := s.rebindChanges(key)
	if err != nil {
		return err
	}
	s.id, s.key, s.changes = id, key, append(cs, also...)
	return nil
}

// rebindValues returns the values of r for the session's new store key. They
// differ only if the codec binds a value to its place.
func (s *Session) rebindValues(r record, newKey string) ([]byte, error) {
	binder, binds := s.manager.options.Codec.(codec.Binder)
	if !binds {
		return r.values, nil
	}
	var values []byte
	for key, encoded := range r.all() {
		rebound, err := binder.Rebind(encoded, place(s.key, string(key)), place(newKey, string(key)))
		if err != nil {
			return nil, fmt.Errorf("%w cannot be bound to a new ID: %w", ErrValue, err)
		}
		values = appendValue(values, string(key), rebound)
	}
	return values, nil
}

// rebindChanges does the same for the changes not stored yet.
func (s *Session) rebindChanges(newKey string) (changes, error) {
	binder, binds := s.manager.options.Codec.(codec.Binder)
	if !binds {
		return slices.Clone(s.changes), nil
	}
	rebound := make(changes, len(s.changes))
	for i, c := range s.changes {
		if c.what == valueSet {
			var err error
			c.encoded, err = binder.Rebind(c.encoded, place(s.key, c.key), place(newKey, c.key))
			if err != nil {
				return nil, fmt.Errorf("%w cannot be bound to a new ID: %w", ErrValue, err)
			}
		}
		rebound[i] = c
	}
	return rebound, nil
}
