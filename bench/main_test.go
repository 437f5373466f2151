package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/holdfast-go/holdfast/bench/internal/machine"
	"github.com/holdfast-go/holdfast/bench/internal/proc"
	"github.com/holdfast-go/holdfast/bench/internal/progress"
)

// The test program is its own child, as the benchmark program is.
func TestMain(m *testing.M) {
	if proc.IsChild() {
		if err := serve(); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// The parts that need no Node, on two peers, from the flags to the report.
func TestMeasure(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	s, err := parse([]string{"-quick", "-rounds", "1", "-slice", "1000", "-peers", "phuslu,xsync.Map", "-only", "speed,gc"})
	if err != nil {
		t.Fatal(err)
	}
	e := s.env(context.Background())
	e.Progress = progress.New(io.Discard, false)
	r, err := measure(e, s.parts())
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	r.Terminal(&out)
	for _, want := range []string{"SPEED", "GARBAGE COLLECTION", "holdfast", "phuslu", "xsync.Map"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, out.String())
		}
	}
}

// The report must not tell on whose machine it was made.
func TestFactsNameNoHost(t *testing.T) {
	host, err := os.Hostname()
	if err != nil {
		t.Skip(err)
	}
	s, err := parse(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range facts(s.env(context.Background())) {
		if f.Value == "" || strings.Contains(f.Value, host) {
			t.Errorf("%s: %q", f.Name, f.Value)
		}
	}
	if machine.Memory() < 1<<28 {
		t.Errorf("the machine has %d bytes of memory", machine.Memory())
	}
}
