package speed

import (
	"fmt"
	"slices"

	"github.com/holdfast-go/holdfast/bench/internal/peer"
	"github.com/holdfast-go/holdfast/bench/internal/report"
	"github.com/holdfast-go/holdfast/bench/internal/run"
)

// grid looks results up by peer and cell.
type grid struct {
	env     *run.Env
	results []Result
}

func (g grid) find(name string, c Cell) (Result, bool) {
	i := slices.IndexFunc(g.results, func(r Result) bool { return r.Peer == name && r.Cell == c })
	if i < 0 {
		return Result{}, false
	}
	return g.results[i], true
}

// ops returns the operations measured in a circumstance, in their order.
func (g grid) ops(c circumstance) []Op {
	var ops []Op
	for _, r := range g.results {
		if !r.Cell.Timed && r.Cell.circumstance() == c && !slices.Contains(ops, r.Cell.Op) {
			ops = append(ops, r.Cell.Op)
		}
	}
	return ops
}

// ratios is the table of each peer's time as a multiple of Holdfast's, which
// itself is given in nanoseconds.
func (g grid) ratios(c circumstance) report.Table {
	t := g.table(c, "How many times as long as Holdfast? "+c.String(), func(r Result) string {
		if r.Peer == peer.Holdfast {
			return report.Number(r.Nanos.Median) + " ns"
		}
		return report.Spread(r.Ratio)
	})
	t.Notes = g.losers(c)
	return t
}

// absolute is the table of times.
func (g grid) absolute(c circumstance) report.Table {
	return g.table(c, "How many nanoseconds? "+c.String(), func(r Result) string {
		return report.Spread(r.Nanos)
	})
}

func (g grid) table(c circumstance, question string, cell func(Result) string) report.Table {
	ops := g.ops(c)
	t := report.Table{Question: question, Columns: []string{"peer"}}
	for _, op := range ops {
		t.Columns = append(t.Columns, string(op))
	}
	for _, info := range g.env.Peers {
		row := []string{info.Name}
		for _, op := range ops {
			r, ok := g.find(info.Name, Cell{c.Store, op, c.Distribution, c.Goroutines, false})
			if !ok || !meaningful(r) {
				row = append(row, report.None)
				continue
			}
			row = append(row, cell(r))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// losers notes which peers did not keep what they were filled with: their
// misses are cheaper than hits, and flatter them.
func (g grid) losers(c circumstance) []string {
	const nearlyAll = 0.995
	var notes []string
	for _, info := range g.env.Peers {
		i := slices.IndexFunc(g.results, func(r Result) bool { return r.Peer == info.Name && r.Cell.Store == c.Store })
		if i >= 0 && g.results[i].Kept < nearlyAll {
			notes = append(notes, fmt.Sprintf("%s kept %s of the sessions it was filled with, though its cap had room.",
				info.Name, report.Percent(g.results[i].Kept)))
		}
	}
	return notes
}

// latencies is the table of single operations.
func (g grid) latencies(op Op) report.Table {
	t := report.Table{Columns: []string{"peer", "median", "99 %", "99.9 %", "longest"}}
	for _, r := range g.results {
		if !r.Cell.Timed || r.Cell.Op != op {
			continue
		}
		l := r.Latency
		t.Question = fmt.Sprintf("How long does a single %s take? %v", op, r.Cell.circumstance())
		t.Rows = append(t.Rows, []string{
			r.Peer, report.Duration(l.P50), report.Duration(l.P99), report.Duration(l.P999), report.Duration(l.Max),
		})
		t.Notes = []string{fmt.Sprintf("Each time contains about %s for reading the clock. The longest is the longest of all rounds.", report.Duration(l.Clock))}
	}
	return t
}
