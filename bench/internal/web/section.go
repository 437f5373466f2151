package web

import (
	"fmt"

	"github.com/holdfast-go/holdfast/bench/internal/chart"
	"github.com/holdfast-go/holdfast/bench/internal/report"
	"github.com/holdfast-go/holdfast/bench/internal/run"
	"github.com/holdfast-go/holdfast/bench/internal/stat"
)

const intro = `A session holds four keys: three strings and a number. A read reads two of them, a write changes the number, and an
anonymous request, without a cookie, reads and finds nothing. An untouched one has no cookie either, and its page does not ask
for the session. Each figure is beyond the bare handler of the same framework,
measured in the same round; requests are made in process, without a network, from one goroutine. In each round all
processes are started anew, each with 64 MiB of other data on its heap, as a server has, and visited five times for a
fifth of a second (a quick run: once, for a fiftieth); of a round's five figures the median counts.`

func section(e *run.Env, c costs, servers []*served, skipped string) report.Section {
	s := report.Section{Title: "Sessions over HTTP", Intro: intro}
	s.Tables = append(s.Tables, c.table())
	s.Charts = append(s.Charts, c.chart(reads), c.chart(writes))
	s.Rivals = c.rivals()
	if skipped != "" {
		s.Missing = append(s.Missing, "page views under Express: "+skipped)
		return s
	}
	s.Tables = append(s.Tables, serverTable(e, servers))
	return s
}

// summarize summarises one of the figures of the costs.
func summarize(all []Cost, figure func(Cost) float64) stat.Summary {
	var sample []float64
	for _, c := range all {
		sample = append(sample, figure(c))
	}
	return stat.Summarize(sample)
}

func nanos(c Cost) float64  { return c.Nanos }
func bytes(c Cost) float64  { return c.Bytes }
func allocs(c Cost) float64 { return c.Allocs }

func (c costs) table() report.Table {
	t := report.Table{
		Question: "What does a session add to a request?",
		Columns:  []string{"sessions", "framework", "kept in"},
		Notes:    []string{"Microseconds (median of the rounds, lowest and highest), bytes and allocations, beyond the bare handler of the framework."},
	}
	for _, k := range kinds() {
		t.Columns = append(t.Columns, string(k)+" µs", "bytes", "allocations")
	}
	for _, a := range candidates() {
		row := []string{a.name, string(a.framework), a.keeps}
		for _, k := range kinds() {
			beyond := c[request{a.name, k}]
			ns := summarize(beyond, nanos)
			row = append(row,
				report.Spread(ns.Scaled(1e-3)),
				report.Number(summarize(beyond, bytes).Median),
				report.Number(summarize(beyond, allocs).Median))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func (c costs) chart(k kind) report.Chart {
	bars := chart.Bars{
		File:  "http-" + string(k),
		Title: fmt.Sprintf("What a session adds to a request: %s", k),
		Axis:  "microseconds beyond the bare handler (median, lowest and highest round)",
	}
	for _, a := range candidates() {
		bars.Add(a.name, summarize(c[request{a.name, k}], nanos).Scaled(1e-3))
	}
	return bars
}

func (c costs) rivals() []report.Rival {
	var all []report.Rival
	ours := candidates()[0]
	for _, a := range candidates()[1:] {
		for _, k := range kinds() {
			all = append(all, report.Rival{
				Peer:  a.name,
				What:  fmt.Sprintf("time that a session adds to a request: %s", k),
				Ratio: stat.Ratios(figures(c[request{a.name, k}]), figures(c[request{ours.name, k}])),
			})
		}
	}
	return all
}

// figures are the times of the costs. What is less than the noise between two
// slices counts as the noise, so that no ratio is made of two such differences.
func figures(all []Cost) []float64 {
	const noise = 100 // nanoseconds
	var ns []float64
	for _, c := range all {
		ns = append(ns, max(c.Nanos, noise))
	}
	return ns
}

func serverTable(e *run.Env, servers []*served) report.Table {
	t := report.Table{
		Question: "How many page views a second, compared with Express?",
		Columns:  []string{"server", "requests a second", "Holdfast's multiple"},
	}
	t.Notes = []string{fmt.Sprintf(
		"The page view counter over loopback, %d connections, a new visitor after %d pages, %v a server and round; Node %s. The client shares the processors with the server and is what limits the faster one.",
		connections, pagesPerVisitor, driveFor(e), nodeVersion())}
	for _, s := range servers {
		t.Rows = append(t.Rows, []string{s.name, report.Spread(stat.Summarize(s.rates)), report.Spread(stat.Ratios(servers[0].rates, s.rates))})
	}
	return t
}
