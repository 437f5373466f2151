package main

import (
	"sync"
	"sync/atomic"
	"time"
)

// longTTL outlasts every measurement.
const longTTL = 24 * time.Hour

// fill opens a peer, fills it with sessions, and keeps it in the child. Its
// figures are the share of sessions that the peer kept and the seconds of
// filling.
type fill struct {
	Peer     string
	Sessions int
	ValueLen int
	TTL      time.Duration

	// Timed has one goroutine fill and adds the figures of single sets: the
	// longest, and the 99.9 % quantile. Otherwise all processors fill.
	Timed bool

	// Twice stores every session a second time. Then the heap has its final
	// size and a ring of bytes is full, as in a server that runs for long.
	Twice bool
}

func (f fill) measure(c *child) figures {
	p := findPeer(f.Peer).open(roomy(f.Sessions, f.ValueLen, f.TTL))
	c.peer, c.filled = p, f
	result := figures{}
	start := time.Now()
	if f.Timed {
		took := make([]time.Duration, 0, f.Sessions)
		f.store(p, 0, 1, &took)
		result["seconds"] = time.Since(start).Seconds()
		result["longest"], result["p999"] = quantile(took, 1), quantile(took, 0.999)
	} else {
		onAllProcs(func(first, step int) { f.store(p, first, step, nil) })
		result["seconds"] = time.Since(start).Seconds()
	}
	if f.Twice {
		onAllProcs(func(first, step int) { f.store(p, first, step, nil) })
	}
	result["kept"] = float64(countKept(p, f.Sessions, f.ValueLen)) / float64(f.Sessions)
	return result
}

// roomy returns a configuration in which nothing is evicted: generous bytes for
// bookkeeping, and a tenth more entries because shards fill unevenly.
func roomy(sessions, valueLen int, ttl time.Duration) config {
	const bookkeeping, spare = 256, 64 << 20
	return config{
		Bytes:    spare + int64(sessions)*int64(idLen+valueLen+bookkeeping)*5/4,
		Entries:  sessions + sessions/10 + 1024,
		EntryLen: idLen + valueLen,
		MaxValue: valueLen,
		TTL:      ttl,
	}
}

// store stores every step-th session from first on.
func (f fill) store(p peer, first, step int, took *[]time.Duration) {
	value := newValue(f.ValueLen, uint64(first))
	for n := first; n < f.Sessions; n += step {
		id := sessionID(n)
		if took == nil {
			p.set(id, value)
			continue
		}
		start := time.Now()
		p.set(id, value)
		*took = append(*took, time.Since(start))
	}
}

// countKept returns how many of the sessions can be read back.
func countKept(p peer, sessions, valueLen int) int {
	var total atomic.Int64
	onAllProcs(func(first, step int) {
		r := newReader(valueLen)
		kept := 0
		for n := first; n < sessions; n += step {
			if p.get(sessionID(n), r) {
				kept++
			}
		}
		total.Add(int64(kept))
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
