package holdfast

import (
	"context"
	"fmt"
	"time"

	"github.com/holdfast-go/holdfast/cache"
)

// These methods read, touch, store and remove single sessions.

// read returns the bytes under key. It counts as a use, unless passive is set.
// A Loader has no other read, so there it always counts.
func (m *Manager) read(ctx context.Context, key string, passive bool) (raw []byte, found bool, err error) {
	switch {
	case m.loader != nil:
		return m.loader.Load(ctx, nil, key)
	case passive:
		raw, found = m.store.Peek(key)
	default:
		raw, found = m.store.Append(nil, key)
	}
	return raw, found, nil
}

// peek is a passive read that does not find tombstones.
func (m *Manager) peek(ctx context.Context, key string) (raw []byte, found bool, err error) {
	raw, found, err = m.read(ctx, key, true)
	if isTombstone(raw) {
		return nil, false, err
	}
	return raw, found, err
}

// touch gives a session a new TTL, and reports false if it has ended.
func (m *Manager) touch(key string, ttl time.Duration) bool {
	touched := m.store.Touch(key, ttl)
	if !touched {
		m.watchers.notify(key)
	}
	return touched
}

// storeNew stores the first record of a session. An ID of the system's CSPRNG
// is new, but Options.NewID may return the ID of another session.
func (m *Manager) storeNew(key string, raw []byte, ttl time.Duration) error {
	if m.options.NewID == nil {
		return m.store.Set(key, raw, ttl)
	}
	return m.store.Update(key, func(_ []byte, found bool) (cache.Change, error) {
		if found {
			return cache.Keep(), fmt.Errorf("%w: Options.NewID returned the ID of another session", ErrID)
		}
		return cache.Put(raw, ttl), nil
	})
}

// remove deletes a session and reports whether there was one, or whether it has
// moved to a newer ID.
func (m *Manager) remove(key string) (removed, moved bool, err error) {
	err = m.store.Update(key, func(old []byte, found bool) (cache.Change, error) {
		moved = found && isTombstone(old)
		if removed = found && !moved; !removed {
			return cache.Keep(), nil
		}
		return cache.Remove(), nil
	})
	if err != nil {
		return false, false, err
	}
	m.watchers.notify(key)
	return removed, moved, nil
}
