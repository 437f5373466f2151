package holdfast

import (
	"context"
	"errors"
	"sync/atomic"
)

// Stats are counts since New. Each count is exact, but they are read one after
// the other. They are counts of this Manager alone: other processes that share
// its Store have their own.
type Stats struct {
	// Created counts sessions that were stored for the first time, also those
	// that a login began.
	Created uint64

	LoggedIn    uint64 // calls of Session.Login that returned nil
	Regenerated uint64 // stored sessions that Session.Regenerate gave a new ID

	// Ended counts sessions by the reason of their end. Every reason of an end
	// has an entry. A session that idles out or is evicted is counted only if a
	// cache reports it: see Manager.OnEvict.
	Ended map[Reason]uint64

	// Refused counts requests that presented a token, and had no session by it,
	// by the reason. Every reason of a refusal has an entry. With a cache, a
	// request that does not use its session is not counted.
	Refused map[Reason]uint64

	// ChangesDropped counts requests whose changes were not stored because
	// another request had ended the session meanwhile, or had given it a new
	// ID.
	ChangesDropped uint64

	// Conflicts counts changes that were made again, on a newer record, because
	// another request had changed the session meanwhile.
	Conflicts uint64

	// StoreUnavailable counts calls of the store that failed with
	// ErrUnavailable. StoreRefused counts those that failed with another error:
	// a value was too large, or the cache was closed. A call that ended because
	// the client went away is in neither.
	StoreUnavailable uint64
	StoreRefused     uint64

	// Damaged counts reads of a record that failed with ErrRecord.
	Damaged uint64

	// ObserverPanics counts recovered panics of Options.Observer and
	// Options.ClientAddr.
	ObserverPanics uint64
}

// Stats returns the counts so far. It locks nothing.
func (m *Manager) Stats() Stats {
	c := m.counts
	s := Stats{
		Created:          c.created.Load(),
		LoggedIn:         c.loggedIn.Load(),
		Regenerated:      c.regenerated.Load(),
		Ended:            make(map[Reason]uint64, len(endReasons)),
		Refused:          make(map[Reason]uint64, len(refusalReasons)),
		ChangesDropped:   c.changesDropped.Load(),
		Conflicts:        c.conflicts.Load(),
		StoreUnavailable: c.storeUnavailable.Load(),
		StoreRefused:     c.storeRefused.Load(),
		Damaged:          c.damaged.Load(),
		ObserverPanics:   c.observerPanics.Load(),
	}
	for _, why := range endReasons {
		s.Ended[why] = c.reasons[why].Load()
	}
	for _, why := range refusalReasons {
		s.Refused[why] = c.reasons[why].Load()
	}
	return s
}

// counts are the numbers of Stats. Requests that read an existing session write
// none of them.
type counts struct {
	created, loggedIn, regenerated atomic.Uint64
	changesDropped, conflicts      atomic.Uint64
	storeUnavailable, storeRefused atomic.Uint64
	damaged, observerPanics        atomic.Uint64

	reasons map[Reason]*atomic.Uint64 // of ends and refusals; never changes
}

func newCounts() *counts {
	c := &counts{reasons: make(map[Reason]*atomic.Uint64)}
	for _, why := range append(endReasons, refusalReasons...) {
		c.reasons[why] = new(atomic.Uint64)
	}
	return c
}

// event counts one Event.
func (c *counts) event(kind EventKind, why Reason) {
	switch kind {
	case EventCreated:
		c.created.Add(1)
	case EventLoggedIn:
		c.loggedIn.Add(1)
	case EventRegenerated:
		c.regenerated.Add(1)
	default:
		c.reasons[why].Add(1)
	}
}

// calls notes that the function of one Update was called n times.
func (c *counts) calls(n int) {
	if n > 1 {
		c.conflicts.Add(uint64(n - 1))
	}
}

// parsed counts the error of reading a record.
func (c *counts) parsed(err error) {
	if err != nil {
		c.damaged.Add(1)
	}
}

// storeFailed counts the error of a call of the store, given the context of the
// request. Update also returns errors of its function; those do not count.
func (c *counts) storeFailed(ctx context.Context, err error) {
	switch {
	case err == nil:
	case errors.Is(err, context.Canceled) && errors.Is(ctx.Err(), context.Canceled): // the client went away
	case errors.Is(err, ErrUnavailable):
		c.storeUnavailable.Add(1)
	case errors.Is(err, ErrRecord), errors.Is(err, ErrValue), errors.Is(err, ErrID):
	default:
		c.storeRefused.Add(1)
	}
}
