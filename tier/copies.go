package tier

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/holdfast-go/holdfast/cache"
)

// A local copy is an entry of the local cache. It begins with a header:
//
//	version   8 bytes
//	epoch     8 bytes  the Store's when the copy was leased
//	deadline  8 bytes  when the database removes the entry, on the Store's clock
//
// The local cache removes the copy at the deadline too. In the mode Direct a
// copy is the header alone.
const headerLen = 3 * 8

type localCopy struct {
	version  Version // 0 if there is none
	epoch    uint64
	deadline instant
	value    []byte
}

// instant is a time in nanoseconds since the Store was made, on the monotonic
// clock.
type instant int64

const never instant = math.MaxInt64

func (s *Store) now() instant { return instant(time.Since(s.started)) }

// plus returns the instant d later. It saturates.
func (i instant) plus(d time.Duration) instant {
	if i > never-instant(d) {
		return never
	}
	return i + instant(d)
}

func parseCopy(raw []byte) localCopy {
	return localCopy{
		version:  Version(binary.LittleEndian.Uint64(raw)),
		epoch:    binary.LittleEndian.Uint64(raw[8:]),
		deadline: instant(binary.LittleEndian.Uint64(raw[16:])),
		value:    raw[headerLen:],
	}
}

// copyUnder returns the local copy under id, or the zero copy. It counts as a
// use.
func (s *Store) copyUnder(id string) localCopy {
	if raw, found := s.local.Get(id); found {
		return parseCopy(raw)
	}
	return localCopy{}
}

// current reports whether the copy was the entry's state at some time not
// longer than MaxStale ago.
func (s *Store) current(c localCopy) bool {
	return c.version != 0 && s.options.Mode == Cached && c.epoch == s.epoch.Load() && s.proved()
}

// keep stores a copy. The lock of its ID's stripe is held.
func (s *Store) keep(id string, c localCopy) {
	if s.options.Mode == Direct {
		c.value = nil
	}
	raw := make([]byte, 0, headerLen+len(c.value))
	raw = binary.LittleEndian.AppendUint64(raw, uint64(c.version))
	raw = binary.LittleEndian.AppendUint64(raw, c.epoch)
	raw = binary.LittleEndian.AppendUint64(raw, uint64(c.deadline))
	ttl := cache.NoExpiry
	if c.deadline != never {
		ttl = time.Duration(c.deadline - s.now())
	}
	if s.local.Set(id, append(raw, c.value...), ttl) != nil {
		s.local.Delete(id) // it has ended, or is too large for a copy
	}
}

// replaceCopy makes the local copy one of item, or removes it. The lock of its
// ID's stripe is held.
func (s *Store) replaceCopy(id string, item Item, epoch uint64, began instant) {
	deadline := began.plus(item.TTL)
	switch {
	case item.Version == 0:
		s.local.Delete(id)
	case item.Same:
		s.changeLocked(id, item.Version, func(c *localCopy) { c.epoch, c.deadline = epoch, deadline })
	default:
		s.keep(id, localCopy{item.Version, epoch, deadline, item.Value})
	}
}

// changeCopy changes the local copy under id if it has that version. If change
// clears it, it is removed.
func (s *Store) changeCopy(id string, version Version, change func(*localCopy)) {
	stripe := s.leases.of(id)
	stripe.mu.Lock()
	defer stripe.mu.Unlock()
	s.changeLocked(id, version, change)
}

// changeLocked is changeCopy while the lock is held.
func (s *Store) changeLocked(id string, version Version, change func(*localCopy)) {
	raw, exists := s.local.Peek(id)
	if !exists {
		return
	}
	c := parseCopy(raw)
	if c.version != version {
		return
	}
	if change(&c); c.version == 0 {
		s.local.Delete(id)
		return
	}
	s.keep(id, c)
}

func clearCopy(c *localCopy) { *c = localCopy{} }
