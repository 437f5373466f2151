package main

import (
	"slices"

	"github.com/holdfast-go/holdfast/bench/internal/gc"
	"github.com/holdfast-go/holdfast/bench/internal/memory"
	"github.com/holdfast-go/holdfast/bench/internal/run"
	"github.com/holdfast-go/holdfast/bench/internal/speed"
	"github.com/holdfast-go/holdfast/bench/internal/survive"
	"github.com/holdfast-go/holdfast/bench/internal/web"
)

// allParts returns the parts in the order in which they run.
func (s settings) allParts() []run.Part {
	return []run.Part{
		speed.Part(s.cells, s.ops),
		memory.Part(),
		gc.Part(),
		survive.Part(s.traces),
		web.Part(),
	}
}

// parts returns the parts asked for.
func (s settings) parts() []run.Part {
	if s.only == nil {
		return s.allParts()
	}
	return slices.DeleteFunc(s.allParts(), func(p run.Part) bool { return !slices.Contains(s.only, p.Name) })
}

func partNames() []string {
	var names []string
	for _, p := range (settings{}).allParts() {
		names = append(names, p.Name)
	}
	return names
}

// knownParts checks the names of parts.
func knownParts(names []string) ([]string, error) { return choose(names, partNames()) }
