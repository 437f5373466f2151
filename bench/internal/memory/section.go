package memory

import (
	"fmt"
	"math"

	"github.com/holdfast-go/holdfast/bench/internal/chart"
	"github.com/holdfast-go/holdfast/bench/internal/load"
	"github.com/holdfast-go/holdfast/bench/internal/peer"
	"github.com/holdfast-go/holdfast/bench/internal/report"
	"github.com/holdfast-go/holdfast/bench/internal/run"
	"github.com/holdfast-go/holdfast/bench/internal/stat"
)

const intro = `Each figure is of a process of its own, and of its resident set: what the operating system
counts, on Go's heap or beside it, less what the process took before it had a cache. In parentheses stand the lowest
and the highest of several rounds, each with new processes.`

func section(e *run.Env, results []result) report.Section {
	return report.Section{
		Title:  "Memory",
		Intro:  intro,
		Tables: []report.Table{footprint(e, results), pressure(e, results), expiry(e, results)},
		Charts: []report.Chart{churnChart(e, results)},
		Rivals: rivals(e, results),
	}
}

func footprint(e *run.Env, results []result) report.Table {
	t := report.Table{
		Question: fmt.Sprintf("What do sessions of %[2]d bytes take beyond ID and value, and how long does storing %[1]s of them hold one caller up?", report.Count(sessions(e)), valueLen),
		Columns:  []string{"peer", "bytes beyond", "kept", "fill", "99.9 % of Sets", "longest single Set"},
		Notes: []string{
			fmt.Sprintf("Bytes beyond: growth of the resident set by kept session when the cache is full, garbage returned, less the %d bytes of ID and value. On Go's heap the process needs room for garbage besides, by default as much again as is live.", load.IDLen+valueLen),
			"The longest single Set is the longest that one goroutine waited while it filled the cache from nothing, garbage collection and growth of tables included.",
		},
	}
	for _, r := range results {
		t.Rows = append(t.Rows, []string{
			r.peer,
			report.Spread(stat.Summarize(r.beyond)),
			report.Percent(r.kept),
			report.Spread(stat.Summarize(r.fillTime)) + " s",
			report.Spread(stat.Summarize(r.p999).Scaled(1e6)) + " µs",
			report.Spread(stat.Summarize(r.longest).Scaled(1e3)) + " ms",
		})
	}
	return t
}

func pressure(e *run.Env, results []result) report.Table {
	t := report.Table{
		Question: fmt.Sprintf("How far does the process exceed a cap of %s?", report.Size(capBytes(e))),
		Columns:  []string{"peer", "its cap counts", "churn of mixed sizes", "growing values"},
		Notes: []string{
			"Peak of the resident set as a multiple of the cap. A cap in entries is the cap in bytes by the mean length of ID and value at the start, as a user would set it.",
			fmt.Sprintf("Churn: values of %d to %d bytes, their logarithm uniform, new sessions and old ones, as often as writes the cap %d times. Growing: sessions of %d bytes that fill the cap are stored again, each time with twice the length, up to %d bytes.",
				smallest, largestUnder(capBytes(e)), times(e), growFrom, growTo),
			"A peer without a cap keeps everything, and is listed for comparison.",
		},
	}
	for i, r := range results {
		t.Rows = append(t.Rows, []string{r.peer, e.Peers[i].Bound, report.Spread(stat.Summarize(r.churn)), report.Spread(stat.Summarize(r.growth))})
	}
	return t
}

func expiry(e *run.Env, results []result) report.Table {
	x := expiryOf(e, "")
	t := report.Table{
		Question: "How much memory comes back after all sessions have expired?",
		Columns:  []string{"peer", "full", "after", "came back"},
		Notes: []string{fmt.Sprintf("%s sessions of %d bytes with a TTL of %v; the second look is %v after the TTL, in which nobody called the cache. Before each look a collection returned the garbage.",
			report.Count(x.Sessions), x.ValueLen, x.TTL, x.Wait)},
	}
	for i, r := range results {
		row := []string{r.peer, report.None, report.None, "has no TTL"}
		if e.Peers[i].Expires() {
			row = []string{r.peer, report.Size(r.expiry.Full), report.Size(max(r.expiry.After, 0)), report.Percent(r.cameBack())}
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func (r result) cameBack() float64 {
	return max(0, min(1, 1-float64(r.expiry.After)/float64(r.expiry.Full)))
}

func churnChart(e *run.Env, results []result) report.Chart {
	bars := chart.Bars{
		File:  "memory-churn",
		Title: fmt.Sprintf("A cap of %s under churn of mixed sizes", report.Size(capBytes(e))),
		Axis:  "peak resident set, as a multiple of the cap",
	}
	for i, r := range results {
		if e.Peers[i].Bounded() {
			bars.Add(r.peer, stat.Summarize(r.churn))
		}
	}
	return bars
}

func rivals(e *run.Env, results []result) []report.Rival {
	var all []report.Rival
	ours := results[0]
	compare := func(what, name string, theirs, ours []float64) {
		if ratio := stat.Ratios(theirs, ours); !math.IsNaN(ratio.Median) {
			all = append(all, report.Rival{Peer: name, What: what, Ratio: ratio})
		}
	}
	for i, r := range results {
		if r.peer == peer.Holdfast {
			continue
		}
		compare("bytes beyond ID and value", r.peer, r.beyond, ours.beyond)
		compare("longest single Set while filling", r.peer, r.longest, ours.longest)
		if e.Peers[i].Bounded() {
			compare("peak over cap under churn", r.peer, r.churn, ours.churn)
			compare("peak over cap under growth", r.peer, r.growth, ours.growth)
		}
		if e.Peers[i].Expires() {
			compare("memory kept after expiry", r.peer, r.expiry.keeps(), ours.expiry.keeps())
		}
	}
	return all
}
