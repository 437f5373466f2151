package memory

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/holdfast-go/holdfast/bench/internal/load"
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

// results of one peer. Beyond is NaN-free: what a peer has no figure for is 0.
type result struct {
	peer    string
	receipt stock.Receipt
	beyond  float64 // bytes a session, beyond ID and value
	churn   float64 // peak resident set over cap
	growth  float64
	expiry  Return
}

func sessions(e *run.Env) int   { return run.Pick(e, 100_000, 1_000_000) }
func capBytes(e *run.Env) int64 { return run.Pick[int64](e, 64<<20, 256<<20) }

// expiryOf is made so that the slowest peer is full before the first session
// expires.
func expiryOf(e *run.Env, name string) Expiry {
	return Expiry{
		Peer:     name,
		Sessions: run.Pick(e, 20_000, 200_000),
		ValueLen: valueLen,
		TTL:      run.Pick(e, 2*time.Second, 10*time.Second),
		Wait:     run.Pick(e, 3*time.Second, 20*time.Second),
	}
}

func seconds(e *run.Env) float64 {
	each := 3e-6*float64(sessions(e)) + 40e-9*float64(capBytes(e))/4
	expiry := expiryOf(e, "")
	return float64(len(e.Peers))*each + (expiry.TTL + expiry.Wait).Seconds()
}

func measure(e *run.Env) (report.Section, error) {
	e.Progress.Begin("memory", seconds(e), 3*len(e.Peers)+1)
	results := make([]result, len(e.Peers))
	for i, info := range e.Peers {
		results[i].peer = info.Name
		if err := results[i].measure(e); err != nil {
			return report.Section{}, fmt.Errorf("%s: %w", info.Name, err)
		}
	}
	e.Progress.Step("waiting for sessions to expire")
	if err := measureExpiry(e, results); err != nil {
		return report.Section{}, err
	}
	return section(e, results), nil
}

func (r *result) measure(e *run.Env) error {
	pressure := Pressure{Peer: r.peer, Cap: capBytes(e), Times: run.Pick(e, 3, 6)}
	return errors.Join(
		e.Alone(func(c *proc.Child) (err error) {
			e.Progress.Step("bytes beyond ID and value, " + r.peer)
			order := stock.Order{Peer: r.peer, Sessions: sessions(e), ValueLen: valueLen, TTL: time.Hour, Timed: true}
			r.receipt, err = proc.Call[stock.Receipt](c, stock.Task, order)
			r.beyond = float64(r.receipt.Bytes)/float64(r.receipt.Kept) - (load.IDLen + valueLen)
			return err
		}),
		e.Alone(func(c *proc.Child) error {
			e.Progress.Step("churn, " + r.peer)
			peak, err := proc.Call[Peak](c, churnTask, pressure)
			r.churn = float64(peak.Bytes) / float64(pressure.Cap)
			return err
		}),
		e.Alone(func(c *proc.Child) error {
			e.Progress.Step("growing values, " + r.peer)
			peak, err := proc.Call[Peak](c, growthTask, pressure)
			r.growth = float64(peak.Bytes) / float64(pressure.Cap)
			return err
		}),
	)
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
