package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var (
	bars = barChart("bars", "Bars", "ns", samples{{"holdfast", "get"}: {100, 90, 120}, {"other", "get"}: {150}},
		[]string{"holdfast", "unknown", "other"}, "get", 1)
	lines = chart{File: "lines", Title: "Lines", X: "per cent over sessions", Marks: []int{10, 100}, Lines: []line{
		{"holdfast", []float64{20, 40}}, {"other", []float64{nan, 30}}, {"unknown", []float64{nan, nan}},
	}}
)

func sample() report {
	return report{
		Facts:    []fact{{"go", "go1.26"}},
		Versions: []fact{{"example.com/peer", "v1.2.3"}},
		Sections: []section{{
			Title:   "Speed",
			Intro:   "How it is measured.",
			Charts:  []chart{bars},
			Missing: []string{"the rest"},
			Tables: []table{{
				Question: "How fast?",
				Columns:  []string{"peer", "get"},
				Rows:     [][]string{{"holdfast", "100 ns"}, {"ärger", "9 ns"}},
				Notes:    []string{"A note."},
			}},
			Comparisons: []comparison{
				{"fast", "time of get", summary{0.5, 0.4, 1.2, 3}},
				{"equal", "time of get", summary{0.999, 0.7, 1.2, 3}},
				{"slow", "time of get", summary{2, 2, 2, 3}},
			},
		}},
	}
}

func TestReport(t *testing.T) {
	var out bytes.Buffer
	sample().print(&out, true)
	want := `# Holdfast and the field, measured

- go: go1.26

## Speed

How it is measured.

![Bars: ns](bars.svg)

### How fast?

| peer     | get |
| ---      | ---: |
| holdfast | 100 ns |
| ärger    | 9 ns |

- A note.

### How near should a second run be?

| peer | from round to round | a second run's median |
| ---  | ---:                | ---: |
| all  | ± 37.0 %            | ± 110 % |

- From round to round: the standard deviation of a peer's comparisons with Holdfast, pooled. The median of as many rounds in a second run should be no farther from this one's, up or down, in 19 of 20 cases: take what is nearer for equal.

**Not measured:** the rest.

## What Holdfast loses

### Where is a peer better than Holdfast?

| what        | peers, each with its multiple of Holdfast's cost |
| ---         | --- |
| time of get | fast 0.50 (0.40–1.20) |

- Listed is each peer whose median lies below 1, with the lowest and the highest round.

## Versions

| module | version |
|---|---|
| example.com/peer | v1.2.3 |
`
	if out.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", out.String(), want)
	}
	if got := (report{}).losses().Rows; len(got) != 1 || got[0][0] != "nowhere in this run" {
		t.Errorf("losses of an empty report: %v", got)
	}
}

func TestReport_files(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "results")
	if err := sample().write(dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"report.md", "bars.svg"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	back, err := readReport(filepath.Join(dir, "report.json"))
	if err != nil || back.Sections[0].Comparisons[0].Ratio.Median != 0.5 {
		t.Errorf("report.json reads back as %+v, %v", back, err)
	}
	for _, file := range []string{filepath.Join(dir, "missing.json"), filepath.Join(dir, "bars.svg")} {
		if _, err := readReport(file); err == nil {
			t.Errorf("%s was read as a report", filepath.Base(file))
		}
	}
}

func get(peer string, low, median, high float64) comparison {
	return comparison{peer, "time of get", summary{median, low, high, 3}}
}

func run(processor, took string, c ...comparison) report {
	return report{Facts: []fact{{"processor", processor}, {"took", took}}, Sections: []section{{Title: "Speed", Comparisons: c}}}
}

func TestBeside(t *testing.T) {
	earlier := run("one", "1m", get("near", 0.9, 1, 1.1), get("far", 0.9, 1, 1.1), get("old", 0.9, 1, 1.1))
	now := run("two", "2m", get("near", 1.1, 1.15, 1.2), get("far", 1.2, 1.3, 1.4), get("new", 1, 1, 1))
	tables := now.beside(earlier).Tables
	if got, want := tables[0].Rows[0], []string{"Speed", "2", "1", "1", "0.10"}; !slices.Equal(got, want) {
		t.Errorf("counts %q, want %q", got, want)
	}
	if got, want := tables[1].Rows, []string{"time of get", "far", "1.00 (0.90–1.10)", "1.30 (1.20–1.40)"}; len(got) != 1 || !slices.Equal(got[0], want) {
		t.Errorf("apart are %q, want %q", got, want)
	}
	if got := tables[0].Notes; len(got) != 1 || !strings.Contains(got[0], `it was "one" and is "two"`) {
		t.Errorf("the notes are %q", got)
	}
	if got := now.beside(now).Tables[0].Notes; len(got) != 0 {
		t.Errorf("the same machine has the notes %q", got)
	}
}

// A peer of many comparisons has its own noise, any other that of the section.
func TestNoiseOf(t *testing.T) {
	var s section
	for range enough {
		s.Comparisons = append(s.Comparisons, get("steady", 0.99, 1, 1.01), get("noisy", 0.5, 1, 2))
	}
	s.Comparisons = append(s.Comparisons, get("rare", 1, 1, 1))
	if steady, noisy, rare := s.noiseOf("steady"), s.noiseOf("noisy"), s.noiseOf("rare"); steady > 0.02 || noisy < 0.5 || rare <= steady || rare >= noisy {
		t.Errorf("the noise is %.3f of the steady peer, %.3f of the noisy one and %.3f of the rare one", steady, noisy, rare)
	}
}

// Without rounds a tenth is near.
func TestNear(t *testing.T) {
	for median, want := range map[float64]bool{2.1: true, 1.9: true, 2.3: false, 1.7: false} {
		if near(summary{2, 2, 2, 1}, summary{median, median, median, 1}, 0) != want {
			t.Errorf("2 and %v: near is %v", median, !want)
		}
	}
}

func TestFormats(t *testing.T) {
	for _, tt := range []struct{ got, want string }{
		{number(0), "0"}, {number(0.012345), "0.012"}, {number(0.5), "0.50"}, {number(12.345), "12.3"},
		{number(1234.5), "1234"}, {number(nan), none}, {number(1 / summary{}.Low), none},
		{spread(summary{1, 0.9, 1.1, 3}), "1.00 (0.90–1.10)"}, {spread(summary{1, 1, 1, 1}), "1.00"}, {spread(summarize(nil)), none},
		{percent(0.25), "25.0 %"}, {percent(nan), none},
		{count(7), "7"}, {count(1234), "1234"}, {count(10_000), "10.0 k"}, {count(8_000_000), "8.00 M"},
		{size(64), "64 B"}, {size(4096), "4.00 KiB"}, {size(256 << 20), "256 MiB"}, {size(3 << 30), "3.00 GiB"},
		{duration(999), "999 ns"}, {duration(1500), "1.50 µs"}, {duration(20e6), "20.0 ms"}, {duration(2e9), "2.00 s"},
	} {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}

// A chart labels exactly the measured rows. It follows the page's colours: no
// colour of text or of the background is fixed.
func TestChart(t *testing.T) {
	for _, c := range []chart{bars, lines} {
		var err error
		for d := xml.NewDecoder(strings.NewReader(c.svg())); err == nil; {
			_, err = d.Token()
		}
		if !errors.Is(err, io.EOF) {
			t.Errorf("%s is no XML: %v", c.File, err)
		}
		for text, want := range map[string]bool{
			">holdfast<": true, ">other<": true, "prefers-color-scheme: dark": true, "currentColor": true,
			">unknown<": false, "#000000": false, "#ffffff": false, "NaN": false,
		} {
			if strings.Contains(c.svg(), text) != want {
				t.Errorf("%s contains %q: %v", c.File, text, !want)
			}
		}
	}
}
