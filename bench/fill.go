package main

import (
	"sync"
	"sync/atomic"
	"time"
)

// longTTL outlasts every measurement.
const longTTL = 24 * time.Hour

// fill opens a peer, fills it with sessions, and keeps it in the child. Its
// figure is the share of sessions that the peer kept.
type fill struct {
	Peer     string
	Config   config
	Sessions int
	ValueLen int

	// Passes is how often all processors store every session. After the second
	// time the heap has its final size and a ring of bytes is full, as in a
	// server that runs for long. If it is 0, one goroutine stores every session
	// once. Then there are more figures: those of fillAlone, the growth of the
	// resident set, and the bytes of it beyond ID and value for a kept session.
	Passes int
}

func (f fill) measure(c *child) figures {
	c.empty = settled()
	p := find(allPeers, f.Peer).open(f.Config)
	c.peer = p
	for range f.Passes {
		onAllProcs(func(first, step int) { f.store(first, step, p.set) })
	}
	result := figures{}
	if f.Passes == 0 {
		result = f.fillAlone(p)
		result["full"] = float64(settled() - c.empty)
	}
	kept := float64(countKept(p, f.Sessions, f.ValueLen))
	result["kept"] = kept / float64(f.Sessions)
	result["beyond"] = result["full"]/kept - float64(idLen+f.ValueLen)
	return result
}

// fillAlone fills the peer from one goroutine. The figures are the seconds that
// it took, the longest single set, and the 99.9 % quantile of sets.
func (f fill) fillAlone(p peer) figures {
	took := make([]time.Duration, 0, f.Sessions)
	start := time.Now()
	f.store(0, 1, func(id string, value []byte) {
		start := time.Now()
		p.set(id, value)
		took = append(took, time.Since(start))
	})
	return figures{"seconds": time.Since(start).Seconds(), "longest": quantile(took, 1), "p999": quantile(took, 0.999)}
}

// store stores every step-th session from first on.
func (f fill) store(first, step int, set func(id string, value []byte)) {
	value := newValue(f.ValueLen, uint64(first))
	for n := first; n < f.Sessions; n += step {
		set(sessionID(n), value)
	}
}

// capped returns the configuration of a peer that is capped to so many sessions
// with values of those lengths.
func capped(sessions, meanLen, maxLen int) config {
	entry := idLen + meanLen
	return config{Bytes: int64(sessions) * int64(entry), Entries: sessions, EntryLen: entry, MaxValue: maxLen, TTL: longTTL}
}

// roomy returns a configuration in which nothing is evicted: generous bytes for
// bookkeeping, and a tenth more entries because shards fill unevenly.
func roomy(sessions, valueLen int) config {
	const bookkeeping, spare = 256, 64 << 20
	c := capped(sessions+sessions/10+1024, valueLen, valueLen)
	c.Bytes = spare + int64(sessions)*int64(idLen+valueLen+bookkeeping)*5/4
	return c
}

// countKept returns how many of the sessions can be read back.
func countKept(p peer, sessions, valueLen int) int {
	var total atomic.Int64
	onAllProcs(func(first, step int) {
		r := newReader(valueLen)
		for n := first; n < sessions; n += step {
			if p.get(sessionID(n), r) {
				total.Add(1)
			}
		}
	})
	return int(total.Load())
}

// onAllProcs runs f once on each processor, with its share of the numbers.
func onAllProcs(f func(first, step int)) {
	var wg sync.WaitGroup
	for first := range procs() {
		wg.Go(func() { f(first, procs()) })
	}
	wg.Wait()
}

// childSize is an upper estimate of the memory of a filled child.
func childSize(sessions, valueLen int) int64 {
	const (
		program     = 100 << 20
		bookkeeping = 200 // bytes a session, more than most peers take
		garbage     = 2   // with GOGC=100 the heap is twice the live data
	)
	return program + garbage*int64(idLen+valueLen+bookkeeping)*int64(sessions)
}
