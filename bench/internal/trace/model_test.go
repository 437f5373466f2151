package trace

import (
	"math"
	"slices"
	"testing"
)

func TestModelRepeatsItself(t *testing.T) {
	a, b := Site.Generate(10_000, 1), Site.Generate(10_000, 1)
	if !slices.Equal(a.Requests, b.Requests) || !slices.Equal(a.Lengths, b.Lengths) {
		t.Error("the same seed made other traffic")
	}
	if c := Site.Generate(10_000, 2); slices.Equal(a.Requests, c.Requests) {
		t.Error("another seed made the same traffic")
	}
}

func TestModelNumbersSessionsInOrder(t *testing.T) {
	got := Site.Generate(10_000, 1)
	if len(got.Requests) != 10_000 || len(got.Lengths) != got.Objects {
		t.Fatalf("%d requests and %d lengths of %d sessions", len(got.Requests), len(got.Lengths), got.Objects)
	}
	check(t, got, nil)
	for _, n := range got.Lengths {
		if n < MinLength || n > MaxLength {
			t.Fatalf("a value has %d bytes", n)
		}
	}
}

// With nobody but once-only visitors, each request is a session.
func TestModelOnceOnlyVisitors(t *testing.T) {
	m := Site
	m.OnceOnly = 1
	if got := m.Generate(1000, 1); got.Objects != 1000 {
		t.Errorf("1000 once-only visitors had %d sessions", got.Objects)
	}
}

func TestModelClicks(t *testing.T) {
	m := Site
	m.OnceOnly, m.Visits, m.Clicks, m.NewVisitors = 0, 1.0000001, 6, 1e-6 // one visitor after the other
	got := m.Generate(120_000, 1)
	if clicks := 120_000 / float64(got.Objects); math.Abs(clicks-6) > 0.3 {
		t.Errorf("a visit has %.2f clicks on average, want 6", clicks)
	}
}
