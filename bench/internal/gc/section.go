package gc

import (
	"fmt"

	"github.com/holdfast-go/holdfast/bench/internal/chart"
	"github.com/holdfast-go/holdfast/bench/internal/peer"
	"github.com/holdfast-go/holdfast/bench/internal/report"
	"github.com/holdfast-go/holdfast/bench/internal/run"
	"github.com/holdfast-go/holdfast/bench/internal/stat"
)

const intro = `Caches on Go's heap are walked by each garbage collection; those whose memory holds no pointers, or lies
outside the heap, are not. But the heap's size also sets the pace: with little on it, collections are cheap and frequent.`

func section(e *run.Env, results []result) report.Section {
	s := report.Section{Title: "Garbage collection", Intro: intro, Rivals: rivals(results)}
	l := steadyLoad(e)
	for _, n := range sizes(e) {
		if !e.Fits(1, order(n)) {
			s.Missing = append(s.Missing, fmt.Sprintf("%s sessions, for want of memory", report.Count(n)))
			continue
		}
		t := report.Table{
			Question: fmt.Sprintf("What does garbage collection cost with %s sessions of %d bytes?", report.Count(n), valueLen),
			Columns:  []string{"peer", "one collection", "cores busy collecting", "collections a second"},
			Notes: []string{
				"One collection: time of runtime.GC(), median and quartiles, all processors free to help.",
				fmt.Sprintf("Cores: processor time of the collector, idle-time marking included, by elapsed time, at %d requests a second of which one in ten sets; each leaves %s of garbage.",
					l.PerSecond, report.Size(int64(l.Garbage))),
			},
		}
		for _, r := range results {
			if r.sessions == n {
				t.Rows = append(t.Rows, r.row())
			}
		}
		s.Tables = append(s.Tables, t)
		s.Charts = append(s.Charts, collectChart(results, n))
	}
	return s
}

func (r result) row() []string {
	ms := stat.Summary{Median: r.collect.Median / 1e6, Low: r.collect.Low / 1e6, High: r.collect.High / 1e6}
	row := []string{r.peer, report.Spread(ms) + " ms", report.None, report.None}
	if r.steady.Cycles > 0 {
		row[2] = report.Number(r.steady.Cores)
		row[3] = report.Number(float64(r.steady.Cycles) / r.steady.Seconds)
	}
	return row
}

func collectChart(results []result, sessions int) report.Chart {
	bars := chart.Bars{
		File:  fmt.Sprintf("gc-%d", sessions),
		Title: fmt.Sprintf("One garbage collection with %s sessions", report.Count(sessions)),
		Axis:  "milliseconds (median, quartiles)",
	}
	for _, r := range results {
		if r.sessions == sessions {
			bars.Bars = append(bars.Bars, chart.Bar{Label: r.peer, Value: r.collect.Median / 1e6, Low: r.collect.Low / 1e6, High: r.collect.High / 1e6})
		}
	}
	return bars
}

func rivals(results []result) []report.Rival {
	ours := make(map[int]result)
	var all []report.Rival
	for _, r := range results {
		if r.peer == peer.Holdfast {
			ours[r.sessions] = r
			continue
		}
		base := ours[r.sessions]
		// The collections of two processes form no pairs: the spread of the
		// ratio is that of the worst case.
		all = append(all, report.Rival{
			Peer: r.peer,
			What: fmt.Sprintf("one collection with %s sessions", report.Count(r.sessions)),
			Ratio: stat.Summary{
				Median: r.collect.Median / base.collect.Median,
				Low:    r.collect.Low / base.collect.High,
				High:   r.collect.High / base.collect.Low,
				N:      r.collect.N,
			},
		})
		if r.steady.Cycles > 0 && base.steady.Cycles > 0 {
			ratio := r.steady.Cores / base.steady.Cores
			all = append(all, report.Rival{
				Peer:  r.peer,
				What:  fmt.Sprintf("collector's share with %s sessions", report.Count(r.sessions)),
				Ratio: stat.Summary{Median: ratio, Low: ratio, High: ratio, N: 1},
			})
		}
	}
	return all
}
