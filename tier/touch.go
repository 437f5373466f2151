package tier

import (
	"context"
	"sync"
	"time"

	"github.com/holdfast-go/holdfast/cache"
)

// The database keeps each entry a little longer than its TTL. So most touches
// need no command: the entry's deadline there is late enough. If it is not, a
// touch moves the deadline, and the response does not wait for that.

// slack is how much longer than ttl the database keeps an entry.
func (s *Store) slack(ttl time.Duration) time.Duration { return min(s.options.TouchEvery, ttl/20) }

// tolerance is how much longer than ttl an entry may last. It is more than the
// slack, so that an entry with a fixed end is not touched at each use: its TTL,
// and with it the slack, becomes shorter each time.
func (s *Store) tolerance(ttl time.Duration) time.Duration { return min(s.options.TouchEvery, ttl/10) }

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

// A touch is waited for if it could come too late: if the entry has less time
// left than so many Timeouts.
const urgent = 4

// Touch implements holdfast.Store. It waits for the database if there is no
// current copy, if it shortens the TTL, or if the entry has not much time left.
// Otherwise it reports true. If another process has written the entry in the
// last MaxStale, Touch may leave the TTL that was set there.
func (s *Store) Touch(ctx context.Context, id string, ttl time.Duration) (found bool, err error) {
	if err := checkID(id); err != nil {
		return false, err
	}
	if ttl <= 0 {
		return s.touch(ctx, id, 0, 0, false)
	}
	m := s.moment()
	if c, found := s.headerUnder(id); found && s.options.TouchEvery > 0 {
		wanted, expected := m.now.plus(ttl), max(c.deadline, c.asked)
		isKnown := m.current(c) || m.now-c.read < instant(s.options.MaxStale)
		isUrgent := c.deadline < min(wanted, m.now.plus(urgent*s.options.Timeout))
		switch {
		case !isKnown || isUrgent || expected > wanted.plus(s.tolerance(ttl)):
		case expected >= wanted:
			s.counts.touchesSaved.Add(1)
			return true, nil
		default:
			s.extendLater(id, c, wanted, ttl)
			return true, nil
		}
	}
	return s.touch(ctx, id, 0, s.withSlack(ttl), false)
}

// buffers has memory for whole copies, although headerUnder returns only the
// header.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// headerUnder returns the local copy under id without its value.
func (s *Store) headerUnder(id string) (c localCopy, found bool) {
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	if *buffer, found = s.local.Append((*buffer)[:0], id); found {
		c = parseCopy(*buffer)
		c.value = nil
	}
	return c, found
}

// touch sends a touch and waits for it.
func (s *Store) touch(ctx context.Context, id string, known Version, ttl time.Duration, extend bool) (found bool, err error) {
	s.leased(id, func() (Item, outcome) {
		err = s.call(ctx, func(ctx context.Context) (err error) {
			s.counts.touches.Add(1)
			found, err = s.database.Touch(ctx, id, known, ttl, extend)
			return err
		})
		switch {
		case err == nil && found:
			return Item{TTL: ttl}, hasTouched
		case err == nil:
			return Item{}, hasWritten // there is no entry, or one of another version
		case extend:
			return Item{}, nothing // the copy ends before the entry, if not with it
		}
		return Item{}, outcomeOf(err)
	})
	return found && err == nil, err
}

// extendLater sends a touch and does not wait for it. c is the header of the
// local copy. The copy keeps its deadline until the database has answered, and
// notes the touch, so that other requests do not send it too.
func (s *Store) extendLater(id string, c localCopy, wanted instant, ttl time.Duration) {
	until := wanted.plus(s.slack(ttl))
	stripe := s.leases.of(id)
	stripe.mu.Lock()
	s.changeCopy(id, func(now *localCopy) {
		c = *now
		now.asked = max(now.asked, until)
	})
	stripe.mu.Unlock()
	if c.asked < wanted {
		s.start(func() { s.extend(id, c, until) })
	}
}

// extend moves an entry's deadline in the database. The caller of Touch has its
// answer already, so extend tries again until the old deadline is near.
func (s *Store) extend(id string, c localCopy, until instant) {
	shortest := s.pulseInterval()
	for wait := shortest; wait >= shortest; wait = min(2*wait, c.deadline.after(s.now())/2) {
		_, err := s.touch(context.Background(), id, c.version, until.after(s.now()), true)
		if err == nil || !s.sleep(wait) {
			return
		}
	}
}

// sleep returns false at once if the Store is closed.
func (s *Store) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.open.Done():
		return false
	}
}
