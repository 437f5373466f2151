package main

import (
	"math"
	"slices"
	"time"
)

// figures are the numbers of one measurement by name. An alias, because net/rpc
// transfers no unexported types.
type figures = map[string]float64

// samples are the figures of several rounds, one a round, by the row of a table
// (a peer, for example) and by name.
type samples map[[2]string][]float64

func (s samples) add(row, name string, figure float64) {
	s[[2]string{row, name}] = append(s[[2]string{row, name}], figure)
}

// addAll adds one round, with the prefix before each name.
func (s samples) addAll(row, prefix string, round figures) {
	for name, figure := range round {
		s.add(row, prefix+name, figure)
	}
}

func (s samples) of(row, name string) []float64 { return s[[2]string{row, name}] }

func (s samples) summary(row, name string) summary { return summarize(s.of(row, name)) }

func (s samples) median(row, name string) float64 { return s.summary(row, name).Median }

// spreads returns the cell of a table for each row: the summary of the figure
// in another unit, with a suffix.
func (s samples) spreads(name string, unit float64, suffix string) func(row string) string {
	return func(row string) string { return spread(s.summary(row, name).in(unit)) + suffix }
}

// medians is spreads without the spread.
func (s samples) medians(name string) func(row string) string {
	return func(row string) string { return number(s.median(row, name)) }
}

// ratiosTo returns the ratios of each row's figures to those of the base.
func (s samples) ratiosTo(base, name string) func(row string) summary {
	return func(row string) summary { return ratios(s.of(row, name), s.of(base, name)) }
}

// summary is the median of a sample and its spread.
type summary struct {
	Median float64 `json:"median"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
	N      int     `json:"n"`
}

// summarize ignores NaNs, which mark rounds without a figure. The summary of an
// empty sample is NaN.
func summarize(sample []float64) summary {
	s := slices.DeleteFunc(slices.Sorted(slices.Values(sample)), math.IsNaN)
	if len(s) == 0 {
		return summary{math.NaN(), math.NaN(), math.NaN(), 0}
	}
	// An even number of figures has two middle ones.
	below, above := s[(len(s)-1)/2], s[len(s)/2]
	return summary{(below + above) / 2, s[0], s[len(s)-1], len(s)}
}

func median(sample []float64) float64 { return summarize(sample).Median }

// in returns the summary in another unit.
func (s summary) in(factor float64) summary {
	return summary{s.Median * factor, s.Low * factor, s.High * factor, s.N}
}

// ratios summarizes sample[i]/base[i]. Both figures of a pair are of the same
// round, so the ratio cancels a slowdown of that round. A round with only one
// of them does not count.
func ratios(sample, base []float64) summary { return summarize(quotients(sample, base)) }

func quotients(sample, base []float64) (all []float64) {
	for i := range min(len(sample), len(base)) {
		all = append(all, sample[i]/base[i])
	}
	return all
}

// noise returns the standard deviation from round to round of the logarithms,
// pooled from all summaries of at least two rounds; 0 without any. The spread
// of one summary says little, but hundreds together do.
func noise(all []summary) float64 {
	squares, n := 0.0, 0
	for _, s := range all {
		if s.N < 2 || s.Low <= 0 {
			continue
		}
		deviation := math.Log(s.High/s.Low) / meanRange[min(s.N, len(meanRange)-1)]
		squares += deviation * deviation
		n++
	}
	if n == 0 {
		return 0
	}
	return math.Sqrt(squares / float64(n))
}

// meanRange is the root mean square of the range of n normal draws, in standard
// deviations.
var meanRange = [...]float64{2: 1.414, 3: 1.912, 4: 2.239, 5: 2.481, 6: 2.672, 7: 2.830, 8: 2.963, 9: 3.077, 10: 3.179}

// repeats returns the factor within which the medians of two runs lie in 19 of
// 20 cases if only noise separates them. Both have the given number of rounds.
func repeats(noise float64, rounds int) float64 {
	const nineteenOf20 = 1.96
	switch {
	case rounds == 2:
		noise /= math.Sqrt2
	case rounds > 2:
		noise *= math.Sqrt(math.Pi / 2 / float64(rounds))
	}
	return math.Exp(nineteenOf20 * math.Sqrt2 * noise)
}

// quantile sorts the durations, and returns the nanoseconds that a share q of
// them do not exceed.
func quantile(all []time.Duration, q float64) float64 {
	slices.Sort(all)
	return float64(all[max(0, int(math.Ceil(q*float64(len(all))))-1)])
}
