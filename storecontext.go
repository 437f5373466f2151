package holdfast

import (
	"context"
	"sync/atomic"
	"time"
)

// storeTimeout bounds a call of a Store. A store that hangs must not hang its
// requests.
const storeTimeout = 5 * time.Second

// storeContext is the context of one call of a Store. It ends after
// storeTimeout, or at the request's deadline if that is sooner. A store that
// answers at once, from a local copy, does not look at it. So its timer is
// made when somebody waits for it.
//
// The session is not found in it: the session's lock is held during a call of
// the store, so a store that logs with its context must not ask the session for
// its user.
type storeContext struct {
	request context.Context
	end     time.Time

	// detached means that the client's disconnection does not end it: a change
	// that was begun must not stop half-way.
	detached bool

	timer atomic.Pointer[timerContext] // nil until somebody waits
}

type timerContext struct {
	context.Context
	cancel context.CancelFunc
}

// forRead returns the context of a call that changes nothing. It ends with ctx.
// call must be released after the call; it is nil if that needs no context.
func (m *Manager) forRead(ctx context.Context) (c context.Context, call *storeContext) {
	return m.forCall(ctx, false)
}

// forWrite returns the context of a call that may change something.
func (m *Manager) forWrite(ctx context.Context) (c context.Context, call *storeContext) {
	return m.forCall(ctx, true)
}

func (m *Manager) forCall(ctx context.Context, detached bool) (context.Context, *storeContext) {
	if m.cache != nil { // it waits for nothing
		return context.Background(), nil
	}
	end := time.Now().Add(storeTimeout)
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(end) {
		end = deadline
	}
	call := &storeContext{request: ctx, end: end, detached: detached}
	return call, call
}

// started returns the context with a timer, and makes it if there is none.
func (c *storeContext) started() *timerContext {
	if t := c.timer.Load(); t != nil {
		return t
	}
	parent := c.request
	if c.detached {
		parent = context.WithoutCancel(parent)
	}
	t := new(timerContext)
	t.Context, t.cancel = context.WithDeadline(parent, c.end)
	if !c.timer.CompareAndSwap(nil, t) {
		t.cancel()
	}
	return c.timer.Load()
}

func (c *storeContext) release() {
	if c == nil {
		return
	}
	if t := c.timer.Load(); t != nil {
		t.cancel()
	}
}

func (c *storeContext) Deadline() (time.Time, bool) { return c.end, true }

func (c *storeContext) Done() <-chan struct{} { return c.started().Done() }

func (c *storeContext) Err() error { return c.started().Err() }

// Value finds the timer's context too. So package context needs no goroutine
// for a context that is derived from this one.
func (c *storeContext) Value(key any) any {
	switch key.(type) {
	case sessionKey, managerKey:
		return nil
	}
	return c.started().Value(key)
}
