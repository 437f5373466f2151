// Package report turns what was measured into tables for the terminal, a
// Markdown page, JSON and SVG charts.
package report

import (
	"fmt"
	"strings"

	"github.com/holdfast-go/holdfast/bench/internal/stat"
)

// Report is the outcome of one run.
type Report struct {
	Facts    []Fact    `json:"facts"`
	Versions []Fact    `json:"versions"`
	Sections []Section `json:"sections"`
}

// Fact is one line on the machine, the run or a version.
type Fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Section is one part of the benchmark.
type Section struct {
	Title  string  `json:"title"`
	Intro  string  `json:"intro"`
	Tables []Table `json:"tables"`
	Charts []Chart `json:"-"`

	// Missing tells what was not measured, and why.
	Missing []string `json:"missing,omitempty"`

	// Data is what was measured, for who reads the JSON.
	Data any `json:"data,omitempty"`

	// Rivals are all comparisons with Holdfast, from which follows what it
	// loses.
	Rivals []Rival `json:"comparisons"`
}

// Table answers one question. The first column names the row.
type Table struct {
	Question string     `json:"question"`
	Columns  []string   `json:"columns"`
	Rows     [][]string `json:"rows"`
	Notes    []string   `json:"notes,omitempty"`

	// Prose aligns all columns to the left, as text rather than as figures.
	Prose bool `json:"-"`
}

// Chart draws itself.
type Chart interface {
	// Name is that of the file, without its extension.
	Name() string
	Caption() string
	SVG() ([]byte, error)
}

// Rival compares a peer with Holdfast in one respect: what it costs there, as
// a multiple of what it costs Holdfast. Below 1 the peer is better.
type Rival struct {
	Peer  string       `json:"peer"`
	What  string       `json:"what"`
	Ratio stat.Summary `json:"ratio"`
}

// Loses reports whether the peer is better by more than the spread, and by
// enough to show.
func (r Rival) Loses() bool { return r.Ratio.High < 0.995 }

// Losses is the table of all respects in which a peer is better than Holdfast,
// one row each.
func (r Report) Losses() Table {
	t := Table{
		Question: "Where is a peer better than Holdfast?",
		Columns:  []string{"what", "peers, each with its multiple of Holdfast's cost"},
		Prose:    true,
		Notes:    []string{"Listed is each peer whose whole spread, from the first to the third quartile, lies below 1."},
	}
	var order []string
	better := make(map[string][]string)
	for _, section := range r.Sections {
		for _, rival := range section.Rivals {
			if !rival.Loses() {
				continue
			}
			if better[rival.What] == nil {
				order = append(order, rival.What)
			}
			better[rival.What] = append(better[rival.What], fmt.Sprintf("%s %s", rival.Peer, Number(rival.Ratio.Median)))
		}
	}
	for _, what := range order {
		t.Rows = append(t.Rows, []string{what, strings.Join(better[what], ", ")})
	}
	if len(t.Rows) == 0 {
		t.Rows = [][]string{{"nowhere in this run", ""}}
	}
	return t
}
