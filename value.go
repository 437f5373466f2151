package holdfast

import (
	"errors"

	"github.com/holdfast-go/holdfast/codec"
)

// Get returns the value under key. It reports false if there is none, or if it is
// of another type: one that the codec cannot read as a T. The codecs of this module
// are as lenient in this as encoding/json, so that values outlive a change of their
// type: a number is of every numeric type that can hold it, nil is the zero value of
// any, and of a struct the fields that both types have are read. The value is the
// caller's own: changing it changes nothing stored.
func Get[T any](s *Session, key string) (T, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.load()
	var value T
	encoded, found := s.changes.over(s.values(), key)
	if !found || s.manager.msgPack && (codec.MsgPack{}).UnmarshalCommon(encoded, &value) {
		return value, found
	}
	decoded := new(T) // on the heap, where a codec may keep it, so not before it is needed
	if err := s.manager.decode(s.key, key, encoded, decoded); err != nil {
		return value, false
	}
	return *decoded, true
}

// Update replaces the value under key by what fn makes of it, and stores it at
// once, in one atomic step: of any number of concurrent requests none loses
// another's update. It returns the new value. Where there is no value, fn gets
// the zero T. Changes made by this request before are stored along with it.
//
// When another request changes the session in between, fn is called again with
// the newer value, so it should have no effect besides what it returns. It must
// use neither the session nor the ResponseWriter. A new session is stored when
// its response begins.
//
// The error wraps ErrValue if what is there is not a T, or is one of Save; then
// nothing is stored. It is ErrEnded if another request has just ended the
// session, by a log-out, say: then this one is a stranger's.
func Update[T any](s *Session, key string, fn func(T) T) (T, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.load()
	var updated T
	err := s.commitAs(func(r record) (change, error) {
		value, err := valueIn[T](s, r, key)
		if err != nil {
			return change{}, err
		}
		updated = fn(value)
		encoded, err := s.encode(key, updated)
		return change{what: valueSet, key: key, encoded: encoded}, err
	})
	if err != nil {
		var zero T
		return zero, err
	}
	return updated, nil
}

// Pop returns the value under key and removes it, in one atomic step: of any
// number of concurrent requests one gets it. That is what a message to be shown
// once needs. Like Update it stores the changes made before. It reports false if
// there is none, it is of another type, or it could not be removed, which Err
// tells.
func Pop[T any](s *Session, key string) (value T, ok bool) {
	if value, ok = Get[T](s, key); !ok {
		return value, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.commitAs(func(r record) (change, error) {
		_, ok = s.changes.over(r.values, key)
		var err error
		value, err = valueIn[T](s, r, key)
		return change{what: valueDeleted, key: key}, err
	})
	if err != nil || !ok {
		if !errors.Is(err, ErrEnded) {
			s.fail(err)
		}
		var zero T
		return zero, false
	}
	return value, true
}

// valueIn returns the value under key as r and the changes not stored yet make
// it; the zero T if there is none.
func valueIn[T any](s *Session, r record, key string) (value T, err error) {
	if encoded, found := s.changes.over(r.values, key); found {
		err = s.manager.decode(s.key, key, encoded, &value)
	}
	return value, err
}
