package trace

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestBoundsOfKnownSequences(t *testing.T) {
	// The textbook example: 20 requests with three frames cause 12 page faults
	// under LRU and 9 under OPT. Belady's cache has one fewer, because unlike a
	// pager it need not keep the page that it just read.
	textbook := []uint32{7, 0, 1, 2, 0, 3, 0, 4, 2, 3, 0, 3, 2, 1, 2, 0, 1, 7, 0, 1}
	if got := LRU(textbook, 3); got != 20-12 {
		t.Errorf("LRU hits %d times, want 8", got)
	}
	if got := Belady(textbook, 3); got != 20-8 {
		t.Errorf("Belady hits %d times, want 12", got)
	}
	loop := []uint32{0, 1, 2, 0, 1, 2, 0, 1, 2}
	if got := LRU(loop, 2); got != 0 {
		t.Errorf("LRU hits %d times in a loop larger than itself, want 0", got)
	}
}

func TestBoundsWithoutCapacity(t *testing.T) {
	if LRU([]uint32{1, 1}, 0) != 0 || Belady([]uint32{1, 1}, 0) != 0 {
		t.Error("a cache without room had a hit")
	}
}

// Belady must agree with an exhaustive search, and LRU with a plain list.
func TestBoundsAgainstNaiveModels(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		requests := make([]uint32, 12)
		for i := range requests {
			requests[i] = uint32(rng.IntN(5))
		}
		for capacity := 1; capacity <= 4; capacity++ {
			if got, want := Belady(requests, capacity), best(requests, nil, capacity); got != want {
				t.Fatalf("Belady(%v, %d) = %d, the best is %d", requests, capacity, got, want)
			}
			if got, want := LRU(requests, capacity), naiveLRU(requests, capacity); got != want {
				t.Fatalf("LRU(%v, %d) = %d, want %d", requests, capacity, got, want)
			}
		}
	}
}

// best tries every decision.
func best(requests []uint32, cached []uint32, capacity int) int {
	if len(requests) == 0 {
		return 0
	}
	object, rest := requests[0], requests[1:]
	if slices.Contains(cached, object) {
		return 1 + best(rest, cached, capacity)
	}
	most := best(rest, cached, capacity) // do not keep it
	if len(cached) < capacity {
		return max(most, best(rest, append(slices.Clone(cached), object), capacity))
	}
	for i := range cached {
		instead := slices.Clone(cached)
		instead[i] = object
		most = max(most, best(rest, instead, capacity))
	}
	return most
}

func naiveLRU(requests []uint32, capacity int) int {
	var recent []uint32 // the most recent last
	hits := 0
	for _, object := range requests {
		if i := slices.Index(recent, object); i >= 0 {
			hits++
			recent = slices.Delete(recent, i, i+1)
		}
		recent = append(recent, object)
		if len(recent) > capacity {
			recent = recent[1:]
		}
	}
	return hits
}
