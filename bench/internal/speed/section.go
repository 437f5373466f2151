package speed

import (
	"fmt"

	"github.com/holdfast-go/holdfast/bench/internal/chart"
	"github.com/holdfast-go/holdfast/bench/internal/load"
	"github.com/holdfast-go/holdfast/bench/internal/peer"
	"github.com/holdfast-go/holdfast/bench/internal/report"
	"github.com/holdfast-go/holdfast/bench/internal/run"
)

const intro = `Each peer runs in a process of its own. In each round all processes are started and filled anew; then they do
slices of the same operations one after the other, three of each kind (a quick run: one), in an order drawn anew each time, the others' processes being stopped meanwhile.
Holdfast's row is the median time by operation, elapsed time divided by operations; a peer's row is its time divided by
Holdfast's in the slice of the same number: of a round's three the median, of the rounds the median, and in parentheses the lowest and the
highest round. Above 1 Holdfast is faster. A found value is read once per cache line. Caches that keep references are handed a fresh copy of ID and value.`

// section arranges the results: one table and chart for the centre, one table
// for each of the other stores, goroutines and distributions.
func section(e *run.Env, results []Result, skipped []Store) report.Section {
	s := report.Section{Title: "Speed", Intro: intro, Rivals: rivals(results), Data: results}
	g := grid{e, results}
	for _, c := range circumstances(results) {
		s.Tables = append(s.Tables, g.ratios(c))
	}
	if len(s.Tables) > 0 {
		first := circumstances(results)[0]
		s.Tables = append(s.Tables, g.absolute(first))
		s.Charts = g.charts(first)
	}
	for _, store := range skipped {
		s.Missing = append(s.Missing, fmt.Sprintf("%s sessions of %s, for want of memory",
			report.Count(store.Sessions), report.Size(int64(store.ValueLen))))
	}
	for _, op := range timedOps {
		if t := g.latencies(op); len(t.Rows) > 0 {
			s.Tables = append(s.Tables, t)
		}
	}
	return s
}

// circumstance is all of a cell but its operation.
type circumstance struct {
	Store        Store
	Distribution load.Distribution
	Goroutines   int
}

func (c circumstance) String() string {
	return fmt.Sprintf("%s sessions of %s, %s, %d goroutines",
		report.Count(c.Store.Sessions), report.Size(int64(c.Store.ValueLen)), c.Distribution, c.Goroutines)
}

func (c Cell) circumstance() circumstance {
	return circumstance{c.Store, c.Distribution, c.Goroutines}
}

func (c Cell) String() string { return fmt.Sprintf("%s, %v", c.Op, c.circumstance()) }

// circumstances returns those of the untimed results, in their order.
func circumstances(results []Result) []circumstance {
	var all []circumstance
	seen := make(map[circumstance]bool)
	for _, r := range results {
		if c := r.Cell.circumstance(); !r.Cell.Timed && !seen[c] {
			seen[c] = true
			all = append(all, c)
		}
	}
	return all
}

func rivals(results []Result) []report.Rival {
	var all []report.Rival
	for _, r := range results {
		if r.Peer != peer.Holdfast && !r.Cell.Timed && meaningful(r) {
			all = append(all, report.Rival{Peer: r.Peer, What: "time of " + r.Cell.String(), Ratio: r.Ratio})
		}
	}
	return all
}

// meaningful is false for a touch of a peer without TTLs: it extends nothing.
func meaningful(r Result) bool {
	info, _ := peer.Find(r.Peer)
	return r.Cell.Op != Touch || info.Expires()
}

// charts draws get and set, the two that everyone asks for.
func (g grid) charts(c circumstance) []report.Chart {
	var charts []report.Chart
	for _, op := range timedOps {
		bars := chart.Bars{
			File:  "speed-" + string(op),
			Title: fmt.Sprintf("%s: %v", op, c),
			Axis:  "nanoseconds by operation (median, lowest and highest round)",
		}
		for _, info := range g.env.Peers {
			if r, ok := g.find(info.Name, Cell{c.Store, op, c.Distribution, c.Goroutines, false}); ok {
				bars.Add(info.Name, r.Nanos)
			}
		}
		if len(bars.Bars) > 0 {
			charts = append(charts, bars)
		}
	}
	return charts
}
