package cache

// setDeadline gives the entry at r, which has the tag t, a new deadline.
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

// Expired entries are found by segment of the index. segmentEarliest has a
// lower bound of the deadlines in each segment, and earliest has one of all of
// them. setDeadline lowers the bounds; only a sweep of a segment makes its
// bound exact again. So a segment is swept only if the earliest deadline that
// it has had since its latest sweep has come.

// sweepSome does one step of a sweep: it sweeps the segments from number from
// on that may have expired entries, and then shrinks the index. It returns the
// number to continue from, or 0 at the end of the sweep.
func (s *shard) sweepSome(from int) int {
	if from == 0 && s.earliest > s.now {
		return 0
	}
	s.timeHold(holdExpire)
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

// One step ends after this many buckets swept or entries evicted, plus the rest
// of a segment. Then the index shrinks by up to sweepMerges buckets.
const (
	sweepBuckets = 256
	sweepMost    = 256
	sweepMerges  = 512
)

// sweepSegment evicts the expired entries of segment i and makes its bound
// exact.
func (s *shard) sweepSegment(i int) {
	s.timeHold(holdExpire)
	earliest := noDeadline
	first := uint32(i) << s.index.shift
	for n := first; n < min(first+1<<s.index.shift, s.index.buckets); n++ {
		earliest = min(earliest, s.sweepBucket(s.bucketAt(n)))
	}
	s.segmentEarliest[i] = earliest
}

// sweepBucket evicts the expired entries of a chain of buckets and returns the
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
			next = first // the entry that fills the gap comes from the end of the chain
		}
		b = next
	}
	return earliest
}

// evictSomeExpired sweeps the next segment that may have expired entries and
// reports whether it evicted any. It looks at few segments, and it sweeps a
// bounded number in one lock hold, recognized by the hold's reading of the
// clock.
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

// sweepExpired sweeps the shard until it has no expired entry, and returns with
// the shard's lock held.
func (c *Cache) sweepExpired(s *shard) {
	c.lock(s)
	for from := s.sweepSome(0); from != 0; from = s.sweepSome(from) {
		c.unlock(s)
		c.lock(s)
	}
}
