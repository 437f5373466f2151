package holdfast

import "slices"

// Get returns the value under key. It reports false if there is none, or if it
// is of another type. The value is the caller's own: changing it changes
// nothing stored.
func Get[T any](s *Session, key string) (value T, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.load()
	encoded, found := s.changes.over(s.record, key)
	if !found {
		return value, false
	}
	if err := s.decode(key, encoded, &value); err != nil {
		var zero T
		return zero, false
	}
	return value, true
}

// Update replaces the value under key by what fn makes of it, and stores it at
// once, in one atomic step: of any number of concurrent requests none loses
// another's update. It returns the new value. Where there is no value, fn gets
// the zero T. Changes made by this request before are stored along with it.
//
// When another request changes the session in between, fn is called again with
// the newer value, so it should have no effect besides what it returns. It must
// not use the session.
//
// The error wraps ErrValue if what is there is not a T, or is one of Save; then
// nothing is stored.
func Update[T any](s *Session, key string, fn func(T) T) (T, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.load()
	var updated T
	err := s.commitAs(func(r record) (changes, error) {
		value, err := valueIn[T](s, r, key)
		if err != nil {
			return nil, err
		}
		updated = fn(value)
		encoded, err := s.encode(key, updated)
		return append(slices.Clip(s.changes), change{what: valueSet, key: key, encoded: encoded}), err
	})
	if err != nil {
		var zero T
		return zero, err
	}
	return updated, nil
}

// valueIn returns the value under key as r and the changes not stored yet make
// it; the zero T if there is none.
func valueIn[T any](s *Session, r record, key string) (value T, err error) {
	if encoded, found := s.changes.over(r, key); found {
		err = s.decode(key, encoded, &value)
	}
	return value, err
}
