package tier

import (
	"hash/maphash"
	"slices"
	"sync"
)

// A command whose result becomes the local copy takes a lease before it is
// sent. A newer write may be notified while the result is under way: that voids
// the lease. So does another command of this process for the same ID that ends
// meanwhile, since nobody can tell which of the two results is the newer one. A
// result whose lease is void leaves no copy, and removes a copy that differs.
// It is still right for its caller: it was the entry at one time during the
// call. Leases for caches are described in Nishtala et al., Scaling Memcache at
// Facebook, 2013.

// stripes is the number of locks.
const stripes = 64

type leases struct {
	seed   maphash.Seed
	stripe [stripes]stripe
}

// stripe has the leases for some IDs. Its lock is held while a local copy under
// one of these IDs is stored or removed.
type stripe struct {
	mu    sync.Mutex
	taken map[string][]*lease
}

type lease struct {
	epoch uint64  // the Store's
	began instant // before the command was sent
	void  bool    // guarded by the stripe's lock
}

func (l *leases) of(id string) *stripe {
	return &l.stripe[maphash.String(l.seed, id)%stripes]
}

func (s *stripe) take(id string, l *lease) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken == nil {
		s.taken = make(map[string][]*lease)
	}
	s.taken[id] = append(s.taken[id], l)
}

// end ends a lease for id. The lock is held.
func (s *stripe) end(id string, l *lease) {
	rest := slices.DeleteFunc(s.taken[id], func(taken *lease) bool { return taken == l })
	if len(rest) == 0 {
		delete(s.taken, id)
	} else {
		s.taken[id] = rest
	}
}

// voidAll voids all leases for id. The lock is held.
func (s *stripe) voidAll(id string) {
	for _, taken := range s.taken[id] {
		taken.void = true
	}
}

// outcome is the effect of a command on an entry.
type outcome uint8

const (
	unknown    outcome = iota // perhaps it has written
	nothing                   // it has neither read nor written
	hasRead                   // the item is the entry
	hasWritten                // the item is the entry now
	hasTouched                // the entry has the item's TTL now
)

// leased runs a command under a lease, and brings the local copy under id up to
// date. No entry is an item of the version 0. The item's TTL counts from the
// beginning of the call.
func (s *Store) leased(id string, command func() (Item, outcome)) {
	stripe, lease := s.leases.of(id), &lease{epoch: s.epoch.Load(), began: s.now()}
	stripe.take(id, lease)
	item, done := Item{}, unknown // if the command panics
	defer func() {
		stripe.mu.Lock()
		stripe.end(id, lease)
		if done != nothing {
			stripe.voidAll(id)
			s.land(id, lease, item, done)
		}
		stripe.mu.Unlock()
		if done == hasWritten || done == unknown {
			s.counts.ownWrites.Add(1)
			s.watchers.notify(id)
		}
	}()
	item, done = command()
}

// land brings the local copy under id up to date with a command's result. The
// lock of its ID's stripe is held.
func (s *Store) land(id string, lease *lease, item Item, done outcome) {
	deadline := lease.began.plus(item.TTL)
	switch {
	case done == hasTouched:
		s.changeCopy(id, func(c *localCopy) {
			if lease.void {
				deadline = min(c.deadline, deadline)
			}
			c.read, c.deadline, c.asked = lease.began, deadline, 0
		})
	case done == hasRead && lease.void:
		s.counts.voided.Add(1)
		if raw, found := s.local.Peek(id); found && parseCopy(raw).version != item.Version {
			s.local.Delete(id)
		}
	case done == unknown || lease.void || item.Version == 0:
		s.local.Delete(id)
	case item.Same:
		s.changeCopy(id, func(c *localCopy) {
			if c.version == item.Version {
				c.epoch, c.read, c.deadline = lease.epoch, lease.began, deadline
			}
		})
	default:
		s.keep(id, localCopy{version: item.Version, epoch: lease.epoch, read: lease.began, deadline: deadline, value: item.Value})
	}
}

// Changed implements Listener.
func (s *Store) Changed(id string) {
	stripe := s.leases.of(id)
	stripe.mu.Lock()
	stripe.voidAll(id)
	s.local.Delete(id)
	stripe.mu.Unlock()
	s.counts.changed.Add(1)
	s.watchers.notify(id)
}

// Lost implements Listener. A copy has the epoch of its lease, so a new epoch
// ends all copies and all leases at once.
func (s *Store) Lost() {
	s.epoch.Add(1)
	s.counts.lost.Add(1)
	s.watchers.notifyAll()
}
