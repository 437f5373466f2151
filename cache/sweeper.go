package cache

import (
	"sync/atomic"
	"time"
)

// sweepPause is the least time between two sweeps, which bounds how long the memory
// of an expired entry stays taken when nothing asks for it; the entry itself is gone
// at its deadline. To sweep more often finds fewer each time, for the same work, and
// gives memory back that the next burst takes again.
const sweepPause = time.Second

// sweeper is the goroutine that gives back the memory of expired entries that
// nobody asks for. It sleeps until the earliest deadline that it knows of: an
// idle cache wakes nobody.
type sweeper struct {
	stopping chan struct{}
	stopped  chan struct{}
	calling  atomic.Bool // OnEvict runs on the sweeper's goroutine

	ahead chan *shard // those that ask for memory to be touched

	planned atomic.Int64  // when it wants to wake, by the clock
	replan  chan struct{} // that it is to plan anew
}

func (c *Cache) startSweeper() {
	c.sweeper.stopping = make(chan struct{})
	c.sweeper.stopped = make(chan struct{})
	c.sweeper.replan = make(chan struct{}, 1)
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
		case <-c.sweeper.replan:
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
		case w.replan <- struct{}{}:
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
			c.notifyUntilClosed(s.release())
		}
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
