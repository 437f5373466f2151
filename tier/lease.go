package tier

import (
	"hash/maphash"
	"slices"
	"sync"
)

// A read of the database whose result becomes the local copy is a fill. The
// database may notify of a newer write while the result is under way. So a fill
// takes a lease before its command is sent. A notification for its ID and a
// write of this process void the lease. A fill whose lease is void leaves no
// copy. Its result is still right for its caller: it was the entry's state at
// one time during the call. Leases for caches are described in Nishtala et al.,
// Scaling Memcache at Facebook, 2013.
//
// A write takes a lease for the copy that it leaves. When it ends, it voids all
// other leases for its ID. If its own was voided, it removes the copy, since it
// cannot tell which of two writes came last.

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
	id    string
	epoch uint64
	void  bool // guarded by the stripe's lock
}

func (l *leases) of(id string) *stripe {
	return &l.stripe[maphash.String(l.seed, id)%stripes]
}

func (s *stripe) take(id string, epoch uint64) *lease {
	taken := &lease{id: id, epoch: epoch}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken == nil {
		s.taken = make(map[string][]*lease)
	}
	s.taken[id] = append(s.taken[id], taken)
	return taken
}

// end ends a lease and reports whether it was valid. The lock is held.
func (s *stripe) end(l *lease) (valid bool) {
	rest := slices.DeleteFunc(s.taken[l.id], func(taken *lease) bool { return taken == l })
	if len(rest) == 0 {
		delete(s.taken, l.id)
	} else {
		s.taken[l.id] = rest
	}
	return !l.void
}

// voidAll voids all leases for id, and returns how many were valid. The lock is
// held.
func (s *stripe) voidAll(id string) (n uint64) {
	for _, taken := range s.taken[id] {
		if !taken.void {
			taken.void = true
			n++
		}
	}
	return n
}

// outcome is what a command has done to an entry.
type outcome uint8

const (
	unknown outcome = iota // perhaps it has written
	nothing                // it has neither read nor written
	hasRead
	hasWritten
)

// leased runs a command under a lease. Then the local copy under id becomes the
// item that the command returns, or is removed if the item is no entry. The TTL
// of the item counts from the beginning of the call.
func (s *Store) leased(id string, command func() (Item, outcome)) {
	stripe := s.leases.of(id)
	lease := stripe.take(id, s.epoch.Load())
	began := s.now()
	item, done := Item{}, unknown // if the command panics
	defer func() {
		stripe.mu.Lock()
		valid := stripe.end(lease)
		switch done {
		case hasRead:
			if !valid {
				s.counts.voided.Add(1)
				break
			}
			s.replaceCopy(id, item, lease.epoch, began)
		case hasWritten, unknown:
			stripe.voidAll(id)
			if !valid || done == unknown {
				item = Item{}
			}
			s.counts.ownWrites.Add(1)
			s.replaceCopy(id, item, lease.epoch, began)
		}
		stripe.mu.Unlock()
		if done == hasWritten || done == unknown {
			s.watchers.notify(id)
		}
	}()
	item, done = command()
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
