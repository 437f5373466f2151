package gc

import (
	"fmt"
	"math"
	"time"

	"github.com/holdfast-go/holdfast/bench/internal/proc"
	"github.com/holdfast-go/holdfast/bench/internal/report"
	"github.com/holdfast-go/holdfast/bench/internal/run"
	"github.com/holdfast-go/holdfast/bench/internal/stat"
	"github.com/holdfast-go/holdfast/bench/internal/stock"
)

const valueLen = 256

// Part returns the part of the benchmark that measures garbage collection.
func Part() run.Part {
	return run.Part{Name: "gc", Seconds: seconds, Run: measure}
}

// result is one peer with so many sessions, a figure a round.
type result struct {
	peer     string
	sessions int
	collect  []float64 // seconds of one collection
	cores    []float64 // busy collecting at a steady load
	cycles   []float64 // collections a second, likewise
}

func sizes(e *run.Env) []int {
	return run.Pick(e, []int{30_000}, []int{1_000_000, 8_000_000})
}

// rounds is how often the collections with so many sessions are measured. To
// fill all the large caches takes minutes.
func rounds(e *run.Env, sessions int) int {
	if sessions > 1_000_000 {
		return 1
	}
	return e.LongRounds()
}

func order(sessions int) stock.Order {
	return stock.Order{Sessions: sessions, ValueLen: valueLen, TTL: 24 * time.Hour}
}

func steadyLoad(e *run.Env) Load {
	return Load{
		PerSecond: run.Pick(e, 20_000, 100_000),
		Garbage:   8 << 10,
		Cycles:    3,
		AtLeast:   run.Pick(e, 200*time.Millisecond, 2*time.Second),
		AtMost:    run.Pick(e, 500*time.Millisecond, 30*time.Second),
	}
}

func seconds(e *run.Env) float64 {
	total := 0.0
	for _, n := range sizes(e) {
		total += float64(len(e.Peers)*rounds(e, n)) * (0.4 + 3e-6*float64(n))
	}
	return total
}

func measure(e *run.Env) (report.Section, error) {
	steps := 0
	for _, n := range sizes(e) {
		steps += len(e.Peers) * rounds(e, n)
	}
	e.Progress.Begin("gc", seconds(e), steps)
	var results []result
	for _, n := range sizes(e) {
		if !e.Fits(1, order(n)) {
			continue
		}
		ofSize := make([]result, len(e.Peers))
		for round := range rounds(e, n) {
			for _, i := range e.Order(len(e.Peers), round) {
				info := e.Peers[i]
				e.Progress.Step(fmt.Sprintf("%s sessions, %s, round %d", report.Count(n), info.Name, round+1))
				ofSize[i].peer, ofSize[i].sessions = info.Name, n
				if err := ofSize[i].measure(e); err != nil {
					return report.Section{}, fmt.Errorf("%s: %w", info.Name, err)
				}
			}
		}
		results = append(results, ofSize...)
	}
	return section(e, results), nil
}

// measure adds a round.
func (r *result) measure(e *run.Env) error {
	return e.Alone(func(c *proc.Child) error {
		o := order(r.sessions)
		o.Peer = r.peer
		if _, err := proc.Call[stock.Receipt](c, stock.Task, o); err != nil {
			return err
		}
		const collections = 3
		took, err := proc.Call[[]float64](c, collectTask, collections)
		if err != nil {
			return err
		}
		r.collect = append(r.collect, stat.Median(took))
		steady, err := proc.Call[Share](c, steadyTask, steadyLoad(e))
		if steady.Cycles == 0 { // it was not long enough to tell
			steady = Share{Cores: math.NaN(), Seconds: math.NaN()}
		}
		r.cores = append(r.cores, steady.Cores)
		r.cycles = append(r.cycles, float64(steady.Cycles)/steady.Seconds)
		return err
	})
}
