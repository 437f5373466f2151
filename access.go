package holdfast

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/internal/record"
)

// These methods read, touch, store and remove single sessions.

// storeError counts and returns the error of a call of the store, for a request
// with the context ctx.
func (m *Manager) storeError(ctx context.Context, err error) error {
	if err == nil {
		return nil // without a call, since this is inlined
	}
	return m.storeFailed(ctx, err)
}

func (m *Manager) storeFailed(ctx context.Context, err error) error {
	err = unanswered(err)
	m.counts.storeFailed(ctx, err)
	return err
}

// unanswered returns err. A deadline means that the store did not answer.
func unanswered(err error) error {
	if errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, ErrUnavailable) {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}

// read returns the bytes under key.
func (m *Manager) read(ctx context.Context, key string, how ReadMode) (raw []byte, found bool, err error) {
	callCtx, call := m.forRead(ctx)
	defer call.release()
	raw, found, err = m.store.Get(callCtx, key, how)
	return raw, found && err == nil, m.storeError(ctx, err)
}

// readSession is a read that does not find tombstones.
func (m *Manager) readSession(ctx context.Context, key string, how ReadMode) (raw []byte, found bool, err error) {
	raw, found, err = m.read(ctx, key, how)
	if isTombstone(raw) {
		return nil, false, err
	}
	return raw, found, err
}

// touch gives a session a new TTL, and reports false if it has ended.
func (m *Manager) touch(ctx context.Context, key string, ttl time.Duration) (bool, error) {
	callCtx, call := m.forWrite(ctx)
	defer call.release()
	touched, err := m.store.Touch(callCtx, key, ttl)
	if err != nil {
		return false, m.storeError(ctx, err)
	}
	if !touched {
		m.watchers.notify(key)
	}
	return touched, nil
}

// set stores bytes under key.
func (m *Manager) set(ctx context.Context, key string, raw []byte, ttl time.Duration) error {
	callCtx, call := m.forWrite(ctx)
	defer call.release()
	return m.storeError(ctx, m.store.Set(callCtx, key, raw, ttl))
}

// update changes the bytes under key in one atomic step.
func (m *Manager) update(ctx context.Context, key string, fn func(old []byte, found bool) (cache.Change, error)) error {
	callCtx, call := m.forWrite(ctx)
	defer call.release()
	return m.storeError(ctx, m.store.Update(callCtx, key, fn))
}

// storeNew stores the first record of a session. An ID of the system's CSPRNG
// is new, but Options.NewID may return the ID of another session.
func (m *Manager) storeNew(ctx context.Context, key string, raw []byte, ttl time.Duration) error {
	if m.options.NewID == nil {
		return m.set(ctx, key, raw, ttl)
	}
	return m.update(ctx, key, func(_ []byte, found bool) (cache.Change, error) {
		if found {
			return cache.Keep(), fmt.Errorf("%w: Options.NewID returned the ID of another session", ErrID)
		}
		return cache.Put(raw, ttl), nil
	})
}

// removal is the result of remove.
type removal struct {
	session bool   // there was a session
	moved   bool   // it has moved to a newer ID, so nothing was removed
	user    []byte // its user, for the Observer
}

// remove deletes a session.
func (m *Manager) remove(ctx context.Context, key string) (removal, error) {
	var removed removal
	err := m.update(ctx, key, func(old []byte, found bool) (cache.Change, error) {
		removed = removal{moved: found && isTombstone(old)}
		if removed.session = found && !removed.moved; !removed.session {
			return cache.Keep(), nil
		}
		if r, err := record.Parse(old); err == nil && m.observed() {
			removed.user = bytes.Clone(r.User)
		}
		return cache.Remove(), nil
	})
	if err != nil {
		return removal{}, err
	}
	m.watchers.notify(key)
	return removed, nil
}
