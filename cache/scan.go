package cache

import (
	"iter"
	"time"
)

// Entry is a copy of an entry. The caller owns it, Value included.
type Entry struct {
	ID    string
	Value []byte
	TTL   time.Duration // until the deadline; NoExpiry if there is none
	Idle  time.Duration // since the latest use; at most 1 s too long
}

// ScanValues iterates over the entries whose value begins with prefix, in no
// particular order and under the rules of All: it holds no lock while the
// loop's body runs, and a visit is not a use. It does not copy entries that do
// not match, so a scan for a few among a million is cheap. A nil prefix matches
// all.
func (c *Cache) ScanValues(prefix []byte) iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		p := c.begin(opScan, c.storedEntries())
		defer p.end()
		for i := range c.shards {
			w := walk{shard: &c.shards[i]}
			for !w.done {
				found, rest := c.nextScanned(&w, prefix)
				p.done.Add(int64(w.visited))
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

// One lock hold visits so many entries, or copies so many entries or bytes,
// plus the rest of a batch.
const (
	matchVisits = 2048
	matchCopies = 32
	matchBytes  = 64 << 10
)

// nextScanned visits the next entries and returns copies of those that match.
// It returns only the IDs of matches beyond the bytes that one lock hold may
// copy.
func (c *Cache) nextScanned(w *walk, prefix []byte) (found []Entry, rest []string) {
	s := w.shard
	c.lockUnchanged(s)
	defer c.unlock(s)
	s.timeHold(holdScan)
	w.done = w.done || s.closed
	batch, bytes := make([]slot, 0, walkBatchCap), 0
	for w.visited = 0; w.visited < matchVisits && len(found) < matchCopies && bytes < matchBytes && !w.done; {
		batch = s.nextBatch(w, batch)
		for _, v := range batch {
			r := v.ref()
			if !s.matches(r, prefix) {
				continue
			}
			if bytes += int(s.arena.entryLen(r)); bytes > matchBytes {
				rest = append(rest, string(s.arena.appendID(nil, r)))
				continue
			}
			found = append(found, s.entryAt(r))
		}
	}
	return found, rest
}

// matching returns a copy of the entry under id if its value begins with
// prefix.
func (c *Cache) matching(id string, prefix []byte) (entry Entry, ok bool) {
	s, t := c.lockUnchangedFor(id)
	defer c.unlock(s)
	if r := s.peek(id, t); r != 0 && s.matches(r, prefix) {
		return s.entryAt(r), true
	}
	return Entry{}, false
}

// matches reports whether the entry at r is live and its value begins with
// prefix.
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
