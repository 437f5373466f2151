package report

import (
	"slices"
	"strings"
	"testing"

	"github.com/holdfast-go/holdfast/bench/internal/stat"
)

func speed(rivals ...Rival) Report {
	return Report{
		Facts:    []Fact{{"processor", "one"}, {"took", "1m"}},
		Sections: []Section{{Title: "Speed", Rivals: rivals}},
	}
}

func get(peer string, low, median, high float64) Rival {
	return Rival{peer, "time of get", stat.Summary{Median: median, Low: low, High: high, N: 3}}
}

func TestARunAgreesAsFarAsTheNoiseOfTheEarlierOneSays(t *testing.T) {
	earlier := speed(get("near", 0.9, 1, 1.1), get("far", 0.9, 1, 1.1), get("gone", 0.9, 1, 1.1))
	now := speed(get("near", 1.1, 1.15, 1.2), get("far", 1.2, 1.3, 1.4), get("new", 1, 1, 1))

	s := now.Agreement(earlier)

	if got, want := s.Tables[0].Rows[0], []string{"Speed", "2", "1", "1", "0.10"}; !slices.Equal(got, want) {
		t.Errorf("counts %q, want %q", got, want)
	}
	if got, want := s.Tables[1].Rows, []string{"time of get", "far", "1.00 (0.90–1.10)", "1.30 (1.20–1.40)"}; len(got) != 1 || !slices.Equal(got[0], want) {
		t.Errorf("apart are %q, want %q", got, want)
	}
}

func TestAPeerOfManyComparisonsHasItsOwnNoise(t *testing.T) {
	var s Section
	for range 10 {
		s.Rivals = append(s.Rivals, get("steady", 0.99, 1, 1.01), get("noisy", 0.5, 1, 2))
	}
	s.Rivals = append(s.Rivals, get("rare", 1, 1, 1))
	if steady, noisy, rare := s.noiseOf("steady"), s.noiseOf("noisy"), s.noiseOf("rare"); steady > 0.02 || noisy < 0.5 || rare <= steady || rare >= noisy {
		t.Errorf("the noise is %.3f of the steady peer, %.3f of the noisy one and %.3f, which should lie between, of one that was compared once", steady, noisy, rare)
	}
}

func TestWithoutRoundsATenthIsNear(t *testing.T) {
	once := func(median float64) stat.Summary {
		return stat.Summary{Median: median, Low: median, High: median, N: 1}
	}
	for median, want := range map[float64]bool{2.1: true, 1.9: true, 2.3: false, 1.7: false} {
		if near(once(2), once(median), 0) != want {
			t.Errorf("2 and %v: near is %v", median, !want)
		}
	}
}

func TestRunsOnOtherMachinesAreTold(t *testing.T) {
	other := speed()
	other.Facts = []Fact{{"processor", "another"}, {"took", "2m"}}
	if got := speed().Agreement(other).Tables[0].Notes; len(got) != 1 || !strings.Contains(got[0], `it was "another" and is "one"`) {
		t.Errorf("the notes are %q", got)
	}
	if got := speed().Agreement(speed()).Tables[0].Notes; len(got) != 0 {
		t.Errorf("the same machine has the notes %q", got)
	}
}
