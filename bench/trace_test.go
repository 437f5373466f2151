package main

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestReadARC(t *testing.T) {
	got, err := readARC(strings.NewReader("7 2 0 0\n9 1 0 1\n\n7 1 0 2\n"))
	if want := []uint32{0, 1, 2, 0}; err != nil || !slices.Equal(got.requests, want) || got.objects != 3 {
		t.Errorf("got %+v, %v, want requests %v of 3 objects", got, err, want)
	}
	for _, content := range []string{"7\n", "x 1 0 0\n", "0 -1 0 0\n", "0 99999999999 0 0\n", "18446744073709551615 2 0 0\n"} {
		if got, err := readARC(strings.NewReader(content)); err == nil {
			t.Errorf("%q was read as %+v", content, got)
		}
	}
}

// checkNumbers fails unless the objects are numbered from 0 in the order of
// their first request.
func checkNumbers(t *testing.T, got trace, err error) {
	t.Helper()
	if err != nil {
		return
	}
	next := uint32(0)
	for i, object := range got.requests {
		if object > next {
			t.Fatalf("request %d is for object %d, though only %d came before", i, object, next)
		}
		next = max(next, object+1)
	}
	if int(next) != got.objects {
		t.Fatalf("%d objects were requested, objects says %d", next, got.objects)
	}
}

func FuzzARC(f *testing.F) {
	f.Add([]byte("7 2 0 0\n9 1 0 1\n"))
	f.Add([]byte("9223372036854775807 3 0 0\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		got, err := readARC(bytes.NewReader(content))
		checkNumbers(t, got, err)
	})
}

func TestBoundsOfKnownSequences(t *testing.T) {
	// The textbook example: 20 requests with three frames cause 12 page faults
	// under LRU and 9 under OPT. Belady's cache has one fewer, because unlike a
	// pager it need not keep the page that it just read.
	textbook := []uint32{7, 0, 1, 2, 0, 3, 0, 4, 2, 3, 0, 3, 2, 1, 2, 0, 1, 7, 0, 1}
	if got := exactLRU(textbook, 3); got != 20-12 {
		t.Errorf("LRU hits %d times, want 8", got)
	}
	if got := belady(textbook, 3); got != 20-8 {
		t.Errorf("Belady hits %d times, want 12", got)
	}
	loop := []uint32{0, 1, 2, 0, 1, 2, 0, 1, 2}
	if got := exactLRU(loop, 2); got != 0 {
		t.Errorf("LRU hits %d times in a loop larger than itself, want 0", got)
	}
}

func TestBoundsWithoutCapacity(t *testing.T) {
	if exactLRU([]uint32{1, 1}, 0) != 0 || belady([]uint32{1, 1}, 0) != 0 {
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
			if got, want := belady(requests, capacity), best(requests, nil, capacity); got != want {
				t.Fatalf("belady(%v, %d) = %d, the best is %d", requests, capacity, got, want)
			}
			if got, want := exactLRU(requests, capacity), naiveLRU(requests, capacity); got != want {
				t.Fatalf("exactLRU(%v, %d) = %d, want %d", requests, capacity, got, want)
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
