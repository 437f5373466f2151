package memory

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/holdfast-go/holdfast/bench/internal/proc"
	"github.com/holdfast-go/holdfast/bench/internal/report"
	"github.com/holdfast-go/holdfast/bench/internal/run"
	"github.com/holdfast-go/holdfast/bench/internal/stock"
)

const valueLen = 256

// Part returns the part of the benchmark that measures memory.
func Part() run.Part {
	return run.Part{Name: "memory", Seconds: seconds, Run: measure}
}

// result is the figures of one peer, one a round but for expiry's, which come
// once.
type result struct {
	peer     string
	kept     float64   // share of the sessions that filling kept
	beyond   []float64 // bytes a session, beyond ID and value
	churn    []float64 // peak resident set over cap
	growth   []float64
	fillTime []float64 // seconds
	p999     []float64 // seconds, of single Sets
	longest  []float64
	expiry   Return
}

func sessions(e *run.Env) int   { return run.Pick(e, 30_000, 1_000_000) }
func capBytes(e *run.Env) int64 { return run.Pick[int64](e, 32<<20, 256<<20) }

// expiryOf is made so that the slowest peer is full before the first session
// expires.
func expiryOf(e *run.Env, name string) Expiry {
	return Expiry{
		Peer:     name,
		Sessions: run.Pick(e, 10_000, 200_000),
		ValueLen: valueLen,
		TTL:      run.Pick(e, 2*time.Second, 10*time.Second),
		Wait:     run.Pick(e, 3*time.Second, 20*time.Second),
	}
}

func times(e *run.Env) int { return run.Pick(e, 1, 6) }

func seconds(e *run.Env) float64 {
	fill := 0.2 + 6e-6*float64(sessions(e))
	pressure := 0.4 + 2.5e-9*float64(times(e))*float64(capBytes(e))
	return float64(len(e.Peers)*e.LongRounds()) * (fill + pressure)
}

// measure lets sessions expire while it measures what is not timed, and fills
// caches when nothing else goes on.
func measure(e *run.Env) (report.Section, error) {
	e.Progress.Begin("memory", seconds(e), 2*len(e.Peers)*e.LongRounds())
	results := make([]result, len(e.Peers))
	for i, info := range e.Peers {
		results[i].peer = info.Name
	}
	expired := make(chan error)
	go func() { expired <- measureExpiry(e, results) }()
	errs := inRounds(e, results, func(r *result) error { return r.press(e) })
	errs = errors.Join(errs, <-expired)
	if errs == nil {
		errs = inRounds(e, results, func(r *result) error { return r.fill(e) })
	}
	return section(e, results), errs
}

func inRounds(e *run.Env, results []result, f func(*result) error) error {
	for round := range e.LongRounds() {
		for _, i := range e.Order(len(results), round) {
			if err := f(&results[i]); err != nil {
				return fmt.Errorf("%s: %w", results[i].peer, err)
			}
		}
	}
	return nil
}

// press measures what sessions take in a full cache, and how far the process
// exceeds its cap.
func (r *result) press(e *run.Env) error {
	e.Progress.Step("full caches, " + r.peer)
	pressure := Pressure{Peer: r.peer, Cap: capBytes(e), Times: times(e), Largest: largestUnder(capBytes(e))}
	under := func(task string, figures *[]float64) error {
		return e.Alone(func(c *proc.Child) error {
			peak, err := proc.Call[Peak](c, task, pressure)
			*figures = append(*figures, float64(peak.Bytes)/float64(pressure.Cap))
			return err
		})
	}
	full := e.Alone(func(c *proc.Child) error {
		f, err := proc.Call[Footprint](c, brimTask, Brim{r.peer, sessions(e), valueLen})
		r.beyond = append(r.beyond, f.beyond(valueLen))
		return err
	})
	return errors.Join(full, under(churnTask, &r.churn), under(growthTask, &r.growth))
}

// fill measures how long storing sessions takes.
func (r *result) fill(e *run.Env) error {
	e.Progress.Step("fill, " + r.peer)
	return e.Alone(func(c *proc.Child) error {
		order := stock.Order{Peer: r.peer, Sessions: sessions(e), ValueLen: valueLen, TTL: time.Hour, Timed: true}
		receipt, err := proc.Call[stock.Receipt](c, stock.Task, order)
		r.kept = float64(receipt.Kept) / float64(sessions(e))
		r.fillTime = append(r.fillTime, receipt.Seconds)
		r.p999 = append(r.p999, receipt.P999.Seconds())
		r.longest = append(r.longest, receipt.Longest.Seconds())
		return err
	})
}

// measureExpiry lets all peers wait together: nothing is timed.
func measureExpiry(e *run.Env, results []result) error {
	var wg sync.WaitGroup
	errs := make([]error, len(results))
	for i, info := range e.Peers {
		if !info.Expires() {
			continue
		}
		wg.Go(func() {
			errs[i] = e.Alone(func(c *proc.Child) (err error) {
				results[i].expiry, err = proc.Call[Return](c, expiryTask, expiryOf(e, info.Name))
				return err
			})
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
