package plug

import (
	"context"
	"errors"
	"time"

	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/plug/internal/space"
)

// FiberStorage keeps the sessions of fiber's session middleware in a cache. It
// implements fiber.Storage of fiber v2 and of fiber v3. Fiber makes one; the
// zero value panics. It is safe for concurrent use.
//
// It copies the keys and values that it is given and returns copies of the
// values that it keeps, so fiber may reuse its buffers.
//
// It is for sessions, whose keys are never issued twice. A deleted key cannot
// be set again within ten minutes. Such a Set comes from a request that read
// the session before the logout and writes it back afterwards. It does nothing
// and returns no error, so the user stays logged out. If memory is so short
// that the cache evicts the tombstone, the session can come back. Middlewares
// that set a deleted key again, such as fiber's cache, need another storage.
//
// fiber's interface leaves these limits:
//
//   - Concurrent requests of one session lose updates: each stores the whole
//     session as it read and changed it, and the last one wins. In fiber v3
//     every request stores the session, even if it changed nothing.
//   - A request that calls Regenerate while another one calls Destroy keeps the
//     session: the storage sees a deletion and a new session.
type FiberStorage struct {
	sessions *space.Space
}

// Fiber returns a storage for session.Config.Storage that keeps its sessions in
// c, apart from those of any other prefix and adapter. The caller keeps
// ownership of c and closes it. Fiber panics if c is nil.
func Fiber(c *cache.Cache, prefix string) *FiberStorage {
	return &FiberStorage{space.New(c, "fiber", prefix)}
}

// Get returns a copy, owned by the caller, of the value under key. Without a
// live session under key it returns nil. The error is always nil.
func (s *FiberStorage) Get(key string) ([]byte, error) {
	value, _ := s.sessions.Get(key)
	return value, nil
}

// Set stores a copy of value under key for exp. An exp of 0 never ends; a
// negative exp has passed, and Set removes the session. If key was deleted
// within the last ten minutes, or if key or value is empty, Set does nothing
// and returns nil. The error wraps cache.ErrTooLarge or cache.ErrClosed.
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

// Delete ends the session under key and leaves a tombstone, even if there is no
// such session. In a closed cache it does nothing and returns nil.
func (s *FiberStorage) Delete(key string) error {
	_, err := s.sessions.End(key)
	return err
}

// Reset ends all sessions of this prefix and no others. A session that is first
// stored during the call may remain. Reset walks the whole cache.
func (s *FiberStorage) Reset() error {
	return s.sessions.EndAll()
}

// Close does nothing and returns nil. The cache may hold other entries than
// fiber's, so its owner closes it, and the storage works until then. In a
// closed cache Get returns nil, Delete and Reset do nothing and return nil, and
// Set returns cache.ErrClosed.
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

// zeroIsForever turns the expiry of a middleware, whose 0 never ends, into a
// TTL of the cache.
func zeroIsForever(exp time.Duration) time.Duration {
	if exp == 0 {
		return cache.NoExpiry
	}
	return exp
}
