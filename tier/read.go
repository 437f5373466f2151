package tier

import (
	"context"
	"iter"
	"math/rand/v2"
	"time"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
)

// Get implements holdfast.Store. In the mode Cached, ReadUse and ReadPeek may
// return a value that is up to MaxStale old. In the other modes each read is
// fresh.
func (s *Store) Get(ctx context.Context, id string, how holdfast.ReadMode) (value []byte, found bool, err error) {
	if err := checkID(id); err != nil {
		return nil, false, err
	}
	c := s.copyUnder(id)
	if how != holdfast.ReadFresh && s.current(c) {
		s.counts.hits.Add(1)
		if rand.Uint32N(sampled) == 0 {
			s.sample(id, c.version)
		}
		return c.value, true, nil
	}
	item, err := s.fetch(ctx, id, c)
	if err != nil {
		return nil, false, err
	}
	return item.Value, item.Version != 0, nil
}

// fetch reads the entry under id. known is its local copy or the zero copy. An
// item that is the same gets the copy's value.
func (s *Store) fetch(ctx context.Context, id string, known localCopy) (item Item, err error) {
	if s.options.Mode == Direct {
		known = localCopy{}
	}
	s.leased(id, func() (Item, outcome) {
		command := func(ctx context.Context) (err error) {
			item, err = s.database.Read(ctx, id, known.version)
			return err
		}
		if err = s.call(ctx, command); outcomeOf(err) == unknown && ctx.Err() == nil {
			err = s.call(ctx, command) // over a new connection, if that was the fault
		}
		switch {
		case err != nil:
			item = Item{}
			return item, nothing
		case item.Same:
			s.counts.verified.Add(1)
			item.Value = known.value
		default:
			s.counts.misses.Add(1)
		}
		return item, hasRead
	})
	return item, err
}

// sampled is the number of hits of which one is verified.
const sampled = 4096

// sample compares a local copy that has answered a read with the database, for
// Stats.Mismatches. There is never one if all parts work.
func (s *Store) sample(id string, version Version) {
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), s.options.Timeout)
		defer cancel()
		item, err := s.database.Read(ctx, id, version)
		if err != nil || item.Same || item.Version == 0 {
			return
		}
		// A notification comes before the answer. So a copy of that version
		// that is still there was not notified of.
		s.changeCopy(id, version, func(c *localCopy) {
			if s.current(*c) {
				s.counts.mismatches.Add(1)
			}
			clearCopy(c)
		})
	}()
}

// ScanValues implements holdfast.Store. It asks the database. An entry's TTL
// may be up to TouchEvery too short. Its Idle is 0.
func (s *Store) ScanValues(ctx context.Context, prefix []byte) iter.Seq2[cache.Entry, error] {
	return func(yield func(cache.Entry, error) bool) {
		var found []Entry
		cursor, seen := "", make(map[string]struct{})
		for first := true; first || cursor != ""; first = false {
			err := s.call(ctx, func(ctx context.Context) (err error) {
				found, cursor, err = s.database.Scan(ctx, prefix, cursor)
				return err
			})
			if err != nil {
				yield(cache.Entry{}, err)
				return
			}
			for _, e := range found {
				if _, again := seen[e.ID]; again {
					continue
				}
				seen[e.ID] = struct{}{}
				if !yield(cache.Entry{ID: e.ID, Value: e.Value, TTL: s.withoutSlack(e.TTL)}, nil) {
					return
				}
			}
		}
	}
}

// slack is how much longer than ttl the database keeps an entry.
func (s *Store) slack(ttl time.Duration) time.Duration { return min(s.options.TouchEvery, ttl/20) }

// withSlack returns the TTL in the database of an entry that has ttl.
func (s *Store) withSlack(ttl time.Duration) time.Duration {
	if ttl > cache.NoExpiry-s.options.TouchEvery {
		return cache.NoExpiry
	}
	return ttl + s.slack(ttl)
}

// withoutSlack is the inverse of withSlack.
func (s *Store) withoutSlack(ttl time.Duration) time.Duration {
	if ttl == cache.NoExpiry {
		return ttl
	}
	return max(1, ttl-min(s.options.TouchEvery, ttl/21))
}
