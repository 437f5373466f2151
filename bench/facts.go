package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"

	"github.com/holdfast-go/holdfast/bench/internal/machine"
	"github.com/holdfast-go/holdfast/bench/internal/peer"
	"github.com/holdfast-go/holdfast/bench/internal/report"
	"github.com/holdfast-go/holdfast/bench/internal/run"
	"github.com/holdfast-go/holdfast/bench/internal/web"
)

// facts are what a reader needs to judge the figures. They name no host and no
// path.
func facts(e *run.Env) []report.Fact {
	kind := "full"
	if e.Quick {
		kind = "quick: too short for figures to quote"
	}
	return []report.Fact{
		{Name: "processor", Value: fmt.Sprintf("%s, %d cores, GOMAXPROCS %d", machine.Processor(), runtime.NumCPU(), runtime.GOMAXPROCS(0))},
		{Name: "memory", Value: report.Size(machine.Memory())},
		{Name: "system", Value: machine.System()},
		{Name: "go", Value: runtime.Version()},
		{Name: "run", Value: fmt.Sprintf("%s; %d rounds, seed %d", kind, e.Rounds, e.Seed)},
	}
}

// versions returns the version of each peer's module, and of the other modules
// that are measured.
func versions(peers []peer.Info) []report.Fact {
	built, ok := debug.ReadBuildInfo()
	if !ok {
		return nil
	}
	version := map[string]string{"std": runtime.Version()}
	for _, m := range append(built.Deps, &built.Main) {
		version[m.Path] = m.Version
	}
	var paths []string
	for _, p := range peers {
		paths = append(paths, p.Module)
	}
	var facts []report.Fact
	for _, path := range append(paths, web.Modules()...) {
		fact := report.Fact{Name: path, Value: version[path]}
		if !slices.Contains(facts, fact) {
			facts = append(facts, fact)
		}
	}
	return facts
}
