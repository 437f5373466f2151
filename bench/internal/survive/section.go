package survive

import (
	"fmt"
	"strings"

	"github.com/holdfast-go/holdfast/bench/internal/chart"
	"github.com/holdfast-go/holdfast/bench/internal/report"
	"github.com/holdfast-go/holdfast/bench/internal/run"
	"github.com/holdfast-go/holdfast/bench/internal/stat"
)

const intro = `Caps mean different things to different libraries, so here each peer's cap is first adjusted until it holds the stated
number of sessions; what is compared is whom it keeps. Nothing expires meanwhile.`

// tolerated is how far from the stated capacity a cache may be to be compared.
const tolerated = 0.1

func floodTable(e *run.Env, losses []Losses) report.Table {
	capacity := floodCapacity(e)
	t := report.Table{
		Question: fmt.Sprintf("Of the returning users, how many lose their session to a flood? Capacity %s sessions", report.Count(capacity)),
		Columns:  []string{"peer", "who goes first"},
		Notes: []string{
			"Half the capacity belongs to users who came three times. While they are away, sessions that nobody uses again are stored, so many times the capacity.",
			"A dash: the peer cannot be made that small. Peers without a cap lose nobody, and grow.",
		},
	}
	for _, times := range floods() {
		t.Columns = append(t.Columns, fmt.Sprintf("lost after %d ×", times))
	}
	for i, l := range losses {
		row := []string{e.Peers[i].Name, e.Peers[i].Policy}
		for _, lost := range l.Lost {
			if off(l.Held, capacity) > tolerated {
				row = append(row, report.None)
			} else {
				row = append(row, report.Percent(lost))
			}
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func floodRivals(e *run.Env, losses []Losses) []report.Rival {
	var all []report.Rival
	for i, info := range e.Peers[1:] {
		theirs := losses[i+1]
		if !info.Bounded() || off(theirs.Held, floodCapacity(e)) > tolerated {
			continue
		}
		for j, times := range floods() {
			what := fmt.Sprintf("users lost to a flood of %d times the capacity", times)
			all = append(all, rival(info.Name, what, theirs.Lost[j], losses[0].Lost[j]))
		}
	}
	return all
}

// rival compares two shares of which less is better. Below a tenth of a per
// cent they count as equal.
func rival(name, what string, theirs, ours float64) report.Rival {
	const least = 0.001
	ratio := max(theirs, least) / max(ours, least)
	return report.Rival{Peer: name, What: what, Ratio: stat.Summary{Median: ratio, Low: ratio, High: ratio, N: 1}}
}

func (c *comparison) table() report.Table {
	t := report.Table{
		Question: fmt.Sprintf("Which share of the requests finds its session? %s, %s requests for %s sessions",
			c.name, report.Count(len(c.trace.Requests)), report.Count(c.trace.Objects)),
		Columns: []string{"cache of so many sessions"},
		Notes: []string{
			"Hits by requests, in per cent; a session's first request cannot hit. LRU is exact over the whole cache; optimum is Belady's, which knows the future. Both count sessions, whatever their length.",
			"A dash: the peer cannot be made that small. Peers without a cap keep everything.",
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
