package cache

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// readers are the optimistic reads under way, and the counts of all.
// SetMaxBytes and Close wait for them before they move or unmap memory. It is
// sleepable RCU (McKenney, 2006): a reader announces itself under the current
// phase. A waiting call changes the phase, so that newer readers do not
// prolong the wait.
type readers struct {
	stripes []stripe      // a power of two
	phase   atomic.Uint32 // the current phase is its lowest bit
	waiting sync.Mutex    // held while somebody waits
	pauses  int           // calls of SetMaxBytes under way; Cache.resizing guards it
}

// stripe has the counts of the readers of some goroutines. Most goroutines have
// a stripe of their own, so processors seldom wait for each other's.
type stripe [2]phase

// phase has the counts of a stripe's readers under one phase. As many are under
// way as have entered and have not left with a result.
type phase struct {
	entered atomic.Uint64
	left    [results]atomic.Uint64
}

// result is the result of a reader.
type result uint8

const (
	noResult result = iota // or none that Stats counts
	hasHit
	hasMissed
	results
)

// counted returns r, if it counts in Stats.
func counted(r result, isUse bool) result {
	if isUse {
		return r
	}
	return noResult
}

// stripes returns the number of stripes of a new cache: few if its shards are too
// small for optimistic reads.
func (o Options) stripes() int {
	if o.isOptimistic() {
		return stripesFor(o.Shards)
	}
	return 4
}

// stripesFor returns the number of stripes for a cache with so many shards: a
// power of two.
func stripesFor(shards int) int { return min(4*shards, 64) }

// enter announces a reader. It may use any view of a shard that it loads before
// it leaves.
func (r *readers) enter() *phase {
	p := &r.stripes[stripeOf()&uint64(len(r.stripes)-1)][r.phase.Load()&1]
	p.entered.Add(1)
	return p
}

func (p *phase) leave(with result) { p.left[with].Add(1) }

// stripeOf returns a number whose lowest bits select the calling goroutine's
// stripe. It is a hash of the address of the goroutine's stack.
func stripeOf() uint64 {
	var here byte
	at := uint64(uintptr(unsafe.Pointer(&here)) >> 11) // the shortest stack has 2 KiB
	return at * 0x9e3779b97f4a7c15 >> 32               // Fibonacci hashing (Knuth, 1973)
}

// wait returns when all readers have left that entered before its call. The
// caller has no shard's lock.
func (r *readers) wait() {
	r.waiting.Lock()
	defer r.waiting.Unlock()
	for range 2 { // a reader may enter late under the phase that it has loaded
		old := (r.phase.Add(1) - 1) & 1
		for i := range r.stripes {
			for n := 0; r.stripes[i][old].isActive(); n++ {
				if n < 100 {
					runtime.Gosched()
				} else {
					time.Sleep(50 * time.Microsecond)
				}
			}
		}
	}
}

// isActive reports whether readers are under way. It loads entered last:
// otherwise a reader that enters and leaves in between would hide another.
func (p *phase) isActive() bool {
	left := uint64(0)
	for i := range p.left {
		left += p.left[i].Load()
	}
	return p.entered.Load() != left
}

// addTo adds the counts of all readers.
func (r *readers) addTo(total *Stats) {
	for i := range r.stripes {
		for j := range r.stripes[i] {
			total.Hits += r.stripes[i][j].left[hasHit].Load()
			total.Misses += r.stripes[i][j].left[hasMissed].Load()
		}
	}
}

// pauseReaders lets all reads take the lock, and waits for those that do not.
func (c *Cache) pauseReaders() {
	if c.readers == nil {
		return
	}
	c.resizing.Lock()
	c.readers.pauses++
	for i := range c.shards {
		c.shards[i].view.Store(nil)
	}
	c.resizing.Unlock()
	c.readers.wait()
}

// resumeReaders ends pauseReaders.
func (c *Cache) resumeReaders() {
	if c.readers == nil {
		return
	}
	c.resizing.Lock()
	defer c.resizing.Unlock()
	if c.readers.pauses--; c.readers.pauses == 0 {
		c.publish()
	}
}

// publish lets optimistic reads begin.
func (c *Cache) publish() {
	for i := range c.shards {
		s := &c.shards[i]
		c.lock(s)
		s.publish()
		c.unlock(s)
	}
}
