package cache

// Who first touches a large page waits until the system has cleared it: some 0.2
// ms, and several where the system is a guest whose host has to find the memory.
// So the cache's goroutine touches each before a Set comes there.

// planAhead decides where the first request is due.
func (s *shard) planAhead() {
	s.aheadAt = never
	if wantsLargePages(s.arena.units * unit) {
		s.aheadAt = s.arena.top
	}
}

// never is beyond all refs that top can come to.
const never = ^ref(0)

// askAhead asks the cache's goroutine to touch the next large page.
func (s *shard) askAhead() {
	select {
	case s.owner.sweeper.ahead <- s:
		s.aheadAt = never
	default: // it is far behind; the next Set asks again
	}
}

// touchAhead touches the large page that a shard is to fill next.
func (c *Cache) touchAhead(s *shard) {
	c.resizing.Lock() // so that the memory stays the cache's
	defer c.resizing.Unlock()
	s.mu.Lock()
	from, memory := s.arena.unused()
	s.mu.Unlock()
	touched := touchLargePage(memory)
	if touched == 0 {
		return
	}
	s.mu.Lock()
	s.aheadAt = from + ref((touched-largePageBytes)/unit) // where it begins
	s.mu.Unlock()
}

// unused returns where the memory that was never used begins, and that memory.
func (a *arena) unused() (ref, []byte) {
	return a.top, a.part(a.top, a.end)
}
