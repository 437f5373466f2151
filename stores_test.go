package holdfast_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"time"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
)

// Stores that misbehave or watch, and the requests that the tests send them.

func get(path string) *http.Request { return httptest.NewRequest(http.MethodGet, path, nil) }

func record(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, r)
	return recorder
}

var errAway = errors.New("the store is away")

// away is a store that can be disconnected.
type away struct {
	holdfast.Store
	away atomic.Bool
}

func (s *away) Load(_ context.Context, dst []byte, id string) ([]byte, bool, error) {
	if s.away.Load() {
		return dst, false, errAway
	}
	dst, found := s.Append(dst, id)
	return dst, found, nil
}

func (s *away) Set(id string, value []byte, ttl time.Duration) error {
	if s.away.Load() {
		return errAway
	}
	return s.Store.Set(id, value, ttl)
}

func (s *away) Update(id string, fn func([]byte, bool) (cache.Change, error)) error {
	if s.away.Load() {
		return errAway
	}
	return s.Store.Update(id, fn)
}

// counting is a store that counts all that it is asked.
type counting struct {
	holdfast.Store
	sets, updates, touches, reads atomic.Int64
}

func (s *counting) Set(id string, value []byte, ttl time.Duration) error {
	s.sets.Add(1)
	return s.Store.Set(id, value, ttl)
}

func (s *counting) Update(id string, fn func([]byte, bool) (cache.Change, error)) error {
	s.updates.Add(1)
	return s.Store.Update(id, fn)
}

func (s *counting) Touch(id string, ttl time.Duration) bool {
	s.touches.Add(1)
	return s.Store.Touch(id, ttl)
}

func (s *counting) Append(dst []byte, id string) ([]byte, bool) {
	s.reads.Add(1)
	return s.Store.Append(dst, id)
}

func (s *counting) Peek(id string) ([]byte, bool) {
	s.reads.Add(1)
	return s.Store.Peek(id)
}

// asked is how often the store was asked anything.
func (s *counting) asked() int64 {
	return s.sets.Load() + s.updates.Load() + s.touches.Load() + s.reads.Load()
}
