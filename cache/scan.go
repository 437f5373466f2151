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

// ScanValues iterates over the entries whose value begins with prefix, in no
// particular order and on the terms of All: no lock is held while the loop's
// body runs, and being found counts as no use. Entries that do not match are
// not copied, so finding a few among a million is cheap.
func (c *Cache) ScanValues(prefix []byte) iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		for i := range c.shards {
			w := walk{shard: &c.shards[i]}
			for !w.done {
				found, rest := c.nextScanned(&w, prefix)
				for _, entry := range found {
					if !yield(entry) {
						return
					}
				}
				for _, id := range rest {
					if entry, ok := c.matching(id, prefix); ok && !yield(entry) {
						return
					}
				}
			}
		}
	}
}

// In one hold of the lock so many entries are looked at, or so many entries or
// bytes copied, but for the rest of a batch. The entries of a batch come from memory
// together.
const (
	matchVisits = 2048
	matchCopies = 32
	matchBytes  = 64 << 10
	matchBatch  = 32
)

// nextScanned returns those of the entries to visit next that match. Of those
// that would be too many bytes for one hold of the lock it returns the IDs.
func (c *Cache) nextScanned(w *walk, prefix []byte) (found []Entry, rest []string) {
	s := w.shard
	c.lock(s)
	defer c.unlock(s)
	w.done = w.done || s.closed
	batch, bytes := make([]ref, 0, 2*matchBatch), 0
	for visited := 0; visited < matchVisits && len(found) < matchCopies && bytes < matchBytes && !w.done; visited += len(batch) {
		batch = batch[:0]
		for len(batch) < matchBatch && !w.done {
			s.visitBucket(w, func(v slot) {
				prefetchHead(s.arena.record(v.ref()))
				batch = append(batch, v.ref())
			})
		}
		for _, r := range batch {
			if !s.matches(r, prefix) {
				continue
			}
			if bytes += int(s.entryLen(r)); bytes > matchBytes {
				rest = append(rest, string(s.arena.appendID(nil, r)))
				continue
			}
			found = append(found, s.entryAt(r))
		}
	}
	return found, rest
}

// matching returns a copy of the entry under id, if its value begins with prefix.
func (c *Cache) matching(id string, prefix []byte) (entry Entry, ok bool) {
	s, t := c.lockFor(id)
	defer c.unlock(s)
	if r := s.peek(id, t); r != 0 && s.matches(r, prefix) {
		return s.entryAt(r), true
	}
	return Entry{}, false
}

// matches reports whether the entry at r is live and its value begins with prefix.
func (s *shard) matches(r ref, prefix []byte) bool {
	return s.arena.record(r).deadline > s.now && s.arena.valueHasPrefix(r, prefix)
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
