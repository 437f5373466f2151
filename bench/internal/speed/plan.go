package speed

import (
	"runtime"
	"slices"

	"github.com/holdfast-go/holdfast/bench/internal/load"
	"github.com/holdfast-go/holdfast/bench/internal/run"
)

// Store is how much a peer holds while it is measured.
type Store struct {
	Sessions int `json:"sessions"`
	ValueLen int `json:"value_bytes"`
}

// Cell is one combination that is measured.
type Cell struct {
	Store        Store             `json:"store"`
	Op           Op                `json:"op"`
	Distribution load.Distribution `json:"distribution"`
	Goroutines   int               `json:"goroutines"`
	Timed        bool              `json:"timed,omitempty"`
}

// Axes are the values that are combined. Not all of them with all: a plan
// starts at the centre and varies one axis at a time.
type Axes struct {
	Stores        []Store
	Ops           []Op
	Distributions []load.Distribution
	Goroutines    []int
}

var (
	centreStore  = Store{1_000_000, 256}
	quickStore   = Store{20_000, 256}
	essentialOps = []Op{Get, Mixed, Set}
	timedOps     = []Op{Get, Set}
)

// AllOps returns all operations.
func AllOps() []Op { return []Op{Get, Mixed, Set, Touch, Absent} }

// plan returns the cells of the run: those asked for, all combined, or the
// centre and what lies along each axis from it.
func plan(e *run.Env, asked *Axes) []Cell {
	if asked != nil {
		return asked.all()
	}
	procs := runtime.GOMAXPROCS(0)
	centre := Axes{
		Stores:        []Store{run.Pick(e, quickStore, centreStore)},
		Ops:           AllOps(),
		Distributions: []load.Distribution{load.Zipf},
		Goroutines:    []int{procs},
	}
	cells := centre.all()
	for _, op := range timedOps {
		cells = append(cells, Cell{centre.Stores[0], op, load.Zipf, procs, true})
	}
	if e.Quick {
		return cells
	}

	along := centre
	along.Ops = essentialOps
	goroutines, distributions, stores := along, along, along
	goroutines.Goroutines = otherThan(procs, []int{1, procs, 2 * procs, 4 * procs})
	distributions.Distributions = []load.Distribution{load.Uniform}
	stores.Stores = []Store{{10_000, 256}, {8_000_000, 256}, {1_000_000, 64}, {1_000_000, 4096}}
	return slices.Concat(cells, goroutines.all(), distributions.all(), stores.all())
}

// all returns every combination.
func (a Axes) all() []Cell {
	var cells []Cell
	for _, store := range a.Stores {
		for _, goroutines := range a.Goroutines {
			for _, distribution := range a.Distributions {
				for _, op := range a.Ops {
					cells = append(cells, Cell{store, op, distribution, goroutines, false})
				}
			}
		}
	}
	return cells
}

// otherThan returns the distinct values but not v.
func otherThan(v int, values []int) []int {
	slices.Sort(values)
	values = slices.Compact(values)
	return slices.DeleteFunc(values, func(x int) bool { return x == v })
}

// byStore returns the cells of each store, in the order of their first one.
func byStore(cells []Cell) ([]Store, map[Store][]Cell) {
	var stores []Store
	of := make(map[Store][]Cell)
	for _, c := range cells {
		if of[c.Store] == nil {
			stores = append(stores, c.Store)
		}
		of[c.Store] = append(of[c.Store], c)
	}
	return stores, of
}
