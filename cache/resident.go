package cache

import "github.com/holdfast-go/holdfast/cache/internal/arena"

// The first write to a large page waits until the system has cleared the page:
// some 0.2 ms, and several milliseconds on a guest whose host has to find the
// memory. So the cache's goroutine prefaults each large page before a Set gets
// there.

// planPrefault decides where a Set first requests a prefault.
func (s *shard) planPrefault() {
	s.prefaultAt = never
	if arena.WantsLargePages(s.arena.Granules() * granule) {
		s.prefaultAt = s.arena.Top()
	}
}

// never is beyond all refs that the top of an arena can reach.
const never = ^ref(0)

// requestPrefault asks the cache's goroutine to prefault the next large page.
func (s *shard) requestPrefault() {
	select {
	case s.owner.sweeper.prefaults <- s:
		s.prefaultAt = never
	default: // it is far behind; the next Set asks again
	}
}

// prefault touches the large page that a shard will fill next.
func (c *Cache) prefault(s *shard) {
	c.resizing.Lock() // so that the memory stays the cache's
	defer c.resizing.Unlock()
	s.mu.Lock()
	from, memory := s.arena.Top(), s.arena.Unused()
	s.mu.Unlock()
	end := arena.Prefault(memory)
	if end == 0 {
		return
	}
	s.mu.Lock()
	s.prefaultAt = from + ref((end-arena.LargePageBytes)/granule) // where the page begins
	s.mu.Unlock()
}

// giveBack gives some memory of a shard that has emptied back to the system,
// and reports whether there may be more to give.
func (s *shard) giveBack() bool {
	a := &s.arena
	if s.closed || !a.Emptied() {
		return false
	}
	if a.GiveBackTop() {
		s.planPrefault()
		return true
	}
	return a.GiveBackFree()
}
