package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// report is the outcome of one run: aligned text for the terminal, a Markdown
// page with SVG charts, and JSON.
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

// section is the outcome of one part of the benchmark.
type section struct {
	Title       string       `json:"title"`
	Intro       string       `json:"intro"`
	Tables      []table      `json:"tables"`
	Charts      []chart      `json:"-"`
	Missing     []string     `json:"missing,omitempty"` // parts that were not measured, and why
	Comparisons []comparison `json:"comparisons"`
}

// table answers one question. The first column names the row.
type table struct {
	Question string     `json:"question"`
	Columns  []string   `json:"columns"`
	Rows     [][]string `json:"rows"`
	Notes    []string   `json:"notes,omitempty"`
	prose    bool       // all columns are aligned to the left, as text
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
	const visible = 0.995 // a smaller difference prints as 1.00
	for _, s := range r.Sections {
		for _, c := range s.Comparisons {
			if c.Ratio.Median >= visible {
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

// repeatability is the table of the expected distance of a second run. It has
// no rows if nothing was measured in rounds.
func (s section) repeatability() table {
	t := table{
		Question: "How near should a second run be?",
		Columns:  []string{"peer", "from round to round", "a second run's median"},
		Notes: []string{"From round to round: the standard deviation of a peer's comparisons with Holdfast, pooled. " +
			"The median of as many rounds in a second run should be no farther from this one's, up or down, in 19 of 20 cases: take what is nearer for equal."},
	}
	rounds := 0
	var peers []string
	for _, c := range s.Comparisons {
		rounds = max(rounds, c.Ratio.N)
		if !slices.Contains(peers, c.Peer) {
			peers = append(peers, c.Peer)
		}
	}
	row := func(who string, noise float64) {
		if noise > 0 {
			t.row(who, "± "+percent(noise), "± "+percent(repeats(noise, rounds)-1))
		}
	}
	for _, peer := range peers {
		if len(s.ratios(peer)) >= enough {
			row(peer, s.noiseOf(peer))
		}
	}
	if len(t.Rows) == 0 {
		row("all", s.noiseOf(""))
	}
	return t
}

// enough is the number of comparisons that determine a peer's own noise.
const enough = 10

// noiseOf returns the noise of a peer's comparisons. If they are too few, it is
// the noise of the whole section.
func (s section) noiseOf(peer string) float64 {
	if own := s.ratios(peer); len(own) >= enough {
		return noise(own)
	}
	return noise(s.ratios(""))
}

// ratios returns the ratios of a peer, or of all peers for "".
func (s section) ratios(peer string) []summary {
	var all []summary
	for _, c := range s.Comparisons {
		if peer == "" || c.Peer == peer {
			all = append(all, c.Ratio)
		}
	}
	return all
}

// beside compares this run with an earlier one.
func (r report) beside(earlier report) section {
	counts := table{
		Question: "Does this run repeat the earlier one?",
		Columns:  []string{"", "comparisons", "as near as expected", "farther apart", "expected by chance"},
	}
	was := make(map[string]string)
	for _, f := range earlier.Facts {
		was[f.Name] = f.Value
	}
	for _, f := range r.Facts {
		if f.Name != "took" && was[f.Name] != f.Value {
			counts.Notes = append(counts.Notes, fmt.Sprintf("The runs differ in %s: it was %q and is %q.", f.Name, was[f.Name], f.Value))
		}
	}
	apart := table{
		Question: "Where are the two farther apart?",
		Columns:  []string{"what", "peer", "earlier", "now"},
		prose:    true,
	}
	for _, now := range r.Sections {
		all, far := 0, 0
		for _, c := range now.Comparisons {
			for _, then := range earlier.Sections {
				i := slices.IndexFunc(then.Comparisons, func(was comparison) bool { return was.Peer == c.Peer && was.What == c.What })
				if i < 0 {
					continue
				}
				all++
				if was := then.Comparisons[i].Ratio; !near(was, c.Ratio, then.noiseOf(c.Peer)) {
					far++
					apart.row(c.What, c.Peer, spread(was), spread(c.Ratio))
				}
			}
		}
		counts.row(now.Title, strconv.Itoa(all), strconv.Itoa(all-far), strconv.Itoa(far), number(float64(all)/20))
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
				fmt.Fprintf(w, "\n![%s](%s.svg)\n", c.caption(), c.File)
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
	widths := make([]int, len(t.Columns))
	for _, row := range append(t.Rows, t.Columns) {
		for i, cell := range row {
			widths[i] = max(widths[i], 4, utf8.RuneCountInString(cell))
		}
	}
	if t.prose {
		widths[len(widths)-1] = 4 // the text of the last column may be long
	}
	line := func(row []string) {
		for i, width := range widths {
			if i == 0 || t.prose {
				width = -width
			}
			fmt.Fprintf(w, "| %*s ", width, row[i])
		}
		fmt.Fprintln(w, "|")
	}
	line(t.Columns)
	for i, width := range widths {
		end := ":"
		if i == 0 || t.prose {
			end = "-"
		}
		fmt.Fprint(w, "|", strings.Repeat("-", width+1), end)
	}
	fmt.Fprintln(w, "|")
	for _, row := range t.Rows {
		line(row)
	}
	for i, note := range t.Notes {
		fmt.Fprintf(w, "%s- %s\n", strings.Repeat("\n", 1-min(i, 1)), note)
	}
}

// write writes report.md, report.json and the charts into dir, which it creates
// if necessary.
func (r report) write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var page bytes.Buffer
	r.print(&page, true)
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	files := map[string][]byte{"report.md": page.Bytes(), "report.json": append(data, '\n')}
	for _, s := range r.Sections {
		for _, c := range s.Charts {
			if files[c.File+".svg"], err = c.svg(); err != nil {
				return fmt.Errorf("chart %s: %w", c.File, err)
			}
		}
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// readReport reads the report.json of an earlier run.
func readReport(file string) (r report, err error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return r, fmt.Errorf("%s is no report.json: %w", file, err)
	}
	return r, nil
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

// percent prints a share.
func percent(share float64) string {
	if math.IsNaN(share) {
		return none
	}
	return number(100*share) + " %"
}

// count prints round numbers as 10.0 k or 8.00 M.
func count(n int) string {
	switch {
	case n >= 1_000_000 && n%100_000 == 0:
		return number(float64(n)/1e6) + " M"
	case n >= 1000 && n%100 == 0:
		return number(float64(n)/1e3) + " k"
	default:
		return strconv.Itoa(n)
	}
}

// scaled prints v in the largest of the units that does not exceed it; below
// all, it is an integer in the last one.
func scaled(v float64, sizes []float64, units []string) string {
	if math.IsNaN(v) {
		return none
	}
	for i, size := range sizes {
		if v >= size {
			return number(v/size) + " " + units[i]
		}
	}
	return strconv.Itoa(int(v)) + " " + units[len(sizes)]
}

// size prints a number of bytes.
func size[N int | int64 | float64](bytes N) string {
	return scaled(float64(bytes), []float64{1 << 30, 1 << 20, 1 << 10}, []string{"GiB", "MiB", "KiB", "B"})
}

func duration(nanoseconds float64) string {
	return scaled(nanoseconds, []float64{1e9, 1e6, 1e3}, []string{"s", "ms", "µs", "ns"})
}
