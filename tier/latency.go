package tier

import (
	"context"
	"sync/atomic"
	"time"
)

// Latencies are the times of the commands to the database, by method of
// Database. A command that failed counts with the time until its error, and a
// second try counts by itself. A command that fails at once because the
// database is away is not sent, so it does not count.
type Latencies struct {
	Read, Swap, Set, Touch, Scan, Pulse Histogram
}

// Histogram counts durations. The zero Histogram has none.
type Histogram struct {
	// Buckets count the durations by length: Buckets[i] those above
	// HistogramBounds()[i-1] and up to HistogramBounds()[i], the last one those
	// above all bounds.
	Buckets [len(bounds) + 1]uint64

	Sum time.Duration // of all durations
}

// bounds have the default timeouts of the stores among them.
var bounds = [...]time.Duration{
	100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond,
	10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2500 * time.Millisecond, 5 * time.Second,
}

// HistogramBounds returns the bounds of each Histogram, from 0.1 ms to 5 s in
// ascending order. The slice is the caller's.
func HistogramBounds() []time.Duration {
	all := bounds
	return all[:]
}

// Count returns the number of durations.
func (h Histogram) Count() (n uint64) {
	for _, in := range h.Buckets {
		n += in
	}
	return n
}

// histogram is a Histogram that commands write.
type histogram struct {
	buckets [len(bounds) + 1]atomic.Uint64
	sum     atomic.Int64
}

func (h *histogram) since(began time.Time) {
	d := time.Since(began)
	i := 0
	for i < len(bounds) && d > bounds[i] {
		i++
	}
	h.buckets[i].Add(1)
	h.sum.Add(int64(d))
}

func (h *histogram) load() (copied Histogram) {
	for i := range h.buckets {
		copied.Buckets[i] = h.buckets[i].Load()
	}
	copied.Sum = time.Duration(h.sum.Load())
	return copied
}

// timed is a Database whose commands are timed.
type timed struct {
	Database
	read, swap, set, touch, scan, pulse histogram
}

func (t *timed) latencies() Latencies {
	return Latencies{
		Read: t.read.load(), Swap: t.swap.load(), Set: t.set.load(),
		Touch: t.touch.load(), Scan: t.scan.load(), Pulse: t.pulse.load(),
	}
}

func (t *timed) Read(ctx context.Context, id string, known Version) (Item, error) {
	defer t.read.since(time.Now())
	return t.Database.Read(ctx, id, known)
}

func (t *timed) Swap(ctx context.Context, id string, old, next Version, value []byte, ttl time.Duration) (bool, Item, error) {
	defer t.swap.since(time.Now())
	return t.Database.Swap(ctx, id, old, next, value, ttl)
}

func (t *timed) Set(ctx context.Context, id string, next Version, value []byte, ttl time.Duration) error {
	defer t.set.since(time.Now())
	return t.Database.Set(ctx, id, next, value, ttl)
}

func (t *timed) Touch(ctx context.Context, id string, known Version, ttl time.Duration, extend bool) (bool, error) {
	defer t.touch.since(time.Now())
	return t.Database.Touch(ctx, id, known, ttl, extend)
}

func (t *timed) Scan(ctx context.Context, prefix []byte, cursor string) ([]Entry, string, error) {
	defer t.scan.since(time.Now())
	return t.Database.Scan(ctx, prefix, cursor)
}

func (t *timed) Pulse(ctx context.Context) (Pulse, error) {
	defer t.pulse.since(time.Now())
	return t.Database.Pulse(ctx)
}
