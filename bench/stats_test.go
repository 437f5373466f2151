package main

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

var nan = math.NaN()

func TestSummarize(t *testing.T) {
	for _, tt := range []struct {
		name   string
		sample []float64
		want   summary
	}{
		{"one", []float64{7}, summary{7, 7, 7, 1}},
		{"odd, unsorted", []float64{5, 1, 3, 2, 4}, summary{3, 1, 5, 5}},
		{"even", []float64{1, 2, 3, 4}, summary{2.5, 1, 4, 4}},
		{"a round without a figure", []float64{3, nan, 1}, summary{2, 1, 3, 2}},
	} {
		before := slices.Clone(tt.sample)
		if got := summarize(tt.sample); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
		if before[0] != tt.sample[0] {
			t.Errorf("%s: the sample was sorted in place", tt.name)
		}
	}
	if got := summarize(nil); !math.IsNaN(got.Median) || got.N != 0 {
		t.Errorf("of nothing: %+v, want NaNs", got)
	}
}

// A ratio cancels a slowdown of both figures of a round, and needs both.
func TestRatios(t *testing.T) {
	if got, want := ratios([]float64{150, 300, 150, 999}, []float64{100, 200, 100}), (summary{1.5, 1.5, 1.5, 3}); got != want {
		t.Errorf("ratios = %+v, want %+v", got, want)
	}
	if got, want := ratios([]float64{3, nan, 4}, []float64{1, 1, nan}), (summary{3, 3, 3, 1}); got != want {
		t.Errorf("ratios = %+v, want %+v", got, want)
	}
}

// The noise of one run predicts the medians of a second run.
func TestRepeats(t *testing.T) {
	const cells, deviation = 4000, 0.1
	rng := rand.New(rand.NewPCG(1, 2))
	for _, rounds := range []int{2, 3, 5} {
		run := func() (all []summary) {
			for range cells {
				sample := make([]float64, rounds)
				for i := range sample {
					sample[i] = 3 * math.Exp(deviation*rng.NormFloat64())
				}
				all = append(all, summarize(sample))
			}
			return all
		}
		first, second := run(), run()
		noise := noise(first)
		if math.Abs(noise-deviation) > 0.005 {
			t.Errorf("%d rounds: the noise is %.3f, want %.3f", rounds, noise, deviation)
		}
		within := 0
		for i := range first {
			if r := second[i].Median / first[i].Median; max(r, 1/r) <= repeats(noise, rounds) {
				within++
			}
		}
		if share := float64(within) / cells; share < 0.94 || share > 0.98 {
			t.Errorf("%d rounds: %.3f of the second run's medians are within the prediction, want 0.95 or a little more", rounds, share)
		}
	}
	if noise([]summary{{1, 1, 1, 1}, summarize(nil)}) != 0 || repeats(0, 1) != 1 {
		t.Error("there is noise without rounds")
	}
}

func TestQuantile(t *testing.T) {
	var all []time.Duration
	for i := 1000; i >= 1; i-- {
		all = append(all, time.Duration(i))
	}
	for q, want := range map[float64]float64{0: 1, 0.5: 500, 0.99: 990, 0.999: 999, 1: 1000} {
		if got := quantile(all, q); got != want {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
}
