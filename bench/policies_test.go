package main

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// The sequences were worked out by hand from the pseudocode of the papers. An h
// stands under each hit.
func TestReferences(t *testing.T) {
	for _, tt := range []struct {
		name           string
		open           func(int) policy
		capacity       int
		requests, want string
	}{
		// The hand spares a, and evicts b, c, d, b, c and e.
		{"SIEVE", newSieve, 3,
			"abcadbeacebada",
			"...h...h.h.h.h"},
		// a is used twice and reaches main, b does as a ghost, and b with two
		// more uses evicts c from a full main.
		{"S3-FIFO", newS3FIFO, 4,
			"abcdaabebacfdgabcdbbhceadb",
			"....hhh..h....h.hhhh...hhh"},
		// Each kind of ghost is hit, and each list of ghosts overflows.
		{"ARC", newARC, 2,
			"abacbabdeafaefbfgaf",
			"..h...h....h.h.h..h"},
		// A full first list has no ghosts.
		{"ARC, once", newARC, 2,
			"abcac",
			"....h"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, got := tt.open(tt.capacity), []byte(nil)
			for _, object := range tt.requests {
				if p(uint32(object)) {
					got = append(got, 'h')
				} else {
					got = append(got, '.')
				}
			}
			if string(got) != tt.want {
				t.Errorf("got\n%s\nwant\n%s\nfor\n%s", got, tt.want, tt.requests)
			}
		})
	}
}

// No policy beats the optimum, or finds an object before its first request.
func TestReferences_optimum(t *testing.T) {
	traffic := site.generate(20_000, 1)
	for _, r := range references {
		for _, capacity := range []int{1, 2, 10, 500, traffic.objects} {
			got, most := hits(r.open(capacity), traffic.requests), belady(traffic.requests, capacity)
			if got > most || capacity == traffic.objects && got != len(traffic.requests)-traffic.objects {
				t.Errorf("%s of %d objects hits %d times; the optimum is %d", r.name, capacity, got, most)
			}
		}
	}
}

func TestBounds_textbook(t *testing.T) {
	// The textbook example: 20 requests with three frames cause 12 page faults
	// under LRU and 9 under OPT. Belady's cache has one fewer, because unlike a
	// pager it need not keep the page that it just read.
	textbook := []uint32{7, 0, 1, 2, 0, 3, 0, 4, 2, 3, 0, 3, 2, 1, 2, 0, 1, 7, 0, 1}
	if got := hits(newLRU(3), textbook); got != 20-12 {
		t.Errorf("LRU hits %d times, want 8", got)
	}
	if got := belady(textbook, 3); got != 20-8 {
		t.Errorf("Belady hits %d times, want 12", got)
	}
	loop := []uint32{0, 1, 2, 0, 1, 2, 0, 1, 2}
	if got := hits(newLRU(2), loop); got != 0 {
		t.Errorf("LRU hits %d times in a loop larger than itself, want 0", got)
	}
}

func TestBounds_no_capacity(t *testing.T) {
	if hits(newLRU(0), []uint32{1, 1}) != 0 || belady([]uint32{1, 1}, 0) != 0 {
		t.Error("a cache without room had a hit")
	}
}

// Belady must agree with an exhaustive search, and LRU with a plain list.
func TestBounds_naive(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		requests := make([]uint32, 12)
		for i := range requests {
			requests[i] = uint32(rng.IntN(5))
		}
		for capacity := 1; capacity <= 4; capacity++ {
			if got, want := belady(requests, capacity), best(requests, nil, capacity); got != want {
				t.Fatalf("belady(%v, %d) = %d, the best is %d", requests, capacity, got, want)
			}
			if got, want := hits(newLRU(capacity), requests), naiveLRU(requests, capacity); got != want {
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
