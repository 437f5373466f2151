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
	for name, capacity := range map[string]int{holdfastName: 1, "bigcache": 100} {
		if _, ok := ofCapacity(name, capacity); ok {
			t.Errorf("%s was given a capacity of %d", name, capacity)
		}
	}
}

// A trace with few keys ends no run: a library that cannot be so small has no
// figure.
func TestOfCapacity_tiny(t *testing.T) {
	for _, info := range allPeers {
		for _, capacity := range []int{1, 5, 23} {
			if p, ok := ofCapacity(info.name, capacity); ok && p.set == nil || !ok && p.set != nil {
				t.Errorf("%s: a peer of %d sessions is %v", info.name, capacity, ok)
			}
		}
	}
}

// LRU loses all users. A peer that cannot be given the capacity has no figure.
func TestFlood(t *testing.T) {
	if f := (flood{"hashicorp", 500, 2}).measure(nil); f["share"] != 1 {
		t.Errorf("an LRU lost %v of the users", f["share"])
	}
	if f := (flood{"bigcache", 100, 1}).measure(nil); !math.IsNaN(f["share"]) {
		t.Errorf("bigcache of 100 sessions lost %v", f["share"])
	}
}

// A policy in another goroutine sees each call before the next one: no peer
// exceeds its cap at any moment.
func TestWaiting(t *testing.T) {
	const capacity = 200
	for _, name := range []string{"otter", "theine", "ristretto"} {
		p, ok := ofCapacity(name, capacity)
		if !ok {
			t.Fatalf("%s cannot be given the capacity", name)
		}
		value := newValue(centreValueLen, 1)
		for n := range 10 * capacity {
			p.set(sessionID(n), value)
			if n%capacity != capacity-1 {
				continue
			}
			if held := countKept(p, n+1, centreValueLen); held > capacity {
				t.Errorf("%s holds %d sessions after %d sets, want at most %d", name, held, n+1, capacity)
			}
		}
		p.close()
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
