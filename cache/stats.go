package cache

import "time"

// Stats is what the cache holds and has done. The numbers of one shard are of
// one instant; those of different shards may lie moments apart.
type Stats struct {
	Entries  int       // entries that have not expired
	MaxBytes int64     // the cap
	Bytes    MemoryUse // what the entries take of it

	Hits   uint64 // lookups by Get and Append that found an entry
	Misses uint64 // and those that did not
	Sets   uint64 // values stored, by Set and Update

	EvictedForCapacity uint64 // entries that made room for others
	EvictedExpired     uint64 // entries whose TTL ran out

	// VictimAge is how long the entry that would be evicted next has been
	// idle, in the shard where that is shortest; 0 if there is no entry. While
	// EvictedForCapacity stands still it says nothing. Once that grows, the cap
	// is large enough if this stays above the time after which users come back.
	VictimAge time.Duration

	// ProtectedAge is the same for the protected entries: how long the longest
	// idle of them has been idle, 0 if there is none. While a flood evicts its own
	// sessions, VictimAge is short, but this stays long: users who came back are
	// in no danger.
	ProtectedAge time.Duration

	CallbackPanics uint64 // panics of OnEvict that were recovered
}

// MemoryUse is the bytes that a cache accounts for, by what they are used for.
type MemoryUse struct {
	IDs      int64
	Values   int64
	Overhead int64 // all that is neither an ID nor a value
}

// Total returns the sum, which never exceeds the cap.
func (b MemoryUse) Total() int64 { return b.IDs + b.Values + b.Overhead }

// HitRatio returns the share of lookups that found an entry, from 0 to 1; 0
// before the first lookup.
func (s Stats) HitRatio() float64 {
	if s.Hits == 0 {
		return 0
	}
	return float64(s.Hits) / float64(s.Hits+s.Misses)
}

// Stats returns the numbers of the moment. It takes each shard's lock for a
// short time and looks at no more entries than have expired and their
// neighbours in the index, so it is cheap enough to be called each second.
func (c *Cache) Stats() Stats {
	total := Stats{MaxBytes: c.maxBytes.Load(), CallbackPanics: c.callbackPanics.Load(), VictimAge: noAge, ProtectedAge: noAge}
	for i := range c.shards {
		s := &c.shards[i]
		c.sweepExpired(s)
		s.addTo(&total)
		c.unlock(s)
	}
	total.VictimAge, total.ProtectedAge = max(0, total.VictimAge), max(0, total.ProtectedAge)
	return total
}

// noAge is that of no entry. An age of 0 is the least.
const noAge time.Duration = -1

// counts is what has happened in a shard since it was made.
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
	total.Bytes.IDs += s.idBytes
	total.Bytes.Values += s.valueBytes
	if !s.closed {
		total.Bytes.Overhead += s.usedBytes() - s.idBytes - s.valueBytes
	}
	total.Hits += s.hits
	total.Misses += s.counts.misses
	total.Sets += s.counts.sets
	total.EvictedForCapacity += s.counts.evictions[Capacity-1]
	total.EvictedExpired += s.counts.evictions[Expired-1]
	s.addAge(&total.VictimAge, s.order.victim())
	s.addAge(&total.ProtectedAge, s.order.protected.oldest)
}

// addAge makes least what the entry at r, if there is one, has been idle, unless
// that of another shard is less.
func (s *shard) addAge(least *time.Duration, r ref) {
	if r == 0 {
		return
	}
	if age := s.idle(r); *least == noAge || age < *least {
		*least = age
	}
}
