package holdfast

import (
	"time"

	"github.com/holdfast-go/holdfast/internal/record"
)

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
