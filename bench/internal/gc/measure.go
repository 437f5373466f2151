package gc

import (
	"fmt"
	"time"

	"github.com/holdfast-go/holdfast/bench/internal/peer"
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

type result struct {
	peer     string
	sessions int
	collect  stat.Summary // nanoseconds
	steady   Share
}

func sizes(e *run.Env) []int {
	return run.Pick(e, []int{30_000}, []int{1_000_000, 8_000_000})
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
		total += float64(len(e.Peers)) * (0.4 + 3e-6*float64(n))
	}
	return total
}

func measure(e *run.Env) (report.Section, error) {
	e.Progress.Begin("gc", seconds(e), len(sizes(e))*len(e.Peers))
	var results []result
	for _, n := range sizes(e) {
		if !e.Fits(1, order(n)) {
			continue
		}
		for _, info := range e.Peers {
			e.Progress.Step(fmt.Sprintf("%s sessions, %s", report.Count(n), info.Name))
			r, err := one(e, info, n)
			if err != nil {
				return report.Section{}, fmt.Errorf("%s: %w", info.Name, err)
			}
			results = append(results, r)
		}
	}
	return section(e, results), nil
}

func one(e *run.Env, info peer.Info, sessions int) (result, error) {
	r := result{peer: info.Name, sessions: sessions}
	err := e.Alone(func(c *proc.Child) error {
		o := order(sessions)
		o.Peer = info.Name
		if _, err := proc.Call[stock.Receipt](c, stock.Task, o); err != nil {
			return err
		}
		took, err := proc.Call[[]float64](c, collectTask, e.Rounds)
		if err != nil {
			return err
		}
		r.collect = stat.Summarize(took)
		r.steady, err = proc.Call[Share](c, steadyTask, steadyLoad(e))
		return err
	})
	return r, err
}
