package report

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/holdfast-go/holdfast/bench/internal/stat"
)

func comparing(rivals ...Rival) Report {
	return Report{Sections: []Section{{Title: "Speed", Rivals: rivals}}}
}

func TestAgreementTellsWithinFromOverlappingFromApart(t *testing.T) {
	earlier := comparing(
		Rival{"within", "get", stat.Summary{Median: 2, Low: 1, High: 3, N: 5}},
		Rival{"overlapping", "get", stat.Summary{Median: 2, Low: 1, High: 3, N: 5}},
		Rival{"apart", "get", stat.Summary{Median: 2, Low: 1, High: 3, N: 5}},
		Rival{"once, near", "get", stat.Summary{Median: 2, Low: 2, High: 2, N: 1}},
		Rival{"once, far", "get", stat.Summary{Median: 2, Low: 2, High: 2, N: 1}},
		Rival{"gone", "get", stat.Summary{Median: 2, Low: 1, High: 3, N: 5}},
	)
	now := comparing(
		Rival{"within", "get", stat.Summary{Median: 2.9, Low: 2, High: 5, N: 5}},
		Rival{"overlapping", "get", stat.Summary{Median: 3.5, Low: 2.5, High: 4, N: 5}},
		Rival{"apart", "get", stat.Summary{Median: 5, Low: 4, High: 6, N: 5}},
		Rival{"once, near", "get", stat.Summary{Median: 2.1, Low: 2.1, High: 2.1, N: 1}},
		Rival{"once, far", "get", stat.Summary{Median: 3, Low: 3, High: 3, N: 1}},
		Rival{"new", "get", stat.Summary{Median: 5, Low: 4, High: 6, N: 5}},
	)
	s := now.Agreement(earlier)
	if got, want := s.Tables[0].Rows[0], []string{"Speed", "5", "2", "1", "2"}; !slices.Equal(got, want) {
		t.Errorf("counts %q, want %q", got, want)
	}
	apart := s.Tables[1].Rows
	if len(apart) != 2 || apart[0][1] != "apart" || apart[1][1] != "once, far" {
		t.Errorf("apart are %q", apart)
	}
}

func TestARunAgreesWithItself(t *testing.T) {
	s := sample().Agreement(sample())
	if got, want := s.Tables[0].Rows[0], []string{"Speed", "3", "3", "0", "0"}; !slices.Equal(got, want) {
		t.Errorf("counts %q, want %q", got, want)
	}
	if got := s.Tables[1].Rows[0][0]; got != "nowhere" {
		t.Errorf("apart: %q", got)
	}
}

func TestReadRefusesWhatIsNoReport(t *testing.T) {
	for _, file := range []string{filepath.Join(t.TempDir(), "missing.json"), "agreement.go"} {
		if _, err := Read(file); err == nil {
			t.Errorf("%s was read", file)
		}
	}
}
