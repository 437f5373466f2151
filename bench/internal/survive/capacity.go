// Package survive measures which sessions a cache keeps when there are more
// than fit.
package survive

import (
	"fmt"
	"math"
	"time"

	"github.com/holdfast-go/holdfast/bench/internal/load"
	"github.com/holdfast-go/holdfast/bench/internal/peer"
)

// ttl is long enough that nothing expires while it is measured: what is
// compared is eviction.
const ttl = 24 * time.Hour

// limits finds the configuration with which a peer holds so many sessions of
// the given lengths, and reports how many it holds. Caps mean different things
// to different libraries: bytes with or without bookkeeping, entries, megabytes
// of queues. So the cap is adjusted until the peer is as large as the others.
func limits(info peer.Info, sessions int, lengths []uint16) (peer.Config, int, error) {
	const attempts, near = 6, 0.01
	entry := load.IDLen + mean(lengths)
	c := peer.Config{
		Bytes:    int64(sessions * entry),
		Entries:  sessions,
		EntryLen: entry,
		MaxValue: maxLength(lengths),
		TTL:      ttl,
	}
	if !info.Bounded() {
		return c, sessions, nil
	}
	best, held := c, 0
	for range attempts {
		n, err := holds(info, c, sessions, lengths)
		if err != nil {
			return c, 0, err
		}
		if off(n, sessions) < off(held, sessions) {
			best, held = c, n
		}
		if off(held, sessions) < near {
			break
		}
		factor := min(4, float64(sessions)/float64(max(n, 1)))
		c.Bytes = int64(float64(c.Bytes) * factor)
		c.Entries = int(math.Round(float64(c.Entries) * factor))
	}
	return best, held, nil
}

// off is by what share n misses the target.
func off(n, target int) float64 {
	return math.Abs(float64(n-target)) / float64(target)
}

// holds counts how many of the sessions a cache still has after three times as
// many as it is meant to hold have been stored once each.
func holds(info peer.Info, c peer.Config, sessions int, lengths []uint16) (int, error) {
	p, err := info.New(c)
	if err != nil {
		return 0, fmt.Errorf("a cap of %d bytes or %d entries: %w", c.Bytes, c.Entries, err)
	}
	defer p.Close()
	value := load.Value(c.MaxValue, 1)
	for n := range 3 * sessions {
		p.Set(load.ID(uint64(n)), value[:length(lengths, n)])
	}
	settle()
	held := 0
	r := peer.NewReader(c.MaxValue)
	for n := range 3 * sessions {
		if p.Get(load.ID(uint64(n)), r) {
			held++
		}
	}
	return held, nil
}

// settle gives caches that evict in the background the time to do it.
func settle() { time.Sleep(10 * time.Millisecond) }

// plainLength is the length of values where the sequence of requests has none.
const plainLength = 256

// length returns the length of session n's value; there may be more sessions
// than lengths.
func length(lengths []uint16, n int) int {
	if len(lengths) == 0 {
		return plainLength
	}
	return int(lengths[n%len(lengths)])
}

func mean(lengths []uint16) int {
	if len(lengths) == 0 {
		return plainLength
	}
	sum := 0
	for _, n := range lengths {
		sum += int(n)
	}
	return sum / len(lengths)
}

func maxLength(lengths []uint16) int {
	longest := 0
	for n := range max(1, len(lengths)) {
		longest = max(longest, length(lengths, n))
	}
	return longest
}
