package tier

import (
	"context"
	"iter"

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
	m := s.moment()
	c := s.copyUnder(id)
	if how != holdfast.ReadFresh && m.current(c) {
		if s.counts.hits.Add(1)%sampled == 0 {
			s.start(func() { s.sample(id, c.version) })
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
		err = s.callTwice(ctx, func(ctx context.Context) (err error) {
			item, err = s.database.Read(ctx, id, known.version)
			return err
		})
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

// callTwice is call for a command that only reads. If it fails, it is sent once
// more: over a new connection, if that was the fault.
func (s *Store) callTwice(ctx context.Context, command func(context.Context) error) error {
	err := s.call(ctx, command)
	if outcomeOf(err) == unknown && ctx.Err() == nil {
		err = s.call(ctx, command)
	}
	return err
}

// One hit in sampled is compared with the database.
const sampled = 4096

// sample compares a local copy that has answered a read with the database, for
// Stats.Mismatches.
func (s *Store) sample(id string, version Version) {
	var item Item
	var after Pulse
	err := s.call(s.open, func(ctx context.Context) (err error) {
		item, err = s.database.Read(ctx, id, version)
		return err
	})
	if err != nil || item.Same {
		return
	}
	// The notification may still be on its way.
	err = s.call(s.open, func(ctx context.Context) (err error) {
		after, err = s.database.Pulse(ctx)
		return err
	})
	if err != nil || !after.Notifies {
		return
	}
	stripe := s.leases.of(id)
	stripe.mu.Lock()
	defer stripe.mu.Unlock()
	raw, found := s.local.Peek(id)
	if !found || len(stripe.taken[id]) > 0 {
		return // the newer entry may be an own write under way
	}
	if c := parseCopy(raw); c.version == version && c.epoch == s.epoch.Load() {
		s.counts.mismatches.Add(1)
		s.local.Delete(id)
	}
}

// ScanValues implements holdfast.Store. It asks the database. An entry's TTL is
// right to TouchEvery, since touches may be late. Its Idle is 0.
func (s *Store) ScanValues(ctx context.Context, prefix []byte) iter.Seq2[cache.Entry, error] {
	return func(yield func(cache.Entry, error) bool) {
		var found []Entry
		next, seen := "", make(map[string]struct{})
		for first := true; first || next != ""; first = false {
			cursor := next
			err := s.callTwice(ctx, func(ctx context.Context) (err error) {
				found, next, err = s.database.Scan(ctx, prefix, cursor)
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
