package main

import (
	"math"
	"testing"
)

// No peer holds more than its capacity, and none much less.
func TestOfCapacity(t *testing.T) {
	const capacity = 2000
	for _, name := range []string{holdfastName, "phuslu", "otter", "theine", "ristretto", "ttlcache", "hashicorp"} {
		p, ok := ofCapacity(name, capacity)
		if !ok {
			t.Errorf("%s cannot be given the capacity", name)
			continue
		}
		if held := holds(p, 3*capacity); held < capacity*19/20 || held > capacity*101/100 {
			t.Errorf("%s holds %d sessions, want %d", name, held, capacity)
		}
	}
}

// A library that refuses a small cap, or that cannot hold so few sessions, is
// not compared: bigcache has caps of whole megabytes.
func TestOfCapacity_small(t *testing.T) {
	for name, capacity := range map[string]int{holdfastName: 1, "phuslu": 1, "bigcache": 100} {
		if _, ok := ofCapacity(name, capacity); ok {
			t.Errorf("%s was given a capacity of %d", name, capacity)
		}
	}
}

func TestFlood(t *testing.T) {
	for name, want := range map[string]float64{"hashicorp": 1, "bigcache": math.NaN()} {
		if f := (flood{name, 500, 2}).measure(nil); f["share"] != want && !math.IsNaN(want) {
			t.Errorf("%s: %v, want %v lost", name, f, want)
		}
	}
}

// A peer without a figure is not compared, and tiny shares count as equal.
func TestCompareShares(t *testing.T) {
	var sec section
	shares := map[string]float64{holdfastName: 0.0002, "otter": 0.0001, "bigcache": math.NaN()}
	sec.compareShares("losses", []string{holdfastName, "otter", "bigcache"}, func(peer string) float64 { return shares[peer] })
	if len(sec.Comparisons) != 1 || sec.Comparisons[0].Peer != "otter" || sec.Comparisons[0].Ratio.Median != 1 {
		t.Errorf("comparisons: %v", sec.Comparisons)
	}
}
