package survive

import (
	"fmt"
	"strings"

	"github.com/holdfast-go/holdfast/bench/internal/chart"
	"github.com/holdfast-go/holdfast/bench/internal/report"
)

func (c *comparison) table() report.Table {
	t := report.Table{
		Question: fmt.Sprintf("Which share of the requests finds its session? %s, %s requests for %s sessions",
			c.name, report.Count(len(c.trace.Requests)), report.Count(c.trace.Objects)),
		Columns: []string{"cache of so many sessions"},
		Notes: []string{
			"Hits by requests, in per cent; a session's first request cannot hit. LRU is exact over the whole cache; optimum is Belady's, which knows the future. Both count sessions, whatever their length.",
			"A dash: the peer cannot be given that size. Peers without a cap keep everything.",
		},
	}
	for _, capacity := range c.capacities {
		t.Columns = append(t.Columns, report.Count(capacity))
	}
	t.Rows = append(t.Rows, ratioRow("optimum", c.best), ratioRow("exact LRU", c.lru))
	for i, info := range c.env.Peers {
		row := []string{info.Name}
		for j, hits := range c.peers[i] {
			if off(hits.Held, c.capacities[j]) > tolerated {
				row = append(row, report.None)
			} else {
				row = append(row, report.Number(100*hits.Ratio))
			}
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func ratioRow(name string, ratios []float64) []string {
	row := []string{name}
	for _, ratio := range ratios {
		row = append(row, report.Number(100*ratio))
	}
	return row
}

// chart draws Holdfast, the bounds and the peers with a cap.
func (c *comparison) chart() report.Chart {
	lines := chart.Lines{
		File:  "hits-" + strings.ReplaceAll(c.name, " ", "-"),
		Title: "Requests that find their session: " + c.name,
		XAxis: "sessions that the cache holds",
		YAxis: "per cent",
	}
	bound := func(name string, ratios []float64) chart.Series {
		s := chart.Series{Label: name}
		for j, ratio := range ratios {
			s.Points = append(s.Points, chart.Point{X: float64(c.capacities[j]), Y: 100 * ratio})
		}
		return s
	}
	for i, info := range c.env.Peers {
		s := chart.Series{Label: info.Name}
		for j, hits := range c.peers[i] {
			if off(hits.Held, c.capacities[j]) <= tolerated {
				s.Points = append(s.Points, chart.Point{X: float64(c.capacities[j]), Y: 100 * hits.Ratio})
			}
		}
		if info.Bounded() && len(s.Points) > 0 {
			lines.Series = append(lines.Series, s)
		}
	}
	lines.Series = append(lines.Series, bound("exact LRU", c.lru), bound("optimum", c.best))
	return lines
}

// rivals compares the misses.
func (c *comparison) rivals() []report.Rival {
	var all []report.Rival
	for i, info := range c.env.Peers {
		for j, hits := range c.peers[i] {
			if i == 0 || !info.Bounded() || off(hits.Held, c.capacities[j]) > tolerated {
				continue
			}
			what := fmt.Sprintf("misses of a cache of %s sessions, %s", report.Count(c.capacities[j]), c.name)
			all = append(all, rival(info.Name, what, 1-hits.Ratio, 1-c.peers[0][j].Ratio))
		}
	}
	return all
}
