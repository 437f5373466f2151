package cache

import (
	"sync"
	"sync/atomic"
	"time"
)

// LockHolds are the timed lock holds of one kind of operation. While a shard's
// lock is held, all other operations on the IDs of that shard wait.
//
// Timing every lock hold would make each Get slower. So the cache times the
// lock holds that can take long: each one that evicts 16 entries or more,
// compacts, grows the index, stores more than 8 KiB or is a step of longer
// work. Of those that evict fewer entries it times a share. A lookup is not
// timed; its time is that to copy the value.
//
// The time is by the clock: it includes page faults, and the time in which the
// system ran something else.
type LockHolds struct {
	// Operation is a word for logs and labels: "store" (one entry), "large" (a
	// step that makes room for a large entry), "expire" (of the sweeper, or
	// before an eviction), "scan" (All, ScanValues, Save and Survey), "sort"
	// (after Load) or "resize" (SetMaxBytes).
	Operation string

	Longest time.Duration // in the latest one to two minutes
	Slow    uint64        // lock holds of more than a millisecond since New
}

type holdKind uint8

const (
	holdStore holdKind = iota + 1
	holdLarge
	holdExpire
	holdScan
	holdSort
	holdResize

	holdKinds = iota
)

var holdNames = [holdKinds]string{"store", "large", "expire", "scan", "sort", "resize"}

const (
	slowHold   = time.Millisecond
	holdPeriod = time.Minute
)

// timeHold makes unlock record the time of this lock hold as one of kind k,
// unless it is of another kind already.
func (s *shard) timeHold(k holdKind) {
	if s.hold == 0 {
		s.hold, s.atUnlock = k, true
	}
}

// timeSomeHolds does that for the lock hold of each 16th eviction, so for all
// with as many evictions. The caller has counted the eviction in Work.
func (s *shard) timeSomeHolds() {
	if s.arena.Work%16 == 0 {
		s.timeHold(holdStore)
	}
}

// lockHolds are the timed lock holds of all shards. Only a new maximum takes
// the mutex.
type lockHolds struct {
	mu    sync.Mutex
	kinds [holdKinds]struct {
		slow   atomic.Uint64
		recent [2]longestHold // by the last bit of the period
	}
}

// longestHold is the longest lock hold of a period. The periods are numbered.
type longestHold struct {
	period, took atomic.Int64
}

func (h *lockHolds) record(kind holdKind, took time.Duration, now int64) {
	k, period := &h.kinds[kind-1], now/int64(holdPeriod)
	if took > slowHold {
		k.slow.Add(1)
	}
	l := &k.recent[period%2]
	if l.period.Load() == period && l.took.Load() >= int64(took) {
		return
	}
	h.mu.Lock()
	if l.period.Load() < period || l.took.Load() < int64(took) {
		l.took.Store(int64(took))
		l.period.Store(period)
	}
	h.mu.Unlock()
}

// at returns the lock holds for Stats.
func (h *lockHolds) at(now int64) (all [holdKinds]LockHolds) {
	for i := range all {
		k := &h.kinds[i]
		all[i].Operation, all[i].Slow = holdNames[i], k.slow.Load()
		for j := range k.recent {
			if l := &k.recent[j]; l.period.Load() >= now/int64(holdPeriod)-1 {
				all[i].Longest = max(all[i].Longest, time.Duration(l.took.Load()))
			}
		}
	}
	return all
}
