package cache

// notifyUntilClosed tells OnEvict, on the sweeper's goroutine, what left. Nobody
// waits for what is told there after Close.
func (c *Cache) notifyUntilClosed(gone []evicted) {
	if len(gone) == 0 {
		return
	}
	c.sweeper.calling.Store(true)
	for _, e := range gone {
		if c.closed.Load() {
			break
		}
		c.callOnEvict(e)
	}
	c.sweeper.calling.Store(false)
}

type evicted struct {
	id     string
	reason EvictionReason
}

// notify keeps an ID for OnEvict until the lock is released.
func (s *shard) notify(id string, reason EvictionReason) {
	if s.collectEvicted {
		s.evicted, s.pending = append(s.evicted, evicted{id, reason}), true
	}
}

// unlock releases the shard's lock, and only then tells OnEvict what left.
func (c *Cache) unlock(s *shard) {
	if !s.pending {
		s.mu.Unlock()
		return
	}
	c.tell(s.release())
}

// release releases the lock and returns what OnEvict has to be told of.
func (s *shard) release() []evicted {
	gone := s.evicted
	s.evicted, s.pending = nil, false
	s.mu.Unlock()
	return gone
}

func (c *Cache) tell(gone []evicted) {
	for _, e := range gone {
		c.callOnEvict(e)
	}
}

func (c *Cache) callOnEvict(e evicted) {
	defer func() {
		if recover() != nil {
			c.callbackPanics.Add(1)
		}
	}()
	c.options.OnEvict(e.id, e.reason)
}
