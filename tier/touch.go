package tier

import (
	"context"
	"time"
)

// The database keeps each entry a little longer than its TTL (see slack). So
// most touches need no command: the entry's deadline there is late enough. If
// it is not, a touch moves it, and the response does not wait for that.

// Touch implements holdfast.Store. If it does not wait for the database, it
// reports true.
func (s *Store) Touch(ctx context.Context, id string, ttl time.Duration) (found bool, err error) {
	if err := checkID(id); err != nil {
		return false, err
	}
	if ttl <= 0 {
		return false, s.remove(ctx, id)
	}
	var memory [512]byte // holds most records
	raw, exists := s.local.Append(memory[:0], id)
	if !exists || s.options.TouchEvery == 0 {
		return s.touchNow(ctx, id, ttl)
	}
	c, wanted := parseCopy(raw), s.now().plus(ttl)
	switch {
	case c.deadline < wanted:
		s.extendLater(id, c.version, ttl)
	case c.deadline > wanted.plus(s.options.TouchEvery):
		return s.touchNow(ctx, id, ttl)
	default:
		s.counts.touchesSaved.Add(1)
	}
	return true, nil
}

// touchNow gives an entry a TTL and waits for it.
func (s *Store) touchNow(ctx context.Context, id string, ttl time.Duration) (found bool, err error) {
	stored := s.withSlack(ttl)
	version, deadline := s.copyUnder(id).version, s.now().plus(stored)
	s.counts.touches.Add(1)
	err = s.call(ctx, func(ctx context.Context) (err error) {
		found, err = s.database.Touch(ctx, id, 0, stored, false)
		return err
	})
	if version != 0 {
		s.changeCopy(id, version, func(c *localCopy) {
			if c.deadline = deadline; err != nil || !found {
				clearCopy(c)
			}
		})
	}
	if err == nil && !found {
		s.watchers.notify(id)
	}
	return found && err == nil, err
}

// extendLater moves the deadline of an entry in the database, if it has that
// version. The local copy has the new deadline at once, so that other requests
// do not send the same command.
func (s *Store) extendLater(id string, version Version, ttl time.Duration) {
	stored := s.withSlack(ttl)
	deadline, moved := s.now().plus(stored), false
	s.changeCopy(id, version, func(c *localCopy) {
		if moved = c.deadline < deadline; moved {
			c.deadline = deadline
		}
	})
	if !moved {
		return
	}
	s.counts.touches.Add(1)
	go func() {
		found := false
		err := s.call(context.Background(), func(ctx context.Context) (err error) {
			found, err = s.database.Touch(ctx, id, version, stored, true)
			return err
		})
		if err != nil || !found {
			s.changeCopy(id, version, clearCopy) // the next read asks for the deadline
		}
		if err == nil && !found {
			s.watchers.notify(id)
		}
	}()
}

// remove ends an entry.
func (s *Store) remove(ctx context.Context, id string) (err error) {
	s.leased(id, func() (Item, outcome) {
		err = s.call(ctx, func(ctx context.Context) error {
			_, err := s.database.Touch(ctx, id, 0, 0, false)
			return err
		})
		return Item{}, outcomeOf(err)
	})
	return err
}
