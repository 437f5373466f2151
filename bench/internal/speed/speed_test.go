package speed

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-go/holdfast/bench/internal/load"
	"github.com/holdfast-go/holdfast/bench/internal/peer"
	"github.com/holdfast-go/holdfast/bench/internal/run"
	"github.com/holdfast-go/holdfast/bench/internal/stat"
	"github.com/holdfast-go/holdfast/bench/internal/stock"
)

func TestPlanStartsAtTheCentreAndVariesOneAxis(t *testing.T) {
	cells := plan(&run.Env{}, nil)
	centre := cells[0].circumstance()
	seen := make(map[Cell]bool)
	for _, c := range cells {
		if seen[c] {
			t.Errorf("%v is planned twice", c)
		}
		seen[c] = true
		differs := 0
		for _, d := range []bool{c.Store != centre.Store, c.Distribution != centre.Distribution, c.Goroutines != centre.Goroutines} {
			if d {
				differs++
			}
		}
		if differs > 1 {
			t.Errorf("%v differs from the centre in %d respects", c, differs)
		}
	}
	for _, want := range []Store{{10_000, 256}, {1_000_000, 64}, {1_000_000, 256}, {1_000_000, 4096}, {8_000_000, 256}} {
		if !slices.ContainsFunc(cells, func(c Cell) bool { return c.Store == want }) {
			t.Errorf("the plan lacks %+v", want)
		}
	}
}

func TestPlanCombinesWhatIsAskedFor(t *testing.T) {
	asked := &Axes{
		Stores:        []Store{{1, 1}, {2, 2}},
		Ops:           []Op{Get, Set},
		Distributions: []load.Distribution{load.Zipf, load.Uniform},
		Goroutines:    []int{1, 2, 3},
	}
	if got := len(plan(&run.Env{}, asked)); got != 2*2*2*3 {
		t.Errorf("%d cells, want 24", got)
	}
}

func TestSlicesFindWhatIsThere(t *testing.T) {
	s := new(stock.Stock)
	if _, err := s.Fill(stock.Order{Peer: peer.Holdfast, Sessions: 500, ValueLen: 64, TTL: time.Hour}); err != nil {
		t.Fatal(err)
	}
	defer s.Peer.Close()
	r := &runner{stock: s}
	for op, found := range map[Op]float64{Get: 1, Mixed: 1, Set: 1, Touch: 1, Absent: 0} {
		for _, timed := range []bool{false, true} {
			took, err := r.run(Slice{Op: op, Distribution: load.Zipf, Goroutines: 3, Ops: 900, Seed: 1, Timed: timed})
			if err != nil {
				t.Fatal(err)
			}
			if took.Found != found || took.Nanos <= 0 || timed != (took.Max > 0) {
				t.Errorf("%s, timed %v: %+v, want %v found", op, timed, took, found)
			}
		}
	}
	if _, err := r.run(Slice{Op: Get, Distribution: load.Zipf, Goroutines: 2, Ops: 1}); err == nil {
		t.Error("a slice of fewer operations than goroutines was run")
	}
}

func TestSectionComparesWithHoldfast(t *testing.T) {
	holdfast, _ := peer.Find(peer.Holdfast)
	fastcache, _ := peer.Find("fastcache")
	e := &run.Env{Peers: []peer.Info{holdfast, fastcache}}
	cell := func(op Op) Cell { return Cell{Store{1000, 64}, op, load.Zipf, 2, false} }
	one := stat.Summary{Median: 100, Low: 100, High: 100}
	half := stat.Summary{Median: 0.5, Low: 0.5, High: 0.5}
	s := section(e, []Result{
		{Peer: peer.Holdfast, Cell: cell(Get), Nanos: one, Kept: 1},
		{Peer: "fastcache", Cell: cell(Get), Nanos: one, Ratio: half, Kept: 0.5},
		{Peer: peer.Holdfast, Cell: cell(Touch), Nanos: one, Kept: 1},
		{Peer: "fastcache", Cell: cell(Touch), Nanos: one, Ratio: half, Kept: 0.5},
	}, []Store{{8_000_000, 256}})
	got := s.Tables[0]
	if want := []string{"fastcache", "0.50 (0.50–0.50)", "–"}; !slices.Equal(got.Rows[1], want) {
		t.Errorf("fastcache's row is %q, want %q: it has no TTL to touch", got.Rows[1], want)
	}
	if len(got.Notes) != 1 || !strings.Contains(got.Notes[0], "fastcache kept 50.0 %") {
		t.Errorf("the notes %q do not tell that fastcache lost half", got.Notes)
	}
	if len(s.Missing) != 1 || !strings.Contains(s.Missing[0], "8.00 M sessions") {
		t.Error("the section does not tell what was skipped")
	}
	if len(s.Rivals) != 1 {
		t.Errorf("%d comparisons, want that of get alone", len(s.Rivals))
	}
}

func TestResultsHaveAFigureARound(t *testing.T) {
	holdfast, _ := peer.Find(peer.Holdfast)
	phuslu, _ := peer.Find("phuslu")
	cell := Cell{Store{1000, 64}, Get, load.Zipf, 2, false}
	took := func(nanos ...float64) (all []Took) {
		for _, n := range nanos {
			all = append(all, Took{Nanos: n})
		}
		return all
	}
	ours, theirs := &run.Member{Peer: holdfast}, &run.Member{Peer: phuslu}
	var rs results
	base := took(100, 100, 100)
	rs.add(ours, cell, 0, base, base)
	rs.add(theirs, cell, 0, took(120, 900, 130), base)
	rs.add(ours, cell, 0, took(500, 500, 500), took(500, 500, 500)) // of another group
	base = took(200, 200, 200)
	rs.add(ours, cell, 1, base, base)
	rs.add(theirs, cell, 1, took(300, 300, 1), base)

	all := rs.all()

	if len(all) != 2 {
		t.Fatalf("%d results, want one for each peer", len(all))
	}
	if got, want := all[0].Nanos, (stat.Summary{Median: 150, Low: 100, High: 200, N: 2}); got != want {
		t.Errorf("Holdfast's nanoseconds are %+v, want %+v", got, want)
	}
	if got, want := all[1].Ratio, (stat.Summary{Median: 1.4, Low: 1.3, High: 1.5, N: 2}); got != want {
		t.Errorf("the peer's ratio is %+v, want %+v", got, want)
	}
}

func TestMedianLatency(t *testing.T) {
	got := medianLatency([]Took{{P50: 1, Max: 5}, {P50: 3, Max: 9}, {P50: 2, Max: 7}})
	if got.P50 != 2 || got.Max != 9 {
		t.Errorf("got %+v, want the median of the medians and the longest of all", got)
	}
}
