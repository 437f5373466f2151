package stat

import (
	"math"
	"testing"
)

func TestSummarize(t *testing.T) {
	tests := []struct {
		name   string
		sample []float64
		want   Summary
	}{
		{"one", []float64{7}, Summary{7, 7, 7, 1}},
		{"odd, unsorted", []float64{5, 1, 3, 2, 4}, Summary{3, 1, 5, 5}},
		{"even", []float64{1, 2, 3, 4}, Summary{2.5, 1, 4, 4}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Summarize(tt.sample); got != tt.want {
				t.Errorf("Summarize(%v) = %+v, want %+v", tt.sample, got, tt.want)
			}
		})
	}
}

func TestSummarizeLeavesTheSampleAlone(t *testing.T) {
	sample := []float64{3, 1, 2}
	Summarize(sample)
	if sample[0] != 3 {
		t.Errorf("the sample was sorted in place: %v", sample)
	}
}

func TestSummarizeNothing(t *testing.T) {
	if got := Summarize(nil); !math.IsNaN(got.Median) || got.N != 0 {
		t.Errorf("Summarize(nil) = %+v, want NaNs", got)
	}
}

// A machine that is twice as slow in one round must not show in the ratio.
func TestRatiosCancelWhatBothRoundsShare(t *testing.T) {
	base := []float64{100, 200, 100}
	sample := []float64{150, 300, 150, 999}
	want := Summary{1.5, 1.5, 1.5, 3}
	if got := Ratios(sample, base); got != want {
		t.Errorf("Ratios = %+v, want %+v", got, want)
	}
}

func TestASpreadIsComparedAsFarAsThreeDigitsShow(t *testing.T) {
	s := Summary{Median: 2, Low: 1, High: 3, N: 5}
	for v, want := range map[float64]bool{0.99: false, 0.996: true, 1: true, 3: true, 3.01: true, 3.02: false} {
		if got := s.Contains(v); got != want {
			t.Errorf("Contains(%v) = %v", v, got)
		}
	}
	for _, other := range []Summary{{Low: 0.2, High: 1}, {Low: 3, High: 4}, {Low: 2, High: 2.5}, {Low: 0, High: 9}} {
		if !s.Overlaps(other) || !other.Overlaps(s) {
			t.Errorf("%+v and %+v are said to be apart", s, other)
		}
	}
	if other := (Summary{Low: 3.1, High: 4}); s.Overlaps(other) || other.Overlaps(s) {
		t.Errorf("%+v and %+v are said to overlap", s, other)
	}
}
