package stat

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Two runs with the same noise: what the first says of it must hold of the second.
func TestNoiseTellsHowFarARunRepeats(t *testing.T) {
	const cells, deviation = 4000, 0.1
	rng := rand.New(rand.NewPCG(1, 2))
	for _, rounds := range []int{2, 3, 5} {
		run := func() (all []Summary) {
			for range cells {
				sample := make([]float64, rounds)
				for i := range sample {
					sample[i] = 3 * math.Exp(deviation*rng.NormFloat64())
				}
				all = append(all, Summarize(sample))
			}
			return all
		}
		first, second := run(), run()
		noise := Noise(first)
		if math.Abs(noise-deviation) > 0.005 {
			t.Errorf("%d rounds: the noise is %.3f, want %.3f", rounds, noise, deviation)
		}
		within := 0
		for i := range first {
			if r := second[i].Median / first[i].Median; max(r, 1/r) <= Repeats(noise, rounds) {
				within++
			}
		}
		if share := float64(within) / cells; share < 0.94 || share > 0.98 {
			t.Errorf("%d rounds: %.3f of the second run's medians are as near as said, want 0.95 or a little more", rounds, share)
		}
	}
}

func TestWithoutRoundsThereIsNoNoiseToSee(t *testing.T) {
	if got := Noise([]Summary{{Median: 1, Low: 1, High: 1, N: 1}, Summarize(nil)}); got != 0 {
		t.Errorf("Noise = %v, want 0", got)
	}
	if got := Repeats(0, 1); got != 1 {
		t.Errorf("Repeats = %v, want 1", got)
	}
}
