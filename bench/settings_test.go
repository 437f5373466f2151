package main

import (
	"errors"
	"flag"
	"slices"
	"testing"

	"github.com/holdfast-go/holdfast/bench/internal/load"
	"github.com/holdfast-go/holdfast/bench/internal/peer"
	"github.com/holdfast-go/holdfast/bench/internal/speed"
)

func TestParseDefaults(t *testing.T) {
	s, err := parse(nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.peers) != len(peer.All()) || s.rounds != 3 || s.memory <= 0 || s.cells != nil {
		t.Errorf("without flags: %+v", s)
	}
	if got := len(s.parts()); got != len(partNames()) {
		t.Errorf("without flags %d parts run, want all", got)
	}
}

func TestParseSelects(t *testing.T) {
	s, err := parse([]string{
		"-quick", "-only", "gc,speed", "-peers", "otter", "-sessions", "10k,8M",
		"-values", "64", "-goroutines", "1", "-dist", "uniform", "-ops", "get,90/10",
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.peers) != 2 || s.peers[0].Name != peer.Holdfast || s.peers[1].Name != "otter" {
		t.Errorf("peers: %v", s.peers)
	}
	if parts := s.parts(); len(parts) != 2 || parts[0].Name != "speed" || parts[1].Name != "gc" {
		t.Errorf("parts: %v, want speed and gc in the order of the run", parts)
	}
	want := speed.Axes{
		Stores:        []speed.Store{{Sessions: 10_000, ValueLen: 64}, {Sessions: 8_000_000, ValueLen: 64}},
		Ops:           []speed.Op{speed.Get, speed.Mixed},
		Distributions: []load.Distribution{load.Uniform},
		Goroutines:    []int{1},
	}
	if !slices.Equal(s.cells.Stores, want.Stores) || !slices.Equal(s.cells.Ops, want.Ops) ||
		!slices.Equal(s.cells.Distributions, want.Distributions) || !slices.Equal(s.cells.Goroutines, want.Goroutines) {
		t.Errorf("cells: %+v, want %+v", *s.cells, want)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, args := range [][]string{
		{"-only", "everything"}, {"-peers", "nobody"}, {"-sessions", "many"}, {"-sessions", "0"},
		{"-goroutines", "-1"}, {"-dist", "normal"}, {"-ops", "delete"}, {"-values", "1G"}, {"-rounds", "0"},
	} {
		if _, err := parse(args); err == nil || errors.Is(err, flag.ErrHelp) {
			t.Errorf("%v gave the error %v", args, err)
		}
	}
}
