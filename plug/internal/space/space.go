// Package space is what all adapters in plug are made of: one adapter's part of
// a cache, and the rule that a session which was ended stays ended.
//
// A token is whatever a middleware calls its session by: what the client holds.
// A space stores a session under a hash of its token (key.go), as a record
// (record.go) that is either live, with the session's data, or ended:
//
//	          Put                        End, Move from, EndAll
//	absent ─────────► live ─────────────────────────────────────► ended
//	   ▲                │ TTL, eviction                             │ endedTTL
//	   └────────────────┴───────────────────────────────────────────┘
//
// The ended record is there for requests that read the session before it was
// ended and write it back afterwards: their Put is refused. Tokens are random
// and never issued twice, so it stands in no new session's way.
package space

import (
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/holdfast-go/holdfast/cache"
)

// ErrEnded: the session was ended, and what was to be written to it was not.
var ErrEnded = errors.New("plug: the session has ended")

// endedTTL is how long an ended session is remembered: longer than a request
// should run, and short enough that the memory, some hundred bytes for each
// session ended, does not matter at hundreds of logouts a second.
const endedTTL = 10 * time.Minute

// Space is one adapter's part of a cache. It is safe for concurrent use, copies
// all bytes that it is given, and returns bytes that the caller owns. An empty
// token names no session.
type Space struct {
	cache *cache.Cache
	seed  seed
}

// New returns the space of one kind of adapter under one prefix: spaces that
// differ in either share nothing, and those that differ in neither share
// everything. An adapter's name contains no NUL byte. It panics if c is nil.
func New(c *cache.Cache, adapter, prefix string) *Space {
	if c == nil {
		panic("plug: the cache is nil")
	}
	return &Space{cache: c, seed: newSeed(adapter, prefix)}
}

// Get returns the data of the live session called token, and whether there is
// one.
func (s *Space) Get(token string) ([]byte, bool) {
	if token == "" {
		return nil, false
	}
	record, _ := s.cache.Get(s.seed.key(token))
	return dataOf(record)
}

// Put stores the session called token for ttl, in place of what was there. A
// ttl of 0 or less means that its time is over, and removes it. The error is
// ErrEnded if the session was ended, or wraps one of the cache's.
func (s *Space) Put(token string, data []byte, ttl time.Duration) error {
	return s.write(token, data, ttl, func(current []byte) bool { return !isEnded(current) })
}

// Replace is Put for a session that must be there: it returns ErrEnded also if
// the session has expired or was evicted.
func (s *Space) Replace(token string, data []byte, ttl time.Duration) error {
	return s.write(token, data, ttl, isLive)
}

// End ends the session called token for good, whether or not it is there. It
// reports false if that had been done before.
func (s *Space) End(token string) (first bool, err error) {
	if token == "" {
		return false, nil
	}
	previous, err := s.end(s.seed.key(token))
	return !isEnded(previous), err
}

// Move ends the session called from and stores its data for ttl as the session
// called to, which must be another token and not an empty one. It does nothing
// if there is no live session called from, so that moving a session cannot undo
// its end.
func (s *Space) Move(from, to string, ttl time.Duration) error {
	switch {
	case to == "":
		return errNoToken()
	case from == to:
		return fmt.Errorf("%w: the session's new ID is its old one", cache.ErrInvalid)
	case from == "":
		return nil
	}
	previous, err := s.end(s.seed.key(from))
	data, live := dataOf(previous)
	if err != nil || !live {
		return err
	}
	return s.Put(to, data, ttl)
}

// All iterates over the data of the live sessions, on the terms of cache.All:
// what is stored or ended meanwhile may or may not be seen. It walks the whole
// cache, other spaces included.
func (s *Space) All() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for _, record := range s.records() {
			if data, live := dataOf(record); live && !yield(data) {
				return
			}
		}
	}
}

// Len counts what All iterates over.
func (s *Space) Len() int {
	n := 0
	for range s.All() {
		n++
	}
	return n
}

// EndAll ends all sessions that All iterates over.
func (s *Space) EndAll() error {
	for key, record := range s.records() {
		if !isLive(record) {
			continue
		}
		if _, err := s.end(key); err != nil {
			return err
		}
	}
	return nil
}

func (s *Space) records() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		tag := s.seed.tag()
		for key, record := range s.cache.All() {
			if len(key) == keyLen && strings.HasPrefix(key, tag) && !yield(key, record) {
				return
			}
		}
	}
}

// write stores a live record if what is there now may be replaced.
func (s *Space) write(token string, data []byte, ttl time.Duration, mayReplace func(current []byte) bool) error {
	if token == "" {
		return errNoToken()
	}
	record := newRecord(data)
	return s.cache.Update(s.seed.key(token), func(current []byte, _ bool) (cache.Change, error) {
		switch {
		case !mayReplace(current):
			return cache.Keep(), ErrEnded
		case ttl <= 0:
			return cache.Remove(), nil
		default:
			return cache.Put(record, ttl), nil
		}
	})
}

// end puts an ended record under key and returns a copy of the record that was
// there. One that is ended already is kept as it is, and not for longer. In a
// closed cache all sessions have ended, so there it succeeds.
func (s *Space) end(key string) (previous []byte, err error) {
	err = s.cache.Update(key, func(current []byte, _ bool) (cache.Change, error) {
		previous = append(previous[:0], current...)
		if isEnded(current) {
			return cache.Keep(), nil
		}
		return cache.Put(endedRecord, endedTTL), nil
	})
	if errors.Is(err, cache.ErrClosed) {
		return nil, nil
	}
	return previous, err
}

func errNoToken() error {
	return fmt.Errorf("%w: the session's ID is empty", cache.ErrInvalid)
}
