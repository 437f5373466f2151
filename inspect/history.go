package inspect

import "time"

// The history has a point for each interval, for the last quarter of an hour.
const (
	interval = 2 * time.Second
	window   = 15 * time.Minute
	points   = int(window / interval)
)

// history is a ring of the latest points. It takes about 110 KiB, always.
type history struct {
	ring [points]point
	next int // where the next point goes
	n    int
}

// point is a copy of the numbers that the charts show. Counts are totals.
type point struct {
	at int64 // Unix time in milliseconds

	entries, bytes, limit           int64
	hits, misses, evicted, expired  uint64
	errors                          uint64
	dbUnavailable, dbRefused, dbRun uint64
	dbTime                          time.Duration // of all commands of dbRun

	events [len(eventRows)]uint64
}

func (h *history) add(p point) {
	h.ring[h.next] = p
	h.next = (h.next + 1) % points
	h.n = min(h.n+1, points)
}

// all returns a copy of the points, the oldest first.
func (h *history) all() []point {
	all := make([]point, 0, h.n)
	for i := h.next - h.n; i < h.next; i++ {
		all = append(all, h.ring[(i+points)%points])
	}
	return all
}
