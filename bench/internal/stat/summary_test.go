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

func TestRoundsWithoutAFigureAreLeftOut(t *testing.T) {
	nan := math.NaN()
	if got, want := Summarize([]float64{3, nan, 1}), (Summary{2, 1, 3, 2}); got != want {
		t.Errorf("Summarize = %+v, want %+v", got, want)
	}
	if got, want := Ratios([]float64{3, nan, 4}, []float64{1, 1, nan}), (Summary{3, 3, 3, 1}); got != want {
		t.Errorf("Ratios = %+v, want %+v", got, want)
	}
}
