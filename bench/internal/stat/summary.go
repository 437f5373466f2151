// Package stat summarises repeated measurements: medians with their spread,
// ratios of paired measurements, and latencies.
package stat

import (
	"math"
	"slices"
)

// Summary is the middle of a sample and its spread.
type Summary struct {
	Median float64 `json:"median"`
	Low    float64 `json:"low"`  // the lowest
	High   float64 `json:"high"` // the highest
	N      int     `json:"n"`
}

// Summarize returns the median and the spread of sample, without its NaNs; of an
// empty one, NaNs.
func Summarize(sample []float64) Summary {
	sorted := slices.Sorted(slices.Values(sample))
	for len(sorted) > 0 && math.IsNaN(sorted[0]) { // which come first
		sorted = sorted[1:]
	}
	if len(sorted) == 0 {
		return Summary{math.NaN(), math.NaN(), math.NaN(), 0}
	}
	return Summary{
		Median: median(sorted),
		Low:    sorted[0],
		High:   sorted[len(sorted)-1],
		N:      len(sorted),
	}
}

// Scaled returns s in another unit.
func (s Summary) Scaled(by float64) Summary {
	return Summary{s.Median * by, s.Low * by, s.High * by, s.N}
}

// Median returns the middle of sample; of an empty one, NaN.
func Median(sample []float64) float64 { return Summarize(sample).Median }

// Ratios summarises sample[i]/base[i]. Both halves of a pair were measured in
// the same round, so what slowed the machine down in that round slowed both
// and drops out. Rounds that only one of them has, the other being shorter or a
// NaN, are left out.
func Ratios(sample, base []float64) Summary {
	n := min(len(sample), len(base))
	ratios := make([]float64, n)
	for i := range ratios {
		ratios[i] = sample[i] / base[i]
	}
	return Summarize(ratios)
}

// median is halfway between the two middle ones if their number is even.
func median(sorted []float64) float64 {
	below, above := (len(sorted)-1)/2, len(sorted)/2
	return (sorted[below] + sorted[above]) / 2
}
