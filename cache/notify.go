package cache

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
		s.evicted, s.pending = append(s.evicted, evicted{id, reason}), true
	}
}

// unlock releases the shard's lock and then calls OnEvict for the evictions of
// this lock hold. OnEvict never runs under a lock, so it may call the cache.
func (c *Cache) unlock(s *shard) {
	if !s.pending {
		s.endChange()
		s.mu.Unlock()
		return
	}
	c.notifyAll(s.unlock())
}

// unlock releases the lock and returns the pending calls of OnEvict.
func (s *shard) unlock() []evicted {
	calls := s.evicted
	s.evicted, s.pending = nil, false
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
