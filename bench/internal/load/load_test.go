package load

import (
	"math"
	"slices"
	"testing"
)

func TestIDsAreDistinctAndOfOneLength(t *testing.T) {
	seen := make(map[string]bool)
	for n := range uint64(10_000) {
		id := ID(n)
		if len(id) != IDLen {
			t.Fatalf("ID(%d) has %d bytes, want %d", n, len(id), IDLen)
		}
		if seen[id] {
			t.Fatalf("ID(%d) repeats an earlier one", n)
		}
		seen[id] = true
	}
}

func TestPickersRepeatThemselves(t *testing.T) {
	for _, d := range []Distribution{Zipf, Uniform} {
		a, b := NewPicker(d, 1000, 7), NewPicker(d, 1000, 7)
		for range 100 {
			if x, y := a.Pick(), b.Pick(); x != y || x >= 1000 {
				t.Fatalf("%s: %d and %d, want the same number below 1000", d, x, y)
			}
		}
	}
}

// The k-th most popular of n sessions gets 1/k^s of what the first one gets.
func TestZipfHasItsExponent(t *testing.T) {
	const n, draws = 1000, 2_000_000
	p := NewPicker(Zipf, n, 1)
	var count [n]float64
	for range draws {
		count[p.Pick()]++
	}
	for _, k := range []uint64{2, 10, 100} {
		got := count[Scatter(0, n)] / count[Scatter(k-1, n)]
		want := math.Pow(float64(k), ZipfExponent)
		if math.Abs(got/want-1) > 0.1 {
			t.Errorf("rank 1 was drawn %.1f times as often as rank %d, want %.1f", got, k, want)
		}
	}
}

func TestScatterIsABijection(t *testing.T) {
	for _, n := range []uint64{1, 2, 10, 10_000, 1_000_000} {
		seen := make([]bool, n)
		for i := range n {
			seen[Scatter(i, n)] = true
		}
		if slices.Contains(seen, false) {
			t.Errorf("Scatter misses some of the numbers below %d", n)
		}
	}
}

func TestSequence(t *testing.T) {
	var s Sequence
	s.Draw(NewPicker(Uniform, 50, 4), 30, 0)
	s.Draw(NewPicker(Uniform, 50, 3), 20, 1000)
	again := NewPicker(Uniform, 50, 3)
	if s.Len() != 20 {
		t.Fatalf("Len = %d, want 20", s.Len())
	}
	for i := range s.Len() {
		if want := ID(1000 + again.Pick()); s.At(i) != want {
			t.Errorf("At(%d) = %s, want %s", i, s.At(i), want)
		}
	}
}

func TestValue(t *testing.T) {
	a, b := Value(21, 1), Value(21, 2)
	if len(a) != 21 || slices.Equal(a, b) || !slices.Equal(a, Value(21, 1)) {
		t.Error("values must have the length asked for and follow from the seed")
	}
}
