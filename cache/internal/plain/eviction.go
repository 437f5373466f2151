package cache

// Reason tells why an entry left the cache without being deleted.
type Reason uint8

const (
	// Capacity: room was needed for another entry.
	Capacity Reason = iota + 1
	// Expired: the entry's TTL had run out.
	Expired
)

// String returns the reason in lower case, as a label for logs and metrics.
func (r Reason) String() string {
	switch r {
	case Capacity:
		return "capacity"
	case Expired:
		return "expired"
	}
	return "unknown"
}

type evicted struct {
	id  string
	why Reason
}

func (s *shard) evict(e *entry, why Reason) {
	s.remove(e)
	s.counts.evictions[why]++
	if s.collectEvicted {
		s.evicted = append(s.evicted, evicted{e.id, why})
	}
}

// makeRoom evicts the longest idle, but not keep, until need more bytes fit in
// the budget. The caller made sure that they fit beside keep alone.
func (s *shard) makeRoom(need int64, keep *entry) {
	for s.used()+need > s.budget {
		victim := s.order.victim()
		if victim == keep {
			victim = s.order.moreRecent(victim)
		}
		s.evict(victim, Capacity)
	}
}

// evictionOrder is a segmented LRU. An entry starts in probation; its next use
// takes it to protected, whose bytes are limited. When they are exceeded, the
// longest idle of protected go back to probation, at its recent end. Victims
// come from probation first, so entries that are never used again can push out
// each other but not those in protected.
//
// With a limit of 0 protected stays empty, which is plain LRU.
type evictionOrder struct {
	probation      list
	protected      list
	protectedLimit int64
}

func (o *evictionOrder) init(protectedLimit int64) {
	o.probation.init()
	o.protected.init()
	o.protectedLimit = max(0, protectedLimit)
}

func (o *evictionOrder) add(e *entry) { o.probation.pushRecent(e) }

func (o *evictionOrder) remove(e *entry) { e.in.unlink(e) }

func (o *evictionOrder) use(e *entry) {
	e.in.unlink(e)
	if o.protectedLimit == 0 {
		o.probation.pushRecent(e)
		return
	}
	o.protected.pushRecent(e)
	o.demote()
}

// resized is told when the cost of an entry is no longer what it was.
func (o *evictionOrder) resized(e *entry, before int64) {
	e.in.bytes += e.cost() - before
	o.demote()
}

func (o *evictionOrder) demote() {
	for o.protected.bytes > o.protectedLimit {
		e := o.protected.longestIdle()
		o.protected.unlink(e)
		o.probation.pushRecent(e)
	}
}

// victim returns the entry to evict next, or nil if there is none.
func (o *evictionOrder) victim() *entry {
	if e := o.probation.longestIdle(); e != nil {
		return e
	}
	return o.protected.longestIdle()
}

// moreRecent returns the entry that would be the victim if e, the present one,
// were not there.
func (o *evictionOrder) moreRecent(e *entry) *entry {
	if e.in == &o.probation && e.prev == &o.probation.end {
		return o.protected.longestIdle()
	}
	return e.prev
}

// links place an entry in a list.
type links struct {
	in         *list
	prev, next *entry
}

// list is a ring of entries around end: end.next is the most recently used,
// end.prev the longest idle.
type list struct {
	end   entry
	bytes int64
}

func (l *list) init() {
	l.end.prev, l.end.next = &l.end, &l.end
	l.bytes = 0
}

func (l *list) pushRecent(e *entry) {
	e.in = l
	e.prev, e.next = &l.end, l.end.next
	e.prev.next, e.next.prev = e, e
	l.bytes += e.cost()
}

func (l *list) unlink(e *entry) {
	e.prev.next, e.next.prev = e.next, e.prev
	e.in, e.prev, e.next = nil, nil, nil
	l.bytes -= e.cost()
}

func (l *list) longestIdle() *entry {
	if l.end.prev == &l.end {
		return nil
	}
	return l.end.prev
}
