package main

import (
	"math"
	"slices"
	"testing"
)

func TestModelRepeatsItself(t *testing.T) {
	a, b := site.generate(10_000, 1), site.generate(10_000, 1)
	if !slices.Equal(a.requests, b.requests) {
		t.Error("the same seed made other traffic")
	}
	if c := site.generate(10_000, 2); slices.Equal(a.requests, c.requests) {
		t.Error("another seed made the same traffic")
	}
}

func TestModelNumbersSessionsInOrder(t *testing.T) {
	got := site.generate(10_000, 1)
	if len(got.requests) != 10_000 {
		t.Fatalf("%d requests", len(got.requests))
	}
	checkNumbers(t, got, nil)
}

// With nobody but once-only visitors, each request is a session.
func TestModelOnceOnlyVisitors(t *testing.T) {
	m := site
	m.onceOnly = 1
	if got := m.generate(1000, 1); got.objects != 1000 {
		t.Errorf("1000 once-only visitors had %d sessions", got.objects)
	}
}

func TestModelClicks(t *testing.T) {
	m := site
	m.onceOnly, m.visits, m.clicks, m.newVisitors = 0, 1.0000001, 6, 1e-6 // one visitor after the other
	got := m.generate(120_000, 1)
	if clicks := 120_000 / float64(got.objects); math.Abs(clicks-6) > 0.3 {
		t.Errorf("a visit has %.2f clicks on average, want 6", clicks)
	}
}
