package holdfast

import (
	"time"

	"github.com/holdfast-go/holdfast/internal/record"
)

// A Manager's clock starts at the wall time and then follows the monotonic
// clock. So setting the wall clock ends no session and prolongs none. Times
// that users give or get are on the wall clock.

// clockTolerance is how far in the future a session may have been created. The
// clocks of several instances differ a little.
const clockTolerance = record.Instant(time.Minute)

func (m *Manager) now() record.Instant {
	return m.epoch + record.Instant(time.Since(m.started))
}

// stepped returns by how much the wall clock was set forward since the Manager
// was made, to the second: it reads the two clocks one after the other.
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

// end returns when the session ends, however active it is.
func (m *Manager) end(r record.Record) record.Instant {
	end := r.Created.Plus(m.options.AbsoluteLifetime)
	if r.Expires != 0 {
		end = min(end, r.Expires)
	}
	return end
}

func (m *Manager) idleTimeout(r record.Record) time.Duration {
	if r.Idle == 0 {
		return m.options.IdleTimeout
	}
	return r.Idle
}

// ttl returns how long the session lasts from now on without another request.
// If it has ended, the result is 0 or less.
func (m *Manager) ttl(r record.Record, now record.Instant) time.Duration {
	return min(m.idleTimeout(r), time.Duration(m.end(r)-now))
}
