package speed

import (
	"time"

	"github.com/holdfast-go/holdfast/bench/internal/run"
	"github.com/holdfast-go/holdfast/bench/internal/stat"
)

// Result is one peer in one cell.
type Result struct {
	Peer  string       `json:"peer"`
	Cell  Cell         `json:"cell"`
	Nanos stat.Summary `json:"ns"`
	Ratio stat.Summary `json:"ratio"` // to Holdfast in the same rounds
	Found float64      `json:"found"`
	Kept  float64      `json:"kept"` // share of the sessions that filling kept

	Latency *Took `json:"latency,omitempty"` // of the timed cells
}

// results collects what the rounds measure. The zero value is empty.
type results struct {
	order []resultKey
	of    map[resultKey]*series
}

type resultKey struct {
	peer string
	cell Cell
}

// series is one peer in one cell: a figure a round, of its passes the median.
type series struct {
	nanos  []float64
	ratios []float64
	took   []Took // all of them
	kept   float64
}

// add takes note of a round. Holdfast is measured anew in each group of peers,
// as the others' partner, but once a round is enough for its own row.
func (rs *results) add(member *run.Member, cell Cell, round int, took, base []Took) {
	key := resultKey{member.Peer.Name, cell}
	s := rs.of[key]
	if s == nil {
		if rs.of == nil {
			rs.of = make(map[resultKey]*series)
		}
		s = new(series)
		rs.of[key] = s
		rs.order = append(rs.order, key)
	}
	if len(s.nanos) > round {
		return
	}
	s.nanos = append(s.nanos, stat.Median(nanos(took)))
	s.ratios = append(s.ratios, stat.Ratios(nanos(took), nanos(base)).Median)
	s.took = append(s.took, took...)
	s.kept = float64(member.Receipt.Kept) / float64(cell.Store.Sessions)
}

// all returns the results in the order in which they first came.
func (rs *results) all() []Result {
	var all []Result
	for _, key := range rs.order {
		s := rs.of[key]
		r := Result{
			Peer:  key.peer,
			Cell:  key.cell,
			Nanos: stat.Summarize(s.nanos),
			Ratio: stat.Summarize(s.ratios),
			Found: s.took[0].Found,
			Kept:  s.kept,
		}
		if key.cell.Timed {
			latency := medianLatency(s.took)
			r.Latency = &latency
		}
		all = append(all, r)
	}
	return all
}

func nanos(took []Took) []float64 {
	var ns []float64
	for _, t := range took {
		ns = append(ns, t.Nanos)
	}
	return ns
}

// medianLatency takes each quantile's median over the slices, but the maximum
// over all of them.
func medianLatency(took []Took) Took {
	median := func(of func(Took) time.Duration) time.Duration {
		var sample []float64
		for _, t := range took {
			sample = append(sample, float64(of(t)))
		}
		return time.Duration(stat.Median(sample))
	}
	result := Took{
		P50:   median(func(t Took) time.Duration { return t.P50 }),
		P99:   median(func(t Took) time.Duration { return t.P99 }),
		P999:  median(func(t Took) time.Duration { return t.P999 }),
		Clock: median(func(t Took) time.Duration { return t.Clock }),
	}
	for _, t := range took {
		result.Max = max(result.Max, t.Max)
	}
	return result
}
