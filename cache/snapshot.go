package cache

import (
	"fmt"
	"io"
	"math/rand/v2"
	"time"
)

// Save writes all entries that have not expired to w, as a stream that Load
// reads: in another process, on another architecture, or into a cache with
// another cap or number of shards.
//
// The cache stays usable meanwhile. The stream has each entry as it was at one
// instant. An entry that exists throughout is in the stream once; an entry
// stored or deleted meanwhile may or may not be. Save holds a lock only while
// it copies one entry or 64 IDs. It needs memory for 64 KiB of entries, or for
// the largest value.
//
// The error wraps ErrClosed or is an error of w.
func (c *Cache) Save(w io.Writer) error {
	p := c.begin(opSave, c.storedEntries())
	defer p.end()
	return c.save(w, p)
}

func (c *Cache) save(w io.Writer, p *progress) error {
	out := frameWriter{w: w, stream: rand.Uint64()}
	for i := range c.shards {
		walk := walk{shard: &c.shards[i]}
		for c.nextIDs(&walk) {
			for _, id := range walk.ids {
				if err := c.saveEntry(&out, id); err != nil {
					return err
				}
				p.done.Add(1)
			}
		}
	}
	if c.closed.Load() {
		return ErrClosed
	}
	return out.end()
}

// saveEntry adds the entry under id to out if it still exists.
func (c *Cache) saveEntry(out *frameWriter, id string) error {
	wall := time.Now()
	s, t := c.lockUnchangedFor(id)
	// peek evicts nothing, because OnEvict may call SaveFile, which would wait
	// for itself.
	if r := s.peek(id, t); r != 0 {
		h := s.arena.record(r)
		out.begin(wall)
		out.add(savedEntry{
			protected: h.header.Is(protected),
			ttl:       ttlUntil(h.deadline, s.now),
			idle:      s.idle(r),
			id:        id,
			valueLen:  int(s.arena.valueLen(r)),
		})
		out.payload = s.arena.appendValue(out.payload, r, uint32(len(id)))
	}
	c.unlock(s)
	return out.flushIfLong()
}

// Load adds the entries of a stream that Save wrote and returns their number.
// The time since the stream was saved, by the wall clock, counts towards the
// TTLs, and Load skips entries that have expired since. It also skips IDs that
// the cache has already, because their values are newer. Load makes room like
// Set; of a stream larger than the cache, the last entries stay. Loaded entries
// keep their segment, and after Load also their order of latest use.
//
// Of a stream that is truncated or altered, Load adds the intact part. The
// error then wraps ErrSnapshot and counts the missing entries. It also wraps
// the error of r if r failed, and io.ErrNoProgress if r returned neither bytes
// nor an error 100 times in a row. It wraps ErrClosed if the cache is closed.
// Checksums detect accidents, not attacks: never load a stream that an attacker
// could have written.
func (c *Cache) Load(r io.Reader) (int, error) {
	if c.closed.Load() {
		return 0, ErrClosed
	}
	in := frameReader{longest: c.options.MaxValue + frameMost}
	l := loader{cache: c, into: make([]int, len(c.shards))}
	if err := l.loadAll(&in, r); err != nil {
		return l.loaded, err
	}
	l.sort()
	return l.loaded, l.report(&in)
}

// loader is the progress of one Load.
type loader struct {
	cache     *Cache
	into      []int // by shard: entries that it received
	loaded    int
	refused   int    // entries that Set would refuse too
	malformed int    // frames with a correct checksum and invalid contents
	seen      uint64 // entries in the intact frames
}

// loadAll adds the entries of all frames of r.
func (l *loader) loadAll(in *frameReader, r io.Reader) error {
	p := l.cache.begin(opLoad, sizeOf(r))
	defer p.end()
	in.r = readProgress{r, p}
	for in.next() {
		if err := l.load(in.saved, in.payload); err != nil {
			return err
		}
	}
	return nil
}

// sort sorts the lists of the shards that received entries.
func (l *loader) sort() {
	p := l.cache.begin(opSort, int64(l.loaded))
	defer p.end()
	for i, n := range l.into {
		if n > 0 {
			l.cache.sortByUse(&l.cache.shards[i])
			p.done.Add(int64(n))
		}
	}
}

// load adds the entries of one frame.
func (l *loader) load(saved time.Time, payload []byte) error {
	savedAt := l.cache.clock.now() - int64(max(0, time.Since(saved)))
	for len(payload) > 0 {
		e, value, rest, ok := parseEntry(payload)
		if !ok {
			l.malformed++
			return nil
		}
		payload = rest
		l.seen++
		err := l.restore(e, value, savedAt)
		switch {
		case err == ErrClosed:
			return err
		case err != nil:
			l.refused++
		}
	}
	return nil
}

// restore stores an entry of a stream that was saved at savedAt, by the cache's
// clock, unless the entry has expired or its ID exists.
func (l *loader) restore(e savedEntry, value []byte, savedAt int64) error {
	c := l.cache
	if deadlineAt(savedAt, e.ttl) <= c.clock.now() {
		return nil
	}
	if err := c.check(e.id, value, e.ttl); err != nil {
		return err
	}
	loaded := false
	s, t := c.lockFor(e.id)
	step := func() (err error) {
		loaded, err = s.restore(e, t, value, savedAt)
		return err
	}
	err := step()
	if err == errInSteps {
		err = c.inSteps(s, e.id, t, step)
	} else {
		c.unlock(s)
	}
	if loaded {
		c.sampleStore(e.id, s, t, value, ttlUntil(deadlineAt(savedAt, e.ttl), c.clock.now()))
		l.loaded++
		l.into[s.number]++
	}
	return err
}

func (s *shard) restore(e savedEntry, t tag, value []byte, savedAt int64) (loaded bool, err error) {
	deadline := deadlineAt(savedAt, e.ttl)
	if deadline <= s.now || s.lookup(e.id, t) != 0 {
		return false, nil
	}
	if err := s.set(e.id, t, value, ttlUntil(deadline, s.now)); err != nil {
		return false, err
	}
	s.counts.sets--
	r := s.find(e.id, t)
	if e.protected {
		s.order.use(&s.arena, r, tickOf(s.now))
	}
	s.order.setLastUse(&s.arena, r, tickOf(max(0, max(0, savedAt)-int64(e.idle))))
	return true, nil
}

// report returns the error of a stream, or nil if it is complete.
func (l *loader) report(in *frameReader) error {
	switch {
	case in.err != nil:
		return fmt.Errorf("%w: reading failed after %d entries: %w", ErrSnapshot, l.seen, in.err)
	case in.frames == 0 && !in.ended:
		return fmt.Errorf("%w: no valid frame found; this is not a snapshot", ErrSnapshot)
	case !in.ended:
		return fmt.Errorf("%w: the end is missing or damaged; %d entries found, %d bytes damaged", ErrSnapshot, l.seen, in.skipped)
	case in.entries != l.seen || in.skipped > 0 || l.malformed > 0:
		return fmt.Errorf("%w: %d of %d entries found, %d bytes damaged", ErrSnapshot, l.seen, in.entries, in.skipped)
	case l.refused > 0:
		return fmt.Errorf("%w: %d of %d entries are too large for this cache; raise MaxValue or MaxBytes", ErrSnapshot, l.refused, in.entries)
	}
	return nil
}
