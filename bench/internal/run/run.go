// Package run is what the parts of the benchmark share on the side of the
// parent: which peers to measure, how thoroughly, and how to start them.
package run

import (
	"context"
	"math/rand/v2"

	"github.com/holdfast-go/holdfast/bench/internal/peer"
	"github.com/holdfast-go/holdfast/bench/internal/proc"
	"github.com/holdfast-go/holdfast/bench/internal/progress"
	"github.com/holdfast-go/holdfast/bench/internal/report"
)

// Env is the surroundings of a run.
type Env struct {
	Ctx      context.Context
	Peers    []peer.Info // Holdfast first
	Quick    bool        // small cells and few rounds, to see that all works
	Rounds   int
	Seed     uint64
	Memory   int64 // bytes that the caches of one moment may take together
	Progress *progress.Line
}

// Part is one part of the benchmark, which becomes one section of the report.
type Part struct {
	Name string

	// Seconds is about how long the part takes.
	Seconds func(*Env) float64

	Run func(*Env) (report.Section, error)
}

// Pick returns the one for a quick run or the one for a full run.
func Pick[T any](e *Env, quick, full T) T {
	if e.Quick {
		return quick
	}
	return full
}

// LongRounds is how often is measured what takes minutes: in one round of two,
// in a quick run once.
func (e *Env) LongRounds() int { return Pick(e, 1, (e.Rounds+1)/2) }

// Order returns the numbers below n in the random order of that round, the same
// in each run of the same seed.
func (e *Env) Order(n, round int) []int {
	return rand.New(rand.NewPCG(e.Seed, uint64(round))).Perm(n)
}

// Alone starts a child, has f talk to it, and ends it.
func (e *Env) Alone(f func(*proc.Child) error) error {
	child, err := proc.Start(e.Ctx)
	if err != nil {
		return err
	}
	defer child.Close()
	return f(child)
}
