package cache

// setDeadline gives the entry at r, whose tag is t, a new deadline.
func (s *shard) setDeadline(r ref, t tag, deadline int64) {
	s.arena.record(r).deadline = deadline
	if earliest := &s.segmentEarliest[s.index.segmentOf(t)]; deadline < *earliest {
		*earliest = deadline
		if deadline < s.earliest {
			s.earliest = deadline
			s.owner.sweeper.wakeBy(deadline)
		}
	}
}

// How the expired are found. Of each segment of the index, earliest is no later
// than the deadline of any entry in it; of the shard, no later than that of any
// segment. They are made exact when the segment is swept, and otherwise only
// lowered. So what has not expired is looked at again only when, since the
// latest sweep of its segment, time has passed what was its earliest deadline.

// sweepSome sweeps segments, from number from on, whose entries may have
// expired, and then makes the index smaller, until enough was done for one hold of
// the lock. It returns the number to go on from, or 0 when all is done.
func (s *shard) sweepSome(from int) int {
	if from == 0 && s.earliest > s.now {
		return 0
	}
	before := s.counts.evictions[Expired-1]
	for buckets := 0; from < len(s.index.segments); from++ {
		if buckets >= sweepBuckets || s.counts.evictions[Expired-1]-before >= sweepMost {
			return from
		}
		if s.segmentEarliest[from] <= s.now {
			s.sweepSegment(from)
			buckets += 1 << s.index.shift
		}
	}
	s.earliest = noDeadline
	for _, earliest := range s.segmentEarliest {
		s.earliest = min(s.earliest, earliest)
	}
	if s.shrinkIndex(sweepMerges) {
		return len(s.index.segments)
	}
	return 0
}

// In one hold of the lock so many buckets are swept, or so many entries evicted,
// but for the rest of a segment; and the index shrinks by so many buckets.
const (
	sweepBuckets = 256
	sweepMost    = 256
	sweepMerges  = 512
)

// sweepSegment evicts the entries of a segment that have expired.
func (s *shard) sweepSegment(i int) {
	earliest := noDeadline
	first := uint32(i) << s.index.shift
	for n := first; n < min(first+1<<s.index.shift, s.index.buckets); n++ {
		earliest = min(earliest, s.sweepBucket(s.bucketAt(n)))
	}
	s.segmentEarliest[i] = earliest
}

// sweepBucket evicts the entries of a chain that have expired, and returns the
// earliest deadline of the others.
func (s *shard) sweepBucket(first *bucket) int64 {
	earliest := noDeadline
	for b := first; b != nil; {
		next := s.following(b)
		expired := slot(0)
		for _, v := range b {
			if v == 0 || v.link() {
				continue
			}
			if d := s.arena.record(v.ref()).deadline; d <= s.now {
				expired = v
				break
			} else {
				earliest = min(earliest, d)
			}
		}
		if expired != 0 {
			s.evict(expired.ref(), expired.tag(), Expired)
			next = first // what fills the gap comes from the end of the chain
		}
		b = next
	}
	return earliest
}

// evictSomeExpired sweeps the next segment that may have expired entries, if it
// is not far, and reports whether there were any. In one hold of the lock, which
// has one reading of the clock, it sweeps a few segments at most.
func (s *shard) evictSomeExpired() bool {
	const tries, sweeps = 16, 8
	if s.sweptAt != s.now {
		s.sweptAt, s.swept = s.now, 0
	}
	before := s.counts.evictions[Expired-1]
	for range min(tries, len(s.index.segments)) {
		if s.sweepNext++; s.sweepNext >= len(s.index.segments) {
			s.sweepNext = 0
		}
		if s.segmentEarliest[s.sweepNext] > s.now {
			continue
		}
		if s.swept == sweeps {
			return false
		}
		s.swept++
		s.sweepSegment(s.sweepNext)
		if s.counts.evictions[Expired-1] > before {
			return true
		}
	}
	return false
}

// settle sweeps the shard until no entry in it has expired, and returns with
// its lock held.
func (c *Cache) sweepExpired(s *shard) {
	c.lock(s)
	for from := s.sweepSome(0); from != 0; from = s.sweepSome(from) {
		c.unlock(s)
		c.lock(s)
	}
}
