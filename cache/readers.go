package cache

import (
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"
)

// readers are the optimistic reads under way, and the counts of all.
// SetMaxBytes and Close wait for them before they move or unmap memory.
//
// A reader holds a stripe while it reads. It takes the stripe by one atomic
// operation, and as nobody else writes to it meanwhile, it counts and leaves by
// plain writes: an atomic one waits until all earlier writes have reached the
// processor's cache, and no later read begins before. A waiting call looks at
// each stripe until its reader has left.
type readers struct {
	stripes []stripe // a power of two
	pauses  int      // calls of SetMaxBytes under way; Cache.resizing guards it
}

// stripe has the counts of the readers of some goroutines. Most goroutines have
// a stripe of their own, so processors seldom wait for each other's. It is one
// cache line.
type stripe struct {
	state  uint64 // odd while a reader holds the stripe; grows with each change
	counts [results]uint64
	_      [4]uint64
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

// stripesFor returns the number of stripes for a cache with so many shards: a
// power of two. The default number of shards grows with the number of
// processors. So processors seldom share a stripe and wait for its line: of 64
// processors, one in eight does with 512 stripes, and five in eight would with
// 64.
func stripesFor(shards int) int { return min(4*shards, max(64, 2*shards)) }

// A reader that finds its stripe held tries the next one, so many in all.
const stripeTries = 2

// enter announces a reader, which holds the stripe that enter returns. It may
// use any view of a shard that it loads before it leaves. enter returns nil if
// others hold the stripes that it may take.
func (r *readers) enter() *stripe {
	at := stripeOf()
	for i := range uint64(stripeTries) {
		s := &r.stripes[(at+i)&uint64(len(r.stripes)-1)]
		if n := atomic.LoadUint64(&s.state); n&1 == 0 && atomic.CompareAndSwapUint64(&s.state, n, n+1) {
			return s
		}
	}
	return nil
}

// leave ends a reader.
func (s *stripe) leave(with result) {
	s.counts[with]++
	storeRelease(&s.state, s.state+1)
}

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
	// All states are read first, so that newer readers do not prolong the wait.
	before := make([]uint64, len(r.stripes))
	for i := range r.stripes {
		before[i] = atomic.LoadUint64(&r.stripes[i].state)
	}
	for i, state := range before {
		for n := 0; state&1 != 0 && atomic.LoadUint64(&r.stripes[i].state) == state; n++ {
			if n < 100 {
				runtime.Gosched()
			} else {
				time.Sleep(50 * time.Microsecond)
			}
		}
	}
}

// addTo adds the counts of all readers.
func (r *readers) addTo(total *Stats) {
	for i := range r.stripes {
		total.Hits += atomic.LoadUint64(&r.stripes[i].counts[hasHit])
		total.Misses += atomic.LoadUint64(&r.stripes[i].counts[hasMissed])
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
