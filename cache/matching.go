package cache

import (
	"iter"
	"time"
)

// Entry is a copy of what the cache holds under an ID. It is the caller's own.
type Entry struct {
	ID    string
	Value []byte
	TTL   time.Duration // from now to the deadline; NoExpiry if there is none
	Idle  time.Duration // since the latest use; of an entry among the most recently used, maybe since an earlier one
}

// Matching iterates over the entries whose value begins with prefix, in no
// particular order and on the terms of All: no lock is held while the loop's
// body runs, and being found counts as no use. Entries that do not match are
// not copied, so finding a few among a million is cheap.
func (c *Cache) Matching(prefix []byte) iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		for i := range c.shards {
			w := walk{shard: &c.shards[i]}
			for !w.done {
				for _, entry := range c.nextMatching(&w, prefix) {
					if !yield(entry) {
						return
					}
				}
			}
		}
	}
}

// In one hold of the lock so many entries are looked at, or copied, but for the
// rest of a batch. Those of a batch come from memory together.
const (
	matchVisits = 2048
	matchCopies = 64
	matchBatch  = 32
)

// nextMatching returns those of the entries to visit next that match.
func (c *Cache) nextMatching(w *walk, prefix []byte) (found []Entry) {
	s := w.shard
	c.lock(s)
	defer c.unlock(s)
	w.done = w.done || s.closed
	batch := make([]ref, 0, 2*matchBatch)
	for visited := 0; visited < matchVisits && len(found) < matchCopies && !w.done; visited += len(batch) {
		batch = batch[:0]
		for len(batch) < matchBatch && !w.done {
			s.visitBucket(w, func(r ref) {
				prefetchHead(s.arena.record(r))
				batch = append(batch, r)
			})
		}
		for _, r := range batch {
			if s.arena.record(r).deadline > s.now && s.arena.valueHasPrefix(r, prefix) {
				found = append(found, s.entryAt(r))
			}
		}
	}
	return found
}

// entryAt returns a copy of the entry at r.
func (s *shard) entryAt(r ref) Entry {
	h := s.arena.record(r)
	return Entry{
		ID:    string(s.arena.appendID(nil, r)),
		Value: s.arena.appendValue([]byte{}, r, h.idLen()),
		TTL:   ttlUntil(h.deadline, s.now),
		Idle:  s.idle(r),
	}
}
