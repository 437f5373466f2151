package cache

import (
	"bytes"
	"iter"
	"time"
)

// Entry is a copy of what the cache holds under an ID. It is the caller's own.
type Entry struct {
	ID    string
	Value []byte
	TTL   time.Duration // from now to the deadline; NoExpiry if there is none
	Idle  time.Duration // since the latest use
}

// Matching iterates over the entries whose value begins with prefix, in no
// particular order and on the terms of All: no lock is held while the loop's
// body runs, and being found counts as no use. Entries that do not match are
// not copied, so finding a few among a million is cheap.
func (c *Cache) Matching(prefix []byte) iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		for i := range c.shards {
			s := &c.shards[i]
			s.lock()
			matching := s.matching(prefix)
			c.unlock(s)
			for _, entry := range matching {
				if !yield(entry) {
					return
				}
			}
		}
	}
}

func (s *shard) matching(prefix []byte) []Entry {
	s.expire()
	now := s.clock.now()
	var found []Entry
	for id, e := range s.entries {
		if bytes.HasPrefix(e.value, prefix) {
			found = append(found, Entry{
				ID: id, Value: bytes.Clone(e.value),
				TTL: ttlUntil(e.deadline, now), Idle: time.Duration(now - e.lastUse),
			})
		}
	}
	return found
}
