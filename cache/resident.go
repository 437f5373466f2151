package cache

import "github.com/holdfast-go/holdfast/cache/internal/arena"

// The first write to a large page waits until the system has cleared the page:
// some 0.2 ms, and several milliseconds on a guest whose host has to find the
// memory. So the cache's goroutine prefaults each large page before a Set gets
// there.

// A smaller shard has small pages at first: with large ones, a large share of
// its memory would be resident before it is in use. Once a Set has filled the
// length of a large page, the goroutine makes one of the small pages. Large
// pages save a lookup a wait for the translation of an address.

// planPrefault decides where a Set first requests a prefault or a collapse.
func (s *shard) planPrefault() {
	s.prefaultAt, s.collapsed = never, min(s.collapsed, int(s.arena.Top())*granule)
	switch size := s.arena.Granules() * granule; {
	case arena.WantsLargePages(size):
		s.prefaultAt = s.arena.Top()
	case arena.CollapsesPages(size):
		s.prefaultAt = ref(arena.LargePageEnd(s.arena.Memory(), s.collapsed) / granule)
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
	collapses, filled := arena.CollapsesPages(s.arena.Granules()*granule), s.arena.Memory()
	s.mu.Unlock()
	if collapses {
		c.collapse(s, filled[:int64(from)*granule])
		return
	}
	end := arena.Prefault(memory)
	if end == 0 {
		return
	}
	s.mu.Lock()
	s.prefaultAt = from + ref((end-arena.LargePageBytes)/granule) // where the page begins
	s.mu.Unlock()
}

// collapse makes large pages of the filled memory of a shard.
func (c *Cache) collapse(s *shard, filled []byte) {
	s.collapsed = min(s.collapsed, len(filled)) // entries may have been deleted since the request
	for end := arena.LargePageEnd(filled, s.collapsed); end <= len(filled); end = arena.LargePageEnd(filled, end) {
		arena.Collapse(filled[end-arena.LargePageBytes : end])
		s.collapsed = end
	}
	s.mu.Lock()
	s.prefaultAt = ref(arena.LargePageEnd(filled, s.collapsed) / granule)
	s.mu.Unlock()
}

// giveBack gives some memory of a shard that has emptied back to the system,
// and reports whether there may be more to give.
func (s *shard) giveBack() bool {
	a := &s.arena
	if s.closed || !a.Emptied() {
		return false
	}
	s.timeHold(holdExpire)
	if a.GiveBackTop() {
		s.planPrefault()
		return true
	}
	return a.GiveBackFree()
}
