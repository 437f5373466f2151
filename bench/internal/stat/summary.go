// Package stat summarises repeated measurements: medians with their spread,
// ratios of paired measurements, and latencies.
package stat

import (
	"math"
	"slices"
)

// Summary is the middle of a sample and its spread. The spread is that of the
// whole sample: of a few rounds, it is the one in which a further round can be
// expected.
type Summary struct {
	Median float64 `json:"median"`
	Low    float64 `json:"low"`  // the lowest
	High   float64 `json:"high"` // the highest
	N      int     `json:"n"`
}

// Summarize returns the median and the spread of sample; of an empty one, NaNs.
func Summarize(sample []float64) Summary {
	if len(sample) == 0 {
		return Summary{math.NaN(), math.NaN(), math.NaN(), 0}
	}
	sorted := slices.Sorted(slices.Values(sample))
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

// Contains reports whether v lies within the spread, or so near to it that
// three digits do not show the difference.
func (s Summary) Contains(v float64) bool {
	return s.Low <= v*(1+shown) && v <= s.High*(1+shown)
}

// Overlaps reports whether a value can lie within both spreads.
func (s Summary) Overlaps(other Summary) bool {
	return s.Low <= other.High*(1+shown) && other.Low <= s.High*(1+shown)
}

// shown is half a unit of the third digit, at most.
const shown = 0.005

// Median returns the middle of sample; of an empty one, NaN.
func Median(sample []float64) float64 { return Summarize(sample).Median }

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

// median is halfway between the two middle ones if their number is even.
func median(sorted []float64) float64 {
	below, above := (len(sorted)-1)/2, len(sorted)/2
	return (sorted[below] + sorted[above]) / 2
}
