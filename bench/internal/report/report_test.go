package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-go/holdfast/bench/internal/stat"
)

type drawing struct{ err error }

func (drawing) Name() string           { return "drawing" }
func (drawing) Caption() string        { return "A drawing" }
func (d drawing) SVG() ([]byte, error) { return []byte("<svg/>"), d.err }

func sample() Report {
	return Report{
		Facts:    []Fact{{"go", "go1.26"}},
		Versions: []Fact{{"example.com/peer", "v1.2.3"}},
		Sections: []Section{{
			Title:  "Speed",
			Intro:  "How it is measured.",
			Charts: []Chart{drawing{}},

			Missing: []string{"the rest"},
			Tables: []Table{{
				Question: "How fast?",
				Columns:  []string{"peer", "get"},
				Rows:     [][]string{{"holdfast", "100 ns"}, {"ärger", "9 ns"}},
				Notes:    []string{"A note."},
			}},
			Rivals: []Rival{
				{"fast", "time of get", stat.Summary{Median: 0.5, Low: 0.4, High: 1.2, N: 3}},
				{"equal", "time of get", stat.Summary{Median: 0.999, Low: 0.7, High: 1.2, N: 3}},
				{"slow", "time of get", stat.Summary{Median: 2, Low: 2, High: 2, N: 3}},
			},
		}},
	}
}

func TestTerminal(t *testing.T) {
	var out bytes.Buffer
	sample().Terminal(&out)
	want := `go         go1.26

SPEED

How fast?

  peer         get
  holdfast  100 ns
  ärger       9 ns
  * A note.

How near should a second run be?

  peer  from round to round  a second run's median
  all              ± 37.0 %                ± 110 %
  * From round to round: the standard deviation of a peer's comparisons with Holdfast, pooled. The median of as many rounds in a second run should be no farther from this one's, up or down, in 19 of 20 cases: take what is nearer for equal.

Not measured: the rest.

Where is a peer better than Holdfast?

  what         peers, each with its multiple of Holdfast's cost
  time of get  fast 0.50 (0.40–1.20)
  * Listed is each peer whose median lies below 1, with the lowest and the highest round.
`
	if out.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", out.String(), want)
	}
}

func TestMarkdown(t *testing.T) {
	var out bytes.Buffer
	sample().Markdown(&out)
	for _, want := range []string{
		"- go: go1.26\n",
		"## Speed\n\nHow it is measured.\n",
		"![A drawing](drawing.svg)\n",
		"### How fast?\n\n| peer | get |\n|---|---:|\n| holdfast | 100 ns |\n",
		"**Not measured:** the rest.\n",
		"| time of get | fast 0.50 (0.40–1.20) |\n",
		"| example.com/peer | v1.2.3 |\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the page lacks %q:\n%s", want, out.String())
		}
	}
}

func TestLossesOfNone(t *testing.T) {
	var r Report
	if got := r.Losses().Rows; len(got) != 1 || got[0][0] != "nowhere in this run" {
		t.Errorf("losses of an empty report: %v", got)
	}
}

func TestWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "results")
	if err := sample().Write(dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"report.md", "report.json", "drawing.svg"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	data, err := os.ReadFile(filepath.Join(dir, "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	var back Report
	if err := json.Unmarshal(data, &back); err != nil || back.Sections[0].Rivals[0].Ratio.Median != 0.5 {
		t.Errorf("report.json reads back as %+v, %v", back, err)
	}
}

func TestReadRefusesWhatIsNoReport(t *testing.T) {
	for _, file := range []string{filepath.Join(t.TempDir(), "missing.json"), "files.go"} {
		if _, err := Read(file); err == nil {
			t.Errorf("%s was read", file)
		}
	}
}

func TestWriteFailsWithItsCharts(t *testing.T) {
	r := sample()
	r.Sections[0].Charts = []Chart{drawing{errors.New("no ink")}}
	if err := r.Write(t.TempDir()); err == nil {
		t.Error("a chart that cannot be drawn was passed over")
	}
}

func TestFormats(t *testing.T) {
	tests := []struct{ got, want string }{
		{Number(0), "0"}, {Number(0.012345), "0.012"}, {Number(0.5), "0.50"}, {Number(12.345), "12.3"},
		{Number(1234.5), "1234"}, {Number(math.NaN()), None}, {Number(math.Inf(1)), None},
		{Spread(stat.Summary{Median: 1, Low: 0.9, High: 1.1}), "1.00 (0.90–1.10)"},
		{Spread(stat.Summarize(nil)), None},
		{Percent(0.25), "25.0 %"},
		{Count(7), "7"}, {Count(1234), "1234"}, {Count(10_000), "10.0 k"}, {Count(8_000_000), "8.00 M"},
		{Size(64), "64 B"}, {Size(4096), "4.00 KiB"}, {Size(256 << 20), "256 MiB"}, {Size(3 << 30), "3.00 GiB"},
		{Duration(999), "999 ns"}, {Duration(1500), "1.50 µs"},
		{Duration(20 * time.Millisecond), "20.0 ms"}, {Duration(2 * time.Second), "2.00 s"},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}
