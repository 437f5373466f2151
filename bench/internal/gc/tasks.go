// Package gc measures what the garbage collector pays for the sessions that a
// cache holds.
package gc

import (
	"math/rand/v2"
	"runtime"
	"runtime/metrics"
	"time"

	"github.com/holdfast-go/holdfast/bench/internal/load"
	"github.com/holdfast-go/holdfast/bench/internal/peer"
	"github.com/holdfast-go/holdfast/bench/internal/proc"
	"github.com/holdfast-go/holdfast/bench/internal/stock"
)

const (
	collectTask = "gc.collect"
	steadyTask  = "gc.steady"
)

// Tasks are what a child needs to be able to do.
func Tasks(s *stock.Stock) proc.Tasks {
	return proc.Tasks{
		collectTask: proc.Handle(collect),
		steadyTask:  proc.Handle(func(l Load) (Share, error) { return steady(s, l) }),
	}
}

// collect takes the time of so many collections, in seconds.
func collect(times int) ([]float64, error) {
	runtime.GC() // the first one also sweeps what filling left behind
	var took []float64
	for range times {
		start := time.Now()
		runtime.GC()
		took = append(took, time.Since(start).Seconds())
	}
	return took, nil
}

// Load is a steady stream of requests, each of which gets a session (one in
// ten sets it) and leaves garbage behind, as an HTTP request does.
type Load struct {
	PerSecond int
	Garbage   int // bytes a request
	Cycles    int // so many collections are watched
	AtLeast   time.Duration
	AtMost    time.Duration
}

// Share is the processor time of the collector, in cores, over the time from
// the end of one collection to the end of the last one.
type Share struct {
	Cores   float64
	Cycles  int
	Seconds float64
}

func steady(s *stock.Stock, l Load) (Share, error) {
	const tick = time.Millisecond
	serve := requests(s, l)
	runtime.GC()
	start, first := time.Now(), collector()
	var share Share
	last := first
	ticks := time.NewTicker(tick)
	defer ticks.Stop()
	due, served := 0, 0
	for share.Cycles < l.Cycles || share.Seconds < l.AtLeast.Seconds() {
		now := <-ticks.C
		elapsed := now.Sub(start)
		if elapsed > l.AtMost {
			break
		}
		for due = int(elapsed.Seconds() * float64(l.PerSecond)); served < due; served++ {
			serve()
		}
		if now := collector(); now.cycles != last.cycles {
			last = now
			share.Cycles = int(now.cycles - first.cycles)
			share.Seconds = time.Since(start).Seconds()
			share.Cores = (now.seconds - first.seconds) / share.Seconds
		}
	}
	return share, nil
}

// requests returns a function that serves one.
func requests(s *stock.Stock, l Load) func() {
	picker := load.NewPicker(load.Zipf, s.Order.Sessions, 1)
	rng := rand.New(rand.NewPCG(1, 1))
	reader := peer.NewReader(s.Order.ValueLen)
	value := load.Value(s.Order.ValueLen, 1)
	var id []byte
	return func() {
		runtime.KeepAlive(make([]byte, l.Garbage))
		id = load.AppendID(id[:0], picker.Pick())
		if rng.IntN(10) == 0 {
			s.Peer.Set(string(id), value)
		} else {
			s.Peer.Get(string(id), reader)
		}
	}
}

// collection is what the collector has done so far.
type collection struct {
	cycles  uint64
	seconds float64 // of processor time
}

func collector() collection {
	samples := []metrics.Sample{
		{Name: "/gc/cycles/total:gc-cycles"},
		{Name: "/cpu/classes/gc/total:cpu-seconds"},
	}
	metrics.Read(samples)
	return collection{samples[0].Value.Uint64(), samples[1].Value.Float64()}
}
