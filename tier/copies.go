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
//	read      8 bytes  when the command was sent that told the deadline
//	deadline  8 bytes  when the database removes the entry, or a little before
//	asked     8 bytes  the deadline after a touch that is under way
//
// The local cache removes the copy at the deadline too. In the mode Direct a
// copy is the header alone.
const headerLen = 5 * 8

type localCopy struct {
	version               Version // 0 if there is no copy
	epoch                 uint64
	read, deadline, asked instant
	value                 []byte
}

// instant is a time in nanoseconds since the Store was made, on the monotonic
// clock.
type instant int64

const never instant = math.MaxInt64

func (s *Store) now() instant { return instant(time.Since(s.started)) }

// plus returns the instant d later. It saturates.
func (i instant) plus(d time.Duration) instant {
	if instant(d) > never-i {
		return never
	}
	return i + instant(d)
}

// after returns how long after now the instant is. It is the inverse of plus.
func (i instant) after(now instant) time.Duration {
	if i == never {
		return cache.NoExpiry
	}
	return time.Duration(i - now)
}

func parseCopy(raw []byte) localCopy {
	field := func(n int) uint64 { return binary.LittleEndian.Uint64(raw[8*n:]) }
	return localCopy{Version(field(0)), field(1), instant(field(2)), instant(field(3)), instant(field(4)), raw[headerLen:]}
}

func (c localCopy) appendTo(raw []byte) []byte {
	for _, field := range [...]uint64{uint64(c.version), c.epoch, uint64(c.read), uint64(c.deadline), uint64(c.asked)} {
		raw = binary.LittleEndian.AppendUint64(raw, field)
	}
	return append(raw, c.value...)
}

// copyUnder returns the local copy under id, or the zero copy. It counts as a
// use.
func (s *Store) copyUnder(id string) localCopy {
	if raw, found := s.local.Get(id); found {
		return parseCopy(raw)
	}
	return localCopy{}
}

// moment is an instant with the epoch whose copies may answer reads then: 0 if
// there is none. Take the moment before the copy. A proof that arrives between
// the two proves nothing about the copy, which may have been replaced
// meanwhile.
type moment struct {
	now   instant
	epoch uint64
}

func (s *Store) moment() moment {
	m := moment{now: s.now()}
	if s.options.Mode == Cached && m.now-instant(s.proof.Load()) < instant(s.options.MaxStale) {
		m.epoch = s.epoch.Load()
	}
	return m
}

// current reports whether the copy was the entry at some time in the MaxStale
// before the moment, as far as a notification can tell.
func (m moment) current(c localCopy) bool {
	return c.version != 0 && c.epoch == m.epoch && m.now < c.deadline
}

// keep stores a copy. The lock of its ID's stripe is held.
func (s *Store) keep(id string, c localCopy) {
	if s.options.Mode == Direct {
		c.value = nil
	}
	raw := c.appendTo(make([]byte, 0, headerLen+len(c.value)))
	if s.local.Set(id, raw, c.deadline.after(s.now())) != nil {
		s.local.Delete(id) // it has ended, or is too large for a copy
	}
}

// changeCopy changes the local copy under id, if there is one. The lock of its
// ID's stripe is held.
func (s *Store) changeCopy(id string, change func(*localCopy)) {
	if raw, found := s.local.Peek(id); found {
		c := parseCopy(raw)
		change(&c)
		s.keep(id, c)
	}
}
