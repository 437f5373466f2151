package stat

import "math"

// Noise tells by how much what was measured in rounds differs from round to
// round: the standard deviation of its logarithm, pooled from all the summaries of
// two rounds or more. Of so few rounds the spread of one summary says little, but
// those of hundreds together do. It is 0 if there are none.
func Noise(all []Summary) float64 {
	squares, n := 0.0, 0
	for _, s := range all {
		if s.N < 2 || s.Low <= 0 {
			continue
		}
		deviations := math.Log(s.High/s.Low) / meanRange[min(s.N, len(meanRange)-1)]
		squares += deviations * deviations
		n++
	}
	if n == 0 {
		return 0
	}
	return math.Sqrt(squares / float64(n))
}

// meanRange is the root of the mean square of the range of so many normal
// draws, in standard deviations.
var meanRange = [...]float64{2: 1.414, 3: 1.912, 4: 2.239, 5: 2.481, 6: 2.672, 7: 2.830, 8: 2.963, 9: 3.077, 10: 3.179}

// Repeats returns the factor by which the medians of two runs, of so many rounds
// each, differ at most in 19 of 20 cases if nothing but noise is between them.
func Repeats(noise float64, rounds int) float64 {
	const nineteenOf20 = 1.96
	ofMedian := noise
	switch {
	case rounds == 2:
		ofMedian = noise / math.Sqrt2
	case rounds > 2:
		ofMedian = noise * math.Sqrt(math.Pi/2/float64(rounds))
	}
	return math.Exp(nineteenOf20 * math.Sqrt2 * ofMedian)
}
