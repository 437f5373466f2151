package cache

// tellUnlessClosed tells OnEvict, on the sweeper's goroutine, what left. Nobody
// waits for what is told there after Close.
func (c *Cache) tellUnlessClosed(gone []evicted) {
	if len(gone) == 0 {
		return
	}
	c.sweeper.calling.Store(true)
	for _, e := range gone {
		if c.closed.Load() {
			break
		}
		c.tellOf(e)
	}
	c.sweeper.calling.Store(false)
}

type evicted struct {
	id  string
	why EvictionReason
}

// notify keeps an ID for OnEvict until the lock is released.
func (s *shard) notify(id string, why EvictionReason) {
	if s.collectEvicted {
		s.evicted, s.telling = append(s.evicted, evicted{id, why}), true
	}
}

// unlock releases the shard's lock, and only then tells OnEvict what left.
func (c *Cache) unlock(s *shard) {
	if !s.telling {
		s.mu.Unlock()
		return
	}
	c.tell(s.release())
}

// release releases the lock and returns what OnEvict has to be told of.
func (s *shard) release() []evicted {
	gone := s.evicted
	s.evicted, s.telling = nil, false
	s.mu.Unlock()
	return gone
}

func (c *Cache) tell(gone []evicted) {
	for _, e := range gone {
		c.tellOf(e)
	}
}

func (c *Cache) tellOf(e evicted) {
	defer func() {
		if recover() != nil {
			c.callbackPanics.Add(1)
		}
	}()
	c.options.OnEvict(e.id, e.why)
}
