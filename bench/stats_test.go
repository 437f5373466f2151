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

// Each value lies in one bucket.
func TestBuckets(t *testing.T) {
	check := func(v uint64) {
		b := bucketOf(v)
		if b < 0 || b >= buckets || v > bucketEnd(b) || b > 0 && v <= bucketEnd(b-1) {
			t.Fatalf("%d lies in bucket %d of %d, which ends at %d", v, b, buckets, bucketEnd(b))
		}
	}
	for v := range uint64(1 << 12) {
		check(v)
	}
	for shift := range 64 {
		v := uint64(1) << shift
		check(v - 1)
		check(v)
		check(v + v/3)
	}
	check(math.MaxUint64)
}

func TestLatencies(t *testing.T) {
	var even, odd, l latencies
	if l.quantile(0.5) != 0 {
		t.Error("an empty histogram has a quantile")
	}
	l.record(-1)
	if l.max != 0 || l.total != 1 {
		t.Error("a negative duration did not count as 0")
	}
	l = latencies{}
	for i := 1; i <= 1000; i++ {
		half := &even
		if i%2 == 1 {
			half = &odd
		}
		half.record(time.Duration(i) * time.Microsecond)
	}
	l.merge(&even)
	l.merge(&odd)
	for q, want := range map[float64]float64{0.5: 500e3, 0.99: 990e3} {
		if got := l.quantile(q); got < want || got > 1.04*want {
			t.Errorf("quantile(%v) = %v, want %v or up to 4 %% more", q, got, want)
		}
	}
	if l.max != time.Millisecond || l.quantile(1) != 1e6 {
		t.Errorf("the maximum is %v, the last quantile %v, want both 1ms", l.max, l.quantile(1))
	}
}
