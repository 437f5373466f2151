package cache

import (
	"math"
	"sync/atomic"
	"time"
)

// NoExpiry is the TTL of an entry that does not expire. Any TTL that reaches
// beyond what the clock can count, some 291 years, means the same.
const NoExpiry time.Duration = math.MaxInt64

// noDeadline is later than all others.
const noDeadline int64 = math.MaxInt64

// sweepPause is the least time between two sweeps, which bounds how long the memory
// of an expired entry stays taken when nothing asks for it; the entry itself is gone
// at its deadline. To sweep more often finds fewer each time, for the same work, and
// gives memory back that the next burst takes again.
const sweepPause = time.Second

// clock counts nanoseconds. It is monotonic: stepping the wall clock moves no
// deadline. On Linux it stands still while the machine is suspended, and TTLs are
// longer by that. CLOCK_BOOTTIME would go on, but takes a system call from Go (see
// doc.go).
type clock struct{ start time.Time }

// clockStart is what the clock reads when the cache is made. What it loads then
// was used before that, up to a year.
const clockStart = int64(365 * 24 * time.Hour)

func startClock() clock { return clock{time.Now()} }

func (c *clock) now() int64 { return clockStart + int64(time.Since(c.start)) }

// deadlineAt returns the deadline of a TTL given at now, which may have been
// before the clock began.
func deadlineAt(now int64, ttl time.Duration) int64 {
	if ttl == NoExpiry || now > 0 && int64(ttl) > noDeadline-now {
		return noDeadline
	}
	return now + int64(ttl)
}

// A tick is the unit in which records remember their latest use: 65.5 µs, so
// that 47 bits reach as far as the clock.
const tickShift = 16

func tickOf(now int64) uint64 { return uint64(now) >> tickShift }

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
func (c *Cache) settle(s *shard) {
	c.lock(s)
	for from := s.sweepSome(0); from != 0; from = s.sweepSome(from) {
		c.unlock(s)
		c.lock(s)
	}
}

// sweeper is the goroutine that gives back the memory of expired entries that
// nobody asks for. It sleeps until the earliest deadline that it knows of: an
// idle cache wakes nobody.
type sweeper struct {
	stopping chan struct{}
	stopped  chan struct{}
	calling  atomic.Bool // OnEvict runs on the sweeper's goroutine

	ahead chan *shard // those that ask for memory to be touched

	planned atomic.Int64  // when it wants to wake, by the clock
	hurry   chan struct{} // that it is to plan anew
}

func (c *Cache) startSweeper() {
	c.sweeper.stopping = make(chan struct{})
	c.sweeper.stopped = make(chan struct{})
	c.sweeper.hurry = make(chan struct{}, 1)
	c.sweeper.ahead = make(chan *shard, len(c.shards))
	go c.sweep(c.clock.now())
}

// sweep is the cache's goroutine. It sweeps no sooner than soonest.
func (c *Cache) sweep(soonest int64) {
	ended := false
	defer func() {
		if ended {
			close(c.sweeper.stopped)
			return
		}
		c.sweeper.calling.Store(false)
		go c.sweep(c.clock.now() + int64(sweepPause)) // OnEvict ended this goroutine, by a test's FailNow, say
	}()
	timer := time.NewTimer(sweepPause)
	defer timer.Stop()
	for {
		next := max(c.planSweep(), soonest)
		if c.sweeper.planned.Store(next); next == noDeadline {
			timer.Stop()
		} else {
			timer.Reset(time.Duration(next - c.clock.now()))
		}
		select {
		case <-c.sweeper.stopping:
			ended = true
			return
		case s := <-c.sweeper.ahead:
			c.touchAhead(s)
		case <-c.sweeper.hurry:
		case <-timer.C:
			c.sweepOnce()
			soonest = c.clock.now() + int64(sweepPause)
		}
	}
}

// planSweep returns the earliest deadline that any shard knows of. One that is
// set from now on makes the sweeper plan anew, unless it wakes before.
func (c *Cache) planSweep() int64 {
	c.sweeper.planned.Store(noDeadline)
	earliest := noDeadline
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		earliest = min(earliest, s.earliest)
		s.mu.Unlock()
	}
	return earliest
}

// wakeBy is told of a deadline earlier than its shard had any.
func (w *sweeper) wakeBy(deadline int64) {
	if deadline < w.planned.Load() {
		select {
		case w.hurry <- struct{}{}:
		default: // it is about to plan
		}
	}
}

func (c *Cache) sweepOnce() {
	for i := range c.shards {
		s := &c.shards[i]
		for from, more := 0, true; more; {
			c.lock(s)
			from = s.sweepSome(from)
			more = from != 0 || s.giveBack()
			c.tellUnlessClosed(s.release())
		}
	}
}

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

func (w *sweeper) stop() { close(w.stopping) }

// wait returns when the sweeper has ended. While the sweeper runs OnEvict it
// does not wait: that callback may be what closes the cache.
func (w *sweeper) wait() {
	if !w.calling.Load() {
		<-w.stopped
	}
}
