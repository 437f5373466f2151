package cache

import (
	"sync/atomic"
	"time"
)

// sweepPause is the least time between two sweeps. It bounds how long an
// expired entry keeps its memory while nothing looks it up; lookups miss it
// from its deadline on. More frequent sweeps find fewer entries each for the
// same work, and they return memory to the system that the next burst needs
// again.
const sweepPause = time.Second

// sweeper is the cache's one goroutine. It frees the memory of expired entries
// that nothing looks up, and it prefaults large pages. It sleeps until the
// earliest deadline of all shards, so an idle cache causes no wake-ups.
type sweeper struct {
	stopping chan struct{}
	stopped  chan struct{}
	calling  atomic.Bool // the goroutine is inside OnEvict

	prefaults chan *shard // shards that request a prefault

	planned atomic.Int64  // the clock's reading at the next wake-up
	replan  chan struct{} // a deadline before planned was set
}

func (c *Cache) startSweeper() {
	c.sweeper.stopping = make(chan struct{})
	c.sweeper.stopped = make(chan struct{})
	c.sweeper.replan = make(chan struct{}, 1)
	c.sweeper.prefaults = make(chan *shard, len(c.shards))
	go c.sweep(c.clock.now())
}

// sweep runs the sweeper. It does not sweep before soonest.
func (c *Cache) sweep(soonest int64) {
	ended := false
	defer func() {
		if ended {
			close(c.sweeper.stopped)
			return
		}
		c.sweeper.calling.Store(false)
		go c.sweep(c.clock.now() + int64(sweepPause)) // OnEvict called runtime.Goexit, as a test's FailNow does
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
		case s := <-c.sweeper.prefaults:
			c.prefault(s)
		case <-c.sweeper.replan:
		case <-timer.C:
			c.sweepOnce()
			soonest = c.clock.now() + int64(sweepPause)
		}
	}
}

// planSweep returns the earliest deadline of all shards. A deadline that is set
// during planSweep makes the sweeper plan again.
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

// wakeBy makes the sweeper wake up by deadline, which is earlier than all
// others of its shard.
func (w *sweeper) wakeBy(deadline int64) {
	if deadline < w.planned.Load() {
		select {
		case w.replan <- struct{}{}:
		default: // a request is queued already
		}
	}
}

// sweepOnce sweeps all shards and returns free memory to the system.
func (c *Cache) sweepOnce() {
	for i := range c.shards {
		s := &c.shards[i]
		for from, more := 0, true; more; {
			c.lock(s)
			from = s.sweepSome(from)
			more = from != 0 || s.giveBack()
			c.notifyUntilClosed(s.unlock())
		}
	}
}

func (w *sweeper) stop() { close(w.stopping) }

// wait returns after the sweeper has ended. It returns at once while OnEvict
// runs on the sweeper's goroutine, because OnEvict may be the caller of Close.
func (w *sweeper) wait() {
	if !w.calling.Load() {
		<-w.stopped
	}
}
