package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// report is the outcome of one run: aligned text for the terminal, a Markdown
// page with SVG charts, and its facts and comparisons as JSON.
type report struct {
	Facts    []fact    `json:"facts"`
	Versions []fact    `json:"versions"`
	Sections []section `json:"sections"`
}

// fact is one line about the machine, the run or a version.
type fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// fact returns the value of a fact, or "".
func (r report) fact(name string) string {
	for _, f := range r.Facts {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// section is the outcome of one part of the benchmark.
type section struct {
	Title       string       `json:"title"`
	Intro       string       `json:"-"`
	Tables      []table      `json:"-"`
	Charts      []chart      `json:"-"`
	Missing     []string     `json:"-"` // parts that were not measured, and why
	Comparisons []comparison `json:"comparisons"`
}

// table answers one question. The first column names the row.
type table struct {
	Question string
	Columns  []string
	Rows     [][]string
	Notes    []string
	prose    bool // all columns are aligned to the left, as text
}

// newTable returns a table with one column, the names of its rows.
func newTable(question, column string, rows []string, notes ...string) table {
	t := table{Question: question, Columns: []string{column}, Notes: notes}
	for _, row := range rows {
		t.row(row)
	}
	return t
}

// column adds a column whose cells follow from the names of the rows.
func (t *table) column(name string, cell func(row string) string) {
	t.Columns = append(t.Columns, name)
	for i, row := range t.Rows {
		t.Rows[i] = append(row, cell(row[0]))
	}
}

func (t *table) row(cells ...string) { t.Rows = append(t.Rows, cells) }

// comparison is the cost of a peer in one respect as a multiple of Holdfast's.
// Below 1 the peer is better.
type comparison struct {
	Peer  string  `json:"peer"`
	What  string  `json:"what"`
	Ratio summary `json:"ratio"`
}

// compare adds the ratios of all rows but the first, which is Holdfast's. A row
// without a ratio does not count.
func (s *section) compare(what string, rows []string, ratio func(row string) summary) {
	for _, row := range rows[1:] {
		if r := ratio(row); r.N > 0 {
			s.Comparisons = append(s.Comparisons, comparison{row, what, r})
		}
	}
}

// losses is the table of all respects in which a peer is better than Holdfast.
func (r report) losses() table {
	t := table{
		Question: "Where is a peer better than Holdfast?",
		Columns:  []string{"what", "peers, each with its multiple of Holdfast's cost"},
		Notes:    []string{"Listed is each peer whose median lies below 1, with the lowest and the highest round."},
		prose:    true,
	}
	for _, s := range r.Sections {
		for _, c := range s.Comparisons {
			if c.Ratio.Median >= 0.995 { // it prints as 1.00
				continue
			}
			entry := c.Peer + " " + spread(c.Ratio)
			i := slices.IndexFunc(t.Rows, func(row []string) bool { return row[0] == c.What })
			if i < 0 {
				t.row(c.What, entry)
			} else {
				t.Rows[i][1] += ", " + entry
			}
		}
	}
	if len(t.Rows) == 0 {
		t.row("nowhere in this run", "")
	}
	return t
}

// repeatability is the table of the expected distance of a second run: for each
// peer with enough comparisons, or for all peers together. It has no rows if
// nothing was measured in rounds.
func (s section) repeatability() table {
	t := table{
		Question: "How near should a second run be?",
		Columns:  []string{"peer", "from round to round", "a second run's median"},
		Notes: []string{"From round to round: the standard deviation of a peer's comparisons with Holdfast, pooled. " +
			"The median of as many rounds in a second run should be no farther from this one's, up or down, in 19 of 20 cases: take what is nearer for equal."},
	}
	rounds := 0
	var peers []string
	comparisons := map[string]int{}
	for _, c := range s.Comparisons {
		rounds = max(rounds, c.Ratio.N)
		if comparisons[c.Peer]++; comparisons[c.Peer] == enough {
			peers = append(peers, c.Peer)
		}
	}
	if peers == nil {
		peers = []string{"all"}
	}
	for _, peer := range peers {
		if noise := s.noiseOf(peer); noise > 0 {
			t.row(peer, "± "+percent(noise), "± "+percent(repeats(noise, rounds)-1))
		}
	}
	return t
}

// enough is the number of comparisons that determine a peer's own noise.
const enough = 10

// noiseOf returns the noise of a peer's comparisons. If they are too few, it is
// the noise of the whole section.
func (s section) noiseOf(peer string) float64 {
	var own, all []summary
	for _, c := range s.Comparisons {
		all = append(all, c.Ratio)
		if c.Peer == peer {
			own = append(own, c.Ratio)
		}
	}
	if len(own) >= enough {
		return noise(own)
	}
	return noise(all)
}

// beside compares this run with an earlier one.
func (r report) beside(earlier report) section {
	counts := table{
		Question: "Does this run repeat the earlier one?",
		Columns:  []string{"", "comparisons", "as near as expected", "farther apart", "expected by chance"},
	}
	for _, f := range r.Facts {
		if was := earlier.fact(f.Name); f.Name != "took" && was != f.Value {
			counts.Notes = append(counts.Notes, fmt.Sprintf("The runs differ in %s: it was %q and is %q.", f.Name, was, f.Value))
		}
	}
	apart := table{
		Question: "Where are the two farther apart?",
		Columns:  []string{"what", "peer", "earlier", "now"},
		prose:    true,
	}
	for _, s := range r.Sections {
		all, far := 0, 0
		for _, c := range s.Comparisons {
			was, noise := earlier.find(c)
			if was.N == 0 {
				continue
			}
			all++
			if !near(was, c.Ratio, noise) {
				far++
				apart.row(c.What, c.Peer, spread(was), spread(c.Ratio))
			}
		}
		counts.row(s.Title, strconv.Itoa(all), strconv.Itoa(all-far), strconv.Itoa(far), number(float64(all)/20))
	}
	if len(apart.Rows) == 0 {
		apart.row("nowhere", "", "", "")
	}
	return section{
		Title: "Beside an earlier run",
		Intro: `Of each comparison with Holdfast that both runs made: is this run's median as near to the earlier one's as that run said
for 19 of 20 cases? Where there were no rounds to tell by, within a tenth counts as near.`,
		Tables: []table{counts, apart},
	}
}

// find returns the ratio of the same comparison and the noise of its peer, or
// zeros if this report has no such comparison.
func (r report) find(c comparison) (ratio summary, noise float64) {
	for _, s := range r.Sections {
		for _, own := range s.Comparisons {
			if own.Peer == c.Peer && own.What == c.What {
				return own.Ratio, s.noiseOf(c.Peer)
			}
		}
	}
	return summary{}, 0
}

// near reports whether the medians are as near as the noise predicts.
func near(was, is summary, noise float64) bool {
	factor := 1.1
	if noise > 0 {
		factor = repeats(noise, min(was.N, is.N))
	}
	ratio := is.Median / was.Median
	return ratio <= factor && 1/ratio <= factor
}

// print writes the report as a Markdown page whose tables are aligned as text.
// A file links to the charts next to it.
func (r report) print(w io.Writer, charts bool) {
	fmt.Fprint(w, "# Holdfast and the field, measured\n\n")
	for _, f := range r.Facts {
		fmt.Fprintf(w, "- %s: %s\n", f.Name, f.Value)
	}
	for _, s := range r.Sections {
		fmt.Fprintf(w, "\n## %s\n\n%s\n", s.Title, s.Intro)
		for _, c := range s.Charts {
			if charts {
				fmt.Fprintf(w, "\n![%s: %s](%s.svg)\n", c.Title, c.X, c.File)
			}
		}
		for _, t := range s.Tables {
			t.print(w)
		}
		if t := s.repeatability(); len(t.Rows) > 0 {
			t.print(w)
		}
		for _, missing := range s.Missing {
			fmt.Fprintf(w, "\n**Not measured:** %s.\n", missing)
		}
	}
	fmt.Fprint(w, "\n## What Holdfast loses\n")
	r.losses().print(w)
	fmt.Fprint(w, "\n## Versions\n\n| module | version |\n|---|---|\n")
	for _, v := range r.Versions {
		fmt.Fprintf(w, "| %s | %s |\n", v.Name, v.Value)
	}
}

func (t table) print(w io.Writer) {
	fmt.Fprintf(w, "\n### %s\n\n", t.Question)
	rule := slices.Repeat([]string{"---:"}, len(t.Columns))
	rule[0] = "---"
	if t.prose {
		rule = slices.Repeat([]string{"---"}, len(t.Columns))
	}
	aligned := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	for _, row := range append([][]string{t.Columns, rule}, t.Rows...) {
		fmt.Fprintf(aligned, "| %s |\n", strings.Join(row, "\t| "))
	}
	aligned.Flush()
	for i, note := range t.Notes {
		fmt.Fprintf(w, "%s- %s\n", strings.Repeat("\n", 1-min(i, 1)), note)
	}
}

// write writes report.md, report.json and the charts into dir, which it creates
// if necessary.
func (r report) write(dir string) error {
	var page bytes.Buffer
	r.print(&page, true)
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	err = os.MkdirAll(dir, 0o755)
	write := func(name, content string) {
		err = cmp.Or(err, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644))
	}
	write("report.md", page.String())
	write("report.json", string(data)+"\n")
	for _, s := range r.Sections {
		for _, c := range s.Charts {
			write(c.File+".svg", c.svg())
		}
	}
	return err
}

func readReport(file string) (r *report, err error) {
	data, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(data, &r)
	}
	return r, err
}

// none stands in a cell without a figure.
const none = "–"

// number prints three significant digits, or all digits of a larger integer.
func number(v float64) string {
	switch a := math.Abs(v); {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return none
	case a >= 100 || v == 0:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case a >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case a >= 0.1:
		return strconv.FormatFloat(v, 'f', 2, 64)
	default:
		return strconv.FormatFloat(v, 'g', 2, 64)
	}
}

// spread prints a median, and around it the spread of several figures.
func spread(s summary) string {
	if s.N == 1 || math.IsNaN(s.Median) {
		return number(s.Median)
	}
	return fmt.Sprintf("%s (%s–%s)", number(s.Median), number(s.Low), number(s.High))
}

func percent(share float64) string {
	if math.IsNaN(share) {
		return none
	}
	return number(100*share) + " %"
}

// count prints a number; a round one as 10.0 k or 8.00 M.
func count(n int) string {
	if n < 1000 || n%100 != 0 {
		return strconv.Itoa(n)
	}
	return scaled(float64(n), 1000, "", "k", "M")
}

// size prints a number of bytes.
func size[N int | int64 | float64](bytes N) string {
	return scaled(float64(bytes), 1024, "B", "KiB", "MiB", "GiB")
}

func duration(nanoseconds float64) string { return scaled(nanoseconds, 1000, "ns", "µs", "ms", "s") }

// scaled prints v in the largest of the units in which it is 1 or more, each so
// many times the one before it. In the first it is an integer.
func scaled(v, times float64, units ...string) string {
	if math.IsNaN(v) {
		return none
	}
	if v < times {
		return strconv.Itoa(int(v)) + " " + units[0]
	}
	for v >= times && len(units) > 1 {
		v, units = v/times, units[1:]
	}
	return number(v) + " " + units[0]
}
