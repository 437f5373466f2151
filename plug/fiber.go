package plug

import (
	"context"
	"errors"
	"time"

	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/plug/internal/space"
)

// FiberStorage keeps the sessions of fiber's session middleware: it is a
// fiber.Storage of fiber v2 and of fiber v3. Make one with Fiber. It is safe
// for concurrent use.
//
// It keeps no key and no value that it is given, and returns none that it
// keeps, so fiber may reuse its buffers.
//
// It is for sessions, whose keys are never issued twice. A key that was
// deleted cannot be set again within ten minutes: that is a request which read
// the session before the log-out and writes it back afterwards. The late Set
// does nothing and returns no error, so a user stays logged out. Only where
// memory is so short that even that mark was evicted can a session come back.
// For middlewares that set what they deleted under the same key, such as
// fiber's cache, use another storage.
//
// What fiber's interface makes impossible:
//
//   - Two requests of one session at a time: each stores the whole session as
//     it read it and changed it, so of their changes, one's are lost. In fiber
//     v3 every request stores the session, also one that changed nothing.
//   - A request that calls Regenerate while another one calls Destroy: the
//     storage sees a deletion and a new session, and stores that.
type FiberStorage struct {
	sessions *space.Space
}

// Fiber returns a storage for session.Config.Storage that keeps its sessions in
// c, apart from those of any other prefix and adapter. The cache remains the
// caller's to close. It panics if c is nil.
func Fiber(c *cache.Cache, prefix string) *FiberStorage {
	return &FiberStorage{space.New(c, "fiber", prefix)}
}

// Get returns a copy of the value under key, which the caller owns, and nil if
// there is none. The error is always nil.
func (s *FiberStorage) Get(key string) ([]byte, error) {
	value, _ := s.sessions.Get(key)
	return value, nil
}

// Set stores a copy of value under key for exp, unless key was deleted lately:
// then it does nothing. An exp of 0 means for ever; a negative one has already
// passed, and removes what is there. With an empty key or value it does
// nothing. The error wraps cache.ErrTooLarge or cache.ErrClosed.
func (s *FiberStorage) Set(key string, value []byte, exp time.Duration) error {
	if key == "" || len(value) == 0 {
		return nil
	}
	err := s.sessions.Put(key, value, zeroIsForever(exp))
	if errors.Is(err, space.ErrEnded) {
		return nil
	}
	return err
}

// Delete ends the session under key, whether or not it is there.
func (s *FiberStorage) Delete(key string) error {
	_, err := s.sessions.End(key)
	return err
}

// Reset ends all sessions of this prefix, and no others. One that is stored for
// the first time meanwhile may remain. It walks the whole cache.
func (s *FiberStorage) Reset() error {
	return s.sessions.EndAll()
}

// Close does nothing and returns nil. The cache may hold what is not fiber's:
// who made it closes it, and the storage works until then. In a closed cache
// there is nothing to get, deleting succeeds, and setting is cache.ErrClosed.
func (s *FiberStorage) Close() error { return nil }

// GetWithContext is Get, unless ctx has ended: then it returns ctx's error.
func (s *FiberStorage) GetWithContext(ctx context.Context, key string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return s.Get(key)
}

// SetWithContext is Set, unless ctx has ended: then it does nothing and returns
// ctx's error.
func (s *FiberStorage) SetWithContext(ctx context.Context, key string, value []byte, exp time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.Set(key, value, exp)
}

// DeleteWithContext is Delete, unless ctx has ended: then it does nothing and
// returns ctx's error.
func (s *FiberStorage) DeleteWithContext(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.Delete(key)
}

// ResetWithContext is Reset, unless ctx has ended: then it does nothing and
// returns ctx's error.
func (s *FiberStorage) ResetWithContext(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.Reset()
}

// zeroIsForever turns an expiry of which 0 means for ever into a TTL.
func zeroIsForever(exp time.Duration) time.Duration {
	if exp == 0 {
		return cache.NoExpiry
	}
	return exp
}
