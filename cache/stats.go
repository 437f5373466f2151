package cache

import "time"

// Stats is a copy of the cache's numbers. The numbers of one shard belong to
// one instant; those of different shards may be moments apart. Hits and Misses
// may be a moment newer.
type Stats struct {
	Entries  int       // entries that have not expired
	MaxBytes int64     // the cap, in bytes
	Bytes    MemoryUse // the part of the cap in use

	Hits   uint64 // lookups by Get and Append that found an entry
	Misses uint64 // lookups by Get and Append that found none
	Sets   uint64 // values that Set and Update stored

	EvictedForCapacity uint64 // live entries evicted for room
	EvictedExpired     uint64 // entries removed after their deadline

	// VictimAge is the idle time of the next victim, in the shard where it is
	// shortest; 0 if the cache is empty. It has a meaning once
	// EvictedForCapacity grows: then the cap is large enough if VictimAge stays
	// above the time after which users return.
	VictimAge time.Duration

	// ProtectedAge is the idle time of the longest idle protected entry, in the
	// shard where it is shortest; 0 if there is none. A flood that evicts its
	// own sessions makes VictimAge short, but ProtectedAge stays long: users
	// who returned keep their sessions.
	ProtectedAge time.Duration

	// Probation and Protected are the two parts of the order of eviction, see
	// Eviction above. In plain LRU all entries are in Probation.
	Probation, Protected SegmentUse

	// ProtectedLimit is the number of bytes that Protected may have before its
	// longest idle entries become victims too. The cache adapts it: see
	// Options.Protected.
	ProtectedLimit int64

	// LockHolds are the timed lock holds, by kind of operation.
	LockHolds [holdKinds]LockHolds

	// Running are the long operations under way, in the order in which they
	// began; nil if there is none. An operation leaves Running when it ends, be
	// it by an error or a panic.
	Running []Progress

	// Curve estimates the hit ratio at a quarter, half, once, twice and four
	// times MaxBytes, from a sample of the IDs. With even traffic, half of it
	// comes from the latest four hours, and a 64th from more than a day ago.
	// The middle point is the real hit ratio of that time, so the difference to
	// the next point is the gain of twice the cap. All points are zero while
	// there is no estimate: with a cap below about 1.3 MiB, before some 65,000
	// lookups, with fewer than some 4,000 sessions, and after Close.
	// SetMaxBytes starts it anew.
	Curve [5]CurvePoint

	CallbackPanics uint64 // recovered panics of OnEvict
}

// MemoryUse is the number of bytes that a cache accounts for, by purpose. The
// rest of the cap is free.
type MemoryUse struct {
	IDs     int64
	Values  int64
	Headers int64 // of entries, with the padding to granules of 8 bytes
	Index   int64 // grows and shrinks with the number of entries
	Fixed   int64 // tables that depend on the cap alone
}

// Total returns the sum, which never exceeds the cap.
func (b MemoryUse) Total() int64 { return b.IDs + b.Values + b.Headers + b.Index + b.Fixed }

// SegmentUse is the number of entries in a part of the order of eviction, and
// the bytes of their IDs, values and headers. The part includes entries that
// have expired and still have their memory.
type SegmentUse struct {
	Entries int
	Bytes   int64
}

// HitRatio returns the share of lookups that found an entry, from 0 to 1; 0
// before the first lookup.
func (s Stats) HitRatio() float64 {
	if s.Hits == 0 {
		return 0
	}
	return float64(s.Hits) / float64(s.Hits+s.Misses)
}

// Stats returns the current numbers. It locks each shard for a short time and
// visits only segments of the index that may have expired entries, so a call
// each second is cheap.
func (c *Cache) Stats() Stats {
	total := Stats{
		MaxBytes:       c.maxBytes.Load(),
		LockHolds:      c.holds.at(c.clock.now()),
		Running:        c.running.now(),
		CallbackPanics: c.callbackPanics.Load(),
		VictimAge:      noAge,
		ProtectedAge:   noAge,
	}
	for i := range c.shards {
		s := &c.shards[i]
		c.sweepExpired(s)
		s.addTo(&total)
		c.unlock(s)
	}
	if c.readers != nil {
		c.readers.addTo(&total)
	}
	c.addCurve(&total)
	total.VictimAge, total.ProtectedAge = max(0, total.VictimAge), max(0, total.ProtectedAge)
	return total
}

// noAge is the age of no entry. 0 is a valid age.
const noAge time.Duration = -1

// counts are the events of a shard since New.
type counts struct {
	misses, sets uint64
	evictions    [Expired]uint64 // by EvictionReason - 1
}

func (s *shard) count(hit bool) {
	if hit {
		s.hits++
	} else {
		s.counts.misses++
	}
}

func (s *shard) addTo(total *Stats) {
	total.Entries += s.entries()
	total.Bytes.add(s.memoryUse())
	s.order.probation.addTo(&total.Probation)
	s.order.protected.addTo(&total.Protected)
	total.ProtectedLimit += s.order.protectedLimit(&s.arena) * granule
	total.Hits += s.hits
	total.Misses += s.counts.misses
	total.Sets += s.counts.sets
	total.EvictedForCapacity += s.counts.evictions[Capacity-1]
	total.EvictedExpired += s.counts.evictions[Expired-1]
	s.addAge(&total.VictimAge, s.order.victim())
	s.addAge(&total.ProtectedAge, s.order.protected.oldest)
}

func (b *MemoryUse) add(more MemoryUse) {
	b.IDs += more.IDs
	b.Values += more.Values
	b.Headers += more.Headers
	b.Index += more.Index
	b.Fixed += more.Fixed
}

func (l *list) addTo(use *SegmentUse) {
	use.Entries += int(l.count)
	use.Bytes += l.granules * granule
}

// addAge lowers least to the idle time of the entry at r, if r is not 0.
func (s *shard) addAge(least *time.Duration, r ref) {
	if r == 0 {
		return
	}
	if age := s.idle(r); *least == noAge || age < *least {
		*least = age
	}
}
