// Package report turns what was measured into tables for the terminal, a
// Markdown page, JSON and SVG charts.
package report

import "slices"

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

// allTables are the section's tables, and that of how far to trust them.
func (s Section) allTables() []Table {
	if t := s.Repeatability(); len(t.Rows) > 0 {
		return append(slices.Clone(s.Tables), t)
	}
	return s.Tables
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
