package record

import (
	"encoding/binary"
	"math"
	"time"
)

// Instant is a Unix time in nanoseconds. 0 is the zero time.
type Instant int64

// InstantOf returns the Instant nearest to t. Instants end in the year 2262.
func InstantOf(t time.Time) Instant {
	switch year := t.Year(); {
	case t.IsZero():
		return 0
	case year < 1970:
		return 1
	case year > 2261:
		return math.MaxInt64
	}
	return max(1, Instant(t.UnixNano()))
}

// Time is the inverse of InstantOf.
func (i Instant) Time() time.Time {
	if i == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(i))
}

// Plus returns the Instant d later. It saturates.
func (i Instant) Plus(d time.Duration) Instant {
	switch later := i + Instant(d); {
	case d > 0 && later < i:
		return math.MaxInt64
	case d < 0 && later > i:
		return math.MinInt64
	default:
		return later
	}
}

// AppendTo appends the 8 bytes of i to dst, little-endian.
func (i Instant) AppendTo(dst []byte) []byte {
	return binary.LittleEndian.AppendUint64(dst, uint64(i))
}

// ReadInstant reads the Instant that AppendTo wrote at the beginning of b,
// which has at least 8 bytes.
func ReadInstant(b []byte) Instant { return Instant(binary.LittleEndian.Uint64(b)) }
