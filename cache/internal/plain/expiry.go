package cache

import (
	"container/heap"
	"math"
	"sync/atomic"
	"time"
)

// NoExpiry is the TTL of an entry that does not expire. Any TTL that reaches
// beyond what the clock can count, some 292 years, means the same.
const NoExpiry time.Duration = math.MaxInt64

// sweepInterval bounds how long the memory of an expired entry stays taken
// when nothing asks for it. The entry itself is gone at its deadline.
const sweepInterval = time.Second

// clock counts nanoseconds since the cache was made. It is monotonic: stepping
// the wall clock moves no deadline.
type clock struct{ start time.Time }

func startClock() clock { return clock{time.Now()} }

func (c *clock) now() int64 { return int64(time.Since(c.start)) }

func (c *clock) deadline(ttl time.Duration) int64 {
	now := c.now()
	if int64(ttl) > math.MaxInt64-now {
		return math.MaxInt64
	}
	return now + int64(ttl)
}

// expire evicts all entries whose deadline has come.
func (s *shard) expire() {
	if len(s.deadlines) == 0 {
		return
	}
	for now := s.clock.now(); len(s.deadlines) > 0 && s.deadlines[0].deadline <= now; {
		s.evict(s.deadlines[0], Expired)
	}
}

// deadlines is a heap of entries, the first to expire on top.
type deadlines []*entry

// deadlinePlace is an entry's index in the heap.
type deadlinePlace int

func (d *deadlines) add(e *entry, deadline int64) {
	e.deadline = deadline
	heap.Push(d, e)
}

func (d *deadlines) move(e *entry, deadline int64) {
	e.deadline = deadline
	heap.Fix(d, int(e.place))
}

func (d *deadlines) remove(e *entry) { heap.Remove(d, int(e.place)) }

// Len, Less, Swap, Push and Pop are for container/heap alone.

func (d deadlines) Len() int           { return len(d) }
func (d deadlines) Less(i, j int) bool { return d[i].deadline < d[j].deadline }
func (d deadlines) Swap(i, j int) {
	d[i], d[j] = d[j], d[i]
	d[i].place, d[j].place = deadlinePlace(i), deadlinePlace(j)
}

func (d *deadlines) Push(x any) {
	e := x.(*entry)
	e.place = deadlinePlace(len(*d))
	*d = append(*d, e)
}

func (d *deadlines) Pop() any {
	last := len(*d) - 1
	e := (*d)[last]
	(*d)[last] = nil
	*d = (*d)[:last]
	return e
}

// sweeper is the goroutine that gives back the memory of expired entries that
// nobody asks for.
type sweeper struct {
	stopping chan struct{}
	stopped  chan struct{}
	calling  atomic.Bool // OnEvict runs on the sweeper's goroutine
}

func (c *Cache) startSweeper() {
	c.sweeper.stopping = make(chan struct{})
	c.sweeper.stopped = make(chan struct{})
	go c.sweep()
}

func (c *Cache) sweep() {
	defer close(c.sweeper.stopped)
	tick := time.NewTicker(sweepInterval)
	defer tick.Stop()
	for {
		select {
		case <-c.sweeper.stopping:
			return
		case <-tick.C:
			c.sweepOnce()
		}
	}
}

func (c *Cache) sweepOnce() {
	for i := range c.shards {
		s := &c.shards[i]
		s.lock()
		s.expire()
		c.sweeper.calling.Store(true)
		c.unlock(s)
		c.sweeper.calling.Store(false)
	}
}

func (w *sweeper) stop() { close(w.stopping) }

// wait returns when the sweeper has ended. While the sweeper runs OnEvict it
// does not wait: that callback may be what closes the cache.
func (w *sweeper) wait() {
	if !w.calling.Load() {
		<-w.stopped
	}
}
