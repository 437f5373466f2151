package cache

import (
	"math"
	"time"
)

// NoExpiry is the TTL of an entry that does not expire. Any TTL that reaches
// beyond what the clock can count, some 291 years, means the same.
const NoExpiry time.Duration = math.MaxInt64

// noDeadline is later than all others.
const noDeadline int64 = math.MaxInt64

// clock counts nanoseconds. It is monotonic: stepping the wall clock moves no
// deadline. On Linux it stands still while the machine is suspended, and TTLs are
// longer by that. CLOCK_BOOTTIME would go on, but takes a system call from Go (see
// doc.go).
type clock struct{ start time.Time }

// clockStart is what the clock reads when the cache is made. What it loads then
// was used before that, up to a year.
const clockStart = int64(365 * 24 * time.Hour)

func startClock() clock { return clock{time.Now()} }

func (c *clock) now() int64 { return clockStart + int64(time.Since(c.start)) }

// deadlineAt returns the deadline of a TTL given at now, which may have been
// before the clock began.
func deadlineAt(now int64, ttl time.Duration) int64 {
	if ttl == NoExpiry || now > 0 && int64(ttl) > noDeadline-now {
		return noDeadline
	}
	return now + int64(ttl)
}

// A tick is the unit in which records remember their latest use: 65.5 µs, so
// that 47 bits reach as far as the clock.
const tickShift = 16

func tickOf(now int64) uint64 { return uint64(now) >> tickShift }

// ttlUntil returns the time from now to a deadline.
func ttlUntil(deadline, now int64) time.Duration {
	if deadline == noDeadline {
		return NoExpiry
	}
	return time.Duration(deadline - now)
}
