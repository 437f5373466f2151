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
	Low    float64 `json:"low"`  // first quartile
	High   float64 `json:"high"` // third quartile
	N      int     `json:"n"`
}

// Summarize returns the median and the quartiles of sample; of an empty one,
// NaNs.
func Summarize(sample []float64) Summary {
	sorted := slices.Sorted(slices.Values(sample))
	return Summary{
		Median: quantile(sorted, 0.50),
		Low:    quantile(sorted, 0.25),
		High:   quantile(sorted, 0.75),
		N:      len(sorted),
	}
}

// Ratios summarises sample[i]/base[i]. Both halves of a pair were measured in
// the same round, so what slowed the machine down in that round slowed both
// and drops out. Rounds that only one of them has are left out.
func Ratios(sample, base []float64) Summary {
	n := min(len(sample), len(base))
	ratios := make([]float64, n)
	for i := range ratios {
		ratios[i] = sample[i] / base[i]
	}
	return Summarize(ratios)
}

// quantile interpolates linearly between the two nearest of the sorted values.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	at := q * float64(len(sorted)-1)
	below := int(at)
	above := min(below+1, len(sorted)-1)
	return sorted[below] + (at-float64(below))*(sorted[above]-sorted[below])
}
