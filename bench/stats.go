package main

import (
	"math"
	"math/bits"
	"slices"
	"time"
)

// figures are the numbers of one measurement by name.
type figures map[string]float64

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

// spreads returns the cell of a table for each row: the summary of the figure in
// another unit, with a suffix.
func (s samples) spreads(name string, unit float64, suffix string) func(row string) string {
	return func(row string) string { return spread(s.summary(row, name).in(unit)) + suffix }
}

// medians is spreads without the spread.
func (s samples) medians(name string) func(row string) string {
	return func(row string) string { return number(s.summary(row, name).Median) }
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
// round, so the ratio cancels a slowdown of that round. A round with only one of
// them does not count.
func ratios(sample, base []float64) summary {
	var all []float64
	for i := range min(len(sample), len(base)) {
		all = append(all, sample[i]/base[i])
	}
	return summarize(all)
}

// noise returns the standard deviation from round to round of the logarithms,
// pooled from all summaries of at least two rounds; 0 without any. The spread of
// one summary says little, but hundreds together do.
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

const (
	// Each power of two has so many buckets, so a quantile is exact to
	// 1/subBuckets.
	subBucketBits = 5
	subBuckets    = 1 << subBucketBits
	buckets       = (64 - subBucketBits + 1) * subBuckets
)

// latencies is a histogram of durations whose buckets grow with their content:
// 3 % wide at any size. The zero value is empty. It is not safe for concurrent
// use.
type latencies struct {
	count [buckets]uint64
	total uint64
	max   time.Duration
}

// record adds one duration. A negative one counts as 0.
func (l *latencies) record(d time.Duration) {
	d = max(d, 0)
	l.count[bucketOf(uint64(d))]++
	l.total++
	l.max = max(l.max, d)
}

func (l *latencies) merge(other *latencies) {
	for i, n := range other.count {
		l.count[i] += n
	}
	l.total += other.total
	l.max = max(l.max, other.max)
}

// quantile returns the nanoseconds that a share q of the durations do not
// exceed, rounded up to the bucket; 0 without durations.
func (l *latencies) quantile(q float64) float64 {
	rank := uint64(q * float64(l.total))
	var seen uint64
	for i, n := range l.count {
		seen += n
		if n > 0 && seen >= rank {
			return min(float64(bucketEnd(i)), float64(l.max))
		}
	}
	return 0
}

// bucketOf keeps the subBucketBits bits after the leading one, and counts the
// rest into the exponent. Values below subBuckets have a bucket each.
func bucketOf(v uint64) int {
	if v < subBuckets {
		return int(v)
	}
	shift := bits.Len64(v) - subBucketBits - 1
	return shift*subBuckets + int(v>>shift)
}

// bucketEnd returns the largest value of the bucket.
func bucketEnd(bucket int) uint64 {
	if bucket < 2*subBuckets {
		return uint64(bucket)
	}
	shift := bucket/subBuckets - 1
	return (uint64(bucket%subBuckets+subBuckets)+1)<<shift - 1
}
