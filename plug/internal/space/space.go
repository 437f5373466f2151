// Package space is the common part of the adapters in plug. A Space is one
// adapter's part of a cache. It makes sure that a session which has ended stays
// ended.
//
// A token is the name under which a middleware and its client know a session. A
// space stores a session under a hash of its token (key.go). The entry is a
// record (record.go): a live record holds the session's data, and a tombstone
// marks a session that has ended.
//
//	          Put                     End, Move from, EndAll
//	absent ─────────► live ───────────────────────────────► tombstone
//	   ▲                │ TTL, eviction                         │ tombstoneTTL
//	   └────────────────┴───────────────────────────────────────┘
//
// The tombstone refuses the Put of a request that read the session before it
// ended and writes it back afterwards. Middlewares issue no token twice, so a
// tombstone never blocks a new session.
package space

import (
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/holdfast-go/holdfast/cache"
)

// ErrEnded reports that the session has ended, so nothing was stored.
var ErrEnded = errors.New("plug: session not saved: it has ended")

// tombstoneTTL is longer than a request should run. It is short enough that
// tombstones, of about a hundred bytes each, need little memory even at
// hundreds of logouts a second.
const tombstoneTTL = 10 * time.Minute

// Space is one adapter's part of a cache. New makes one; the zero value panics.
// It is safe for concurrent use. It copies the bytes that it is given, and the
// caller owns the bytes that it returns. There is no session under an empty
// token.
type Space struct {
	cache *cache.Cache
	seed  seed
}

// New returns the space of one kind of adapter under one prefix. Spaces with
// the same adapter and prefix share all sessions; other spaces share none. The
// name of an adapter must not contain a NUL byte. New panics if c is nil.
func New(c *cache.Cache, adapter, prefix string) *Space {
	if c == nil {
		panic("plug: the cache is nil: pass one made by cache.New")
	}
	return &Space{cache: c, seed: newSeed(adapter, prefix)}
}

// Get returns the data of the session under token and reports whether that
// session is live.
func (s *Space) Get(token string) ([]byte, bool) {
	if token == "" {
		return nil, false
	}
	record, _ := s.cache.Get(s.seed.key(token))
	return dataOf(record)
}

// Put stores data under token for ttl and replaces the old data. A ttl of 0 or
// less has passed, and Put removes the session. If there is a tombstone under
// token, the error is ErrEnded. Any other error wraps an error of the cache;
// for an empty token, cache.ErrInvalid.
func (s *Space) Put(token string, data []byte, ttl time.Duration) error {
	return s.write(token, data, ttl, func(current []byte) bool { return !isTombstone(current) })
}

// Replace is Put for a session that must be live. It returns ErrEnded also if
// the session has expired or was evicted.
func (s *Space) Replace(token string, data []byte, ttl time.Duration) error {
	return s.write(token, data, ttl, isLive)
}

// End puts a tombstone under token, even if there is no live session. first is
// false if there is a tombstone already. An empty token has no session to end.
func (s *Space) End(token string) (first bool, err error) {
	if token == "" {
		return false, nil
	}
	previous, err := s.end(s.seed.key(token))
	return !isTombstone(previous), err
}

// Move stores the data of the session under from for ttl under to, and puts a
// tombstone under from. If the session under from is not live, Move stores
// nothing under to, so it cannot bring back a session that has ended. The error
// wraps cache.ErrInvalid if to is empty or equals from.
func (s *Space) Move(from, to string, ttl time.Duration) error {
	switch {
	case to == "":
		return errNoToken()
	case from == to:
		return fmt.Errorf("plug: session not moved: its new ID equals its old ID: %w", cache.ErrInvalid)
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

// All iterates over the data of the live sessions. It may or may not yield a
// session that is stored or ended during the iteration. It walks the whole
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

// Len returns the number of live sessions. It walks the whole cache.
func (s *Space) Len() int {
	n := 0
	for range s.All() {
		n++
	}
	return n
}

// EndAll ends all live sessions. A session that is first stored during the call
// may remain. EndAll walks the whole cache and returns the first error.
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

// records iterates over the space's keys and records, tombstones included.
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

// write stores data under token if mayReplace allows it for the current record.
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

// end puts a tombstone under key and returns a copy of the previous record. A
// tombstone that is there already stays and keeps its deadline. In a closed
// cache all sessions have ended, so end returns no error.
func (s *Space) end(key string) (previous []byte, err error) {
	err = s.cache.Update(key, func(current []byte, _ bool) (cache.Change, error) {
		previous = append(previous[:0], current...)
		if isTombstone(current) {
			return cache.Keep(), nil
		}
		return cache.Put(tombstone, tombstoneTTL), nil
	})
	if errors.Is(err, cache.ErrClosed) {
		return nil, nil
	}
	return previous, err
}

func errNoToken() error {
	return fmt.Errorf("plug: session not saved: its ID is empty: %w", cache.ErrInvalid)
}
