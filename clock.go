package holdfast

import (
	"time"

	"github.com/holdfast-go/holdfast/internal/record"
)

// A Manager's clock starts at the wall time and then follows the monotonic
// clock. So setting the wall clock ends no session and prolongs none. With a
// Store, the Manager's clock is the store's: the processes that share sessions
// must agree on the time. Times that users give or get are on the wall clock of
// this process.

// clockTolerance is how far in the future a session may have been created. The
// processes that share a store agree on the time only to about a second.
const clockTolerance = record.Instant(time.Minute)

func (m *Manager) now() record.Instant {
	if m.cache == nil {
		return record.InstantOf(m.store.Now())
	}
	return m.epoch + record.Instant(time.Since(m.started))
}

// stepped returns how far the wall clock is ahead of the Manager's clock, to
// the second: it reads the two clocks one after the other.
func (m *Manager) stepped() time.Duration {
	return time.Duration(record.InstantOf(time.Now()) - m.now()).Round(time.Second)
}

// instantAt returns the Instant at which the wall clock will show t. The zero
// time is 0.
func (m *Manager) instantAt(t time.Time) record.Instant {
	if t.IsZero() {
		return 0
	}
	return max(1, record.InstantOf(t).Plus(-m.stepped()))
}

// wallTime is the inverse of instantAt.
func (m *Manager) wallTime(i record.Instant) time.Time {
	if i == 0 {
		return time.Time{}
	}
	return i.Plus(m.stepped()).Time()
}
