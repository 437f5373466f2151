package cache

import (
	"math"
	"time"
)

// NoExpiry is the TTL of an entry that does not expire. A TTL beyond the range
// of the clock, about 291 years, means the same.
const NoExpiry time.Duration = math.MaxInt64

// noDeadline is the deadline of an entry that does not expire. It is later than
// all others.
const noDeadline int64 = math.MaxInt64

// clock counts nanoseconds. It is monotonic: a step of the wall clock moves no
// deadline. On Linux and macOS it stops while the machine is suspended, so TTLs
// last longer by that time. CLOCK_BOOTTIME goes on, but Go needs a system call
// to read it (see docs/design-cache.md).
type clock struct{ start time.Time }

// clockStart is the clock's reading when the cache is made. Load restores uses
// from before that time, so the clock starts a year in.
const clockStart = int64(365 * 24 * time.Hour)

func startClock() clock { return clock{time.Now()} }

func (c *clock) now() int64 { return clockStart + int64(time.Since(c.start)) }

// deadlineAt returns the deadline of a TTL that starts at now. Load passes
// times from before the clock's start, so now may be negative.
func deadlineAt(now int64, ttl time.Duration) int64 {
	if ttl == NoExpiry || now > 0 && int64(ttl) > noDeadline-now {
		return noDeadline
	}
	return now + int64(ttl)
}

// A tick is the unit of a record's latest use: 1<<tickShift ns, which is 65.5
// µs. So 47 bits of ticks cover the range of the clock.
const tickShift = 16

func tickOf(now int64) uint64 { return uint64(now) >> tickShift }

// ttlUntil returns the TTL that ends at deadline.
func ttlUntil(deadline, now int64) time.Duration {
	if deadline == noDeadline {
		return NoExpiry
	}
	return time.Duration(deadline - now)
}
