package cache

import "time"

// notifyUntilClosed calls OnEvict on the sweeper's goroutine for each eviction,
// until the cache is closed.
func (c *Cache) notifyUntilClosed(calls []evicted) {
	if len(calls) == 0 {
		return
	}
	c.sweeper.calling.Store(true)
	for _, e := range calls {
		if c.closed.Load() {
			break
		}
		c.callOnEvict(e)
	}
	c.sweeper.calling.Store(false)
}

// evicted is one pending call of OnEvict.
type evicted struct {
	id     string
	reason EvictionReason
}

// notify queues a call of OnEvict for the time after the lock hold.
func (s *shard) notify(id string, reason EvictionReason) {
	if s.notifies {
		s.evicted, s.atUnlock = append(s.evicted, evicted{id, reason}), true
	}
}

// unlock releases the shard's lock and then calls OnEvict for the evictions of
// this lock hold. OnEvict never runs under a lock, so it may call the cache.
func (c *Cache) unlock(s *shard) {
	if !s.atUnlock {
		s.endChange()
		s.mu.Unlock()
		return
	}
	c.notifyAll(s.unlock())
}

// unlock releases the lock and returns the pending calls of OnEvict. It records
// the time of a lock hold that timeHold has marked.
func (s *shard) unlock() []evicted {
	calls := s.evicted
	s.evicted, s.atUnlock = nil, false
	if s.hold != 0 {
		now := s.owner.clock.now()
		s.owner.holds.record(s.hold, time.Duration(now-s.now), now)
		s.hold = 0
	}
	s.endChange()
	s.mu.Unlock()
	return calls
}

// notifyAll calls OnEvict for each eviction.
func (c *Cache) notifyAll(calls []evicted) {
	for _, e := range calls {
		c.callOnEvict(e)
	}
}

// callOnEvict calls OnEvict, recovers its panic and counts it.
func (c *Cache) callOnEvict(e evicted) {
	defer func() {
		if recover() != nil {
			c.callbackPanics.Add(1)
		}
	}()
	c.options.OnEvict(e.id, e.reason)
}
