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
				"One collection: time of runtime.GC(), all processors free to help. In parentheses the lowest and the highest round, if there was more than one; each round has a new process.",
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
	return []string{
		r.peer,
		report.Spread(r.milliseconds()) + " ms",
		report.Spread(stat.Summarize(r.cores)),
		report.Number(stat.Median(r.cycles)),
	}
}

func (r result) milliseconds() stat.Summary { return stat.Summarize(r.collect).Scaled(1e3) }

func collectChart(results []result, sessions int) report.Chart {
	bars := chart.Bars{
		File:  fmt.Sprintf("gc-%d", sessions),
		Title: fmt.Sprintf("One garbage collection with %s sessions", report.Count(sessions)),
		Axis:  "milliseconds (median, lowest and highest round)",
	}
	for _, r := range results {
		if r.sessions == sessions {
			bars.Add(r.peer, r.milliseconds())
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
		all = append(all, report.Rival{
			Peer:  r.peer,
			What:  fmt.Sprintf("one collection with %s sessions", report.Count(r.sessions)),
			Ratio: stat.Ratios(r.collect, base.collect),
		})
		if ratio := stat.Ratios(r.cores, base.cores); ratio.N > 0 {
			all = append(all, report.Rival{
				Peer:  r.peer,
				What:  fmt.Sprintf("collector's share with %s sessions", report.Count(r.sessions)),
				Ratio: ratio,
			})
		}
	}
	return all
}
