// Package speed measures how long operations take under parallel access.
package speed

import (
	"fmt"
	"sync"
	"time"

	"github.com/holdfast-go/holdfast/bench/internal/load"
	"github.com/holdfast-go/holdfast/bench/internal/peer"
	"github.com/holdfast-go/holdfast/bench/internal/proc"
	"github.com/holdfast-go/holdfast/bench/internal/stat"
	"github.com/holdfast-go/holdfast/bench/internal/stock"
)

// Op is what is done to the sessions.
type Op string

// The operations.
const (
	Get    Op = "get"
	Mixed  Op = "90/10"  // nine Gets, then a Set
	Set    Op = "set"    // over a session that is there
	Touch  Op = "touch"  // each peer's way to extend a TTL
	Absent Op = "absent" // Get of IDs that nobody has
)

// Slice is one measured piece of work: so many operations on a stocked peer.
type Slice struct {
	Op           Op
	Distribution load.Distribution
	Goroutines   int
	Ops          int // all goroutines together
	Seed         uint64

	// Timed takes the time of each operation, which costs two readings of the
	// clock each and so is never mixed with the measurement of the whole.
	Timed bool
}

// Took is what a slice took.
type Took struct {
	Nanos float64 // elapsed time by the number of operations
	Found float64 // share of the operations that found their session

	// Of single operations, if timed. Clock is the median of what reading the
	// clock twice in a row shows: so much of each of them is not the peer's.
	P50, P99, P999, Max, Clock time.Duration
}

const sliceTask = "speed"

// Tasks are what a child needs to be able to do.
func Tasks(s *stock.Stock) proc.Tasks {
	r := &runner{stock: s}
	return proc.Tasks{sliceTask: proc.Handle(r.run)}
}

// runner keeps its sequences from slice to slice, so that making them leaves no
// garbage for the peer's measurement to collect.
type runner struct {
	stock   *stock.Stock
	workers []*worker
}

type worker struct {
	peer    peer.Peer
	ids     load.Sequence
	reader  *peer.Reader
	value   []byte
	found   int
	latency stat.Latencies
}

func (r *runner) run(s Slice) (Took, error) {
	if s.Goroutines < 1 || s.Ops < s.Goroutines {
		return Took{}, fmt.Errorf("%d operations on %d goroutines are no slice", s.Ops, s.Goroutines)
	}
	workers := r.prepare(s)
	took := together(workers, func(w *worker) { w.work(s) })

	var result Took
	var all stat.Latencies
	done, found := 0, 0
	for _, w := range workers {
		done += w.ids.Len()
		found += w.found
		all.Merge(&w.latency)
	}
	result.Nanos = float64(took.Nanoseconds()) / float64(done)
	result.Found = float64(found) / float64(done)
	if s.Timed {
		result.P50, result.P99, result.P999, result.Max = all.Quantile(0.5), all.Quantile(0.99), all.Quantile(0.999), all.Max()
		result.Clock = clockCost()
	}
	return result, nil
}

func (r *runner) prepare(s Slice) []*worker {
	order := r.stock.Order
	for len(r.workers) < s.Goroutines {
		r.workers = append(r.workers, &worker{
			reader: peer.NewReader(order.ValueLen),
			value:  load.Value(order.ValueLen, uint64(len(r.workers))),
		})
	}
	workers := r.workers[:s.Goroutines]
	var offset uint64
	if s.Op == Absent {
		offset = uint64(order.Sessions)
	}
	var wg sync.WaitGroup
	for i, w := range workers {
		wg.Go(func() {
			p := load.NewPicker(s.Distribution, order.Sessions, s.Seed+uint64(i))
			w.ids.Draw(p, s.Ops/s.Goroutines, offset)
			w.peer, w.found, w.latency = r.stock.Peer, 0, stat.Latencies{}
		})
	}
	wg.Wait()
	return workers
}

// together lets all workers start at once and returns the time until the last
// one is done.
func together(workers []*worker, work func(*worker)) time.Duration {
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	for _, w := range workers {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			<-start
			work(w)
		})
	}
	ready.Wait()
	began := time.Now()
	close(start)
	done.Wait()
	return time.Since(began)
}

// clockCost returns the median of the time between two readings of the clock.
func clockCost() time.Duration {
	var l stat.Latencies
	for range 10_000 {
		l.Record(time.Since(time.Now()))
	}
	return l.Quantile(0.5)
}
