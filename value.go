package holdfast

import (
	"errors"
	"fmt"
	"strings"

	"github.com/holdfast-go/holdfast/codec"
	"github.com/holdfast-go/holdfast/internal/record"
	"github.com/holdfast-go/holdfast/internal/wire"
)

// Get returns the value under key, or the zero T and false. It reports false if
// there is no value, if the session could not be read (see Err), or if the
// codec cannot read it as a T. The codecs of this module are as lenient as
// encoding/json, so that values outlive a change of their type: a number has
// every numeric type that can hold it, nil is the zero value of any type, and a
// struct keeps the fields that both types have. The caller owns the value.
// Changing it changes nothing stored.
func Get[T any](s *Session, key string) (T, bool) {
	s.mu.Lock()
	defer s.unlock()
	s.load()
	var value T
	encoded, found := s.changes.Get(s.values(), key)
	if !found || s.manager.msgPack && wire.UnmarshalCommon(encoded, &value) {
		return value, found
	}
	decoded := new(T) // a codec may keep it, so it is on the heap
	if err := s.manager.decode(s.key, key, encoded, decoded); err != nil {
		return value, false
	}
	return *decoded, true
}

// Update replaces the value under key by the result of fn, and stores it at
// once, in one atomic step: concurrent requests lose no update. It returns the
// new value. If there is no value, fn gets the zero T. Earlier changes of this
// request are stored along with it. A new session is stored when its response
// begins.
//
// If another request changes the session meanwhile, fn is called again with the
// newer value. So fn should have no other effect. It must use neither the
// session nor the ResponseWriter.
//
// The error wraps ErrValue if the stored value is not a T, or is an error of
// Save. Then nothing is stored. It is ErrEnded if another request has just
// ended the session, by a logout for example.
func Update[T any](s *Session, key string, fn func(T) T) (T, error) {
	s.mu.Lock()
	defer s.unlock()
	s.load()
	var updated T
	err := s.commitAs(func(r record.Record) (record.Change, error) {
		value, err := valueIn[T](s, r, key)
		if err != nil {
			return record.Change{}, err
		}
		updated = fn(value)
		encoded, err := s.encode(key, updated)
		return record.SetValue(key, encoded), err
	})
	if err != nil {
		var zero T
		return zero, err
	}
	return updated, nil
}

// Pop returns the value under key and removes it, in one atomic step: of
// concurrent requests only one gets it. Use it for a message that is shown
// once. Like Update it stores the earlier changes. It reports false if there is
// no value. It also reports false if the value is not a T, and leaves that. If
// it could not remove the value, it reports false, and Err returns the error,
// unless the session has ended.
func Pop[T any](s *Session, key string) (value T, ok bool) {
	if value, ok = Get[T](s, key); !ok {
		return value, false
	}
	s.mu.Lock()
	defer s.unlock()
	err := s.commitAs(func(r record.Record) (record.Change, error) {
		_, ok = s.changes.Get(r.Values, key)
		var err error
		value, err = valueIn[T](s, r, key)
		return record.DeleteValue(key), err
	})
	if err != nil || !ok {
		if !errors.Is(err, ErrEnded) {
			s.setErr(err)
		}
		var zero T
		return zero, false
	}
	return value, true
}

// valueIn returns the value under key in r after the changes not stored yet, or
// the zero T if there is none.
func valueIn[T any](s *Session, r record.Record, key string) (value T, err error) {
	if encoded, found := s.changes.Get(r.Values, key); found {
		err = s.manager.decode(s.key, key, encoded, &value)
	}
	return value, err
}

func (s *Session) encode(key string, value any) ([]byte, error) {
	if s.manager.binder != nil { // the place contains the ID
		if err := s.needID(); err != nil {
			return nil, err
		}
	}
	encoded, err := s.manager.codecAt(s.key, key).Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("%w under %q: type %T cannot be encoded: %w", ErrValue, key, value, err)
	}
	return encoded, nil
}

func (m *Manager) decode(storeKey, key string, encoded []byte, into any) error {
	if err := m.codecAt(storeKey, key).Unmarshal(encoded, into); err != nil {
		return fmt.Errorf("%w under %q: it is not of the type %s: %w", ErrValue, key, strings.TrimPrefix(fmt.Sprintf("%T", into), "*"), err)
	}
	return nil
}

// sameValue reports whether two different encodings of the value under key hold
// the same value.
func (s *Session) sameValue(key string, a, b []byte) bool {
	return s.manager.binder != nil && s.manager.binder.Same(a, b, place(s.key, key))
}

// codecAt returns the codec for one value. A codec.Binder is bound to its
// place.
func (m *Manager) codecAt(storeKey, key string) codec.Codec {
	if m.binder != nil {
		return m.binder.Bind(place(storeKey, key))
	}
	return m.options.Codec
}

// place names one value of one session. Store keys have one length, so two
// places never have one name.
func place(storeKey, key string) string { return storeKey + key }
