package web

import (
	"fmt"

	"github.com/holdfast-go/holdfast/bench/internal/proc"
	"github.com/holdfast-go/holdfast/bench/internal/run"
	"github.com/holdfast-go/holdfast/bench/internal/stat"
)

// costs are what requests took, one after the other.
type costs map[request][]Cost

// request is a kind of request to one of the apps.
type request struct {
	app  string
	kind kind
}

// passes is how often each app is visited in a round. A burst of noise that
// spoils one visit does not move the median.
func passes(e *run.Env) int { return run.Pick(e, 1, 5) }

// measureCosts visits all apps in each round, each in a process of its own that
// is started anew. It returns what the candidates cost beyond the bare handler, a
// cost a round.
func measureCosts(e *run.Env) (costs, error) {
	result := make(costs)
	for round := range e.Rounds {
		visits, err := visitAll(e, round)
		if err != nil {
			return nil, err
		}
		for _, a := range candidates() {
			for _, k := range kinds() {
				r := request{a.name, k}
				result[r] = append(result[r], beyond(visits[r], visits[request{bare(a.framework).name, k}]))
			}
		}
	}
	return result, nil
}

// visitAll returns the costs of a round, a cost a pass.
func visitAll(e *run.Env, round int) (costs, error) {
	apps := apps()
	children := make([]*proc.Child, len(apps))
	result := make(costs)
	for i := range apps {
		child, err := proc.Start(e.Ctx)
		if err != nil {
			return nil, err
		}
		defer child.Close()
		children[i] = child
	}
	for pass := range passes(e) {
		for _, k := range kinds() {
			for _, i := range e.Order(len(apps), round*passes(e)+pass) {
				name := apps[i].name
				e.Progress.Step(fmt.Sprintf("%s, %s, round %d", k, name, round+1))
				c, err := proc.Call[Cost](children[i], costTask, Visit{name, k, visitFor(e)})
				if err != nil {
					return nil, fmt.Errorf("%s: %w", name, err)
				}
				r := request{name, k}
				result[r] = append(result[r], c)
			}
		}
	}
	return result, nil
}

// beyond is what an app costs more than the bare one in the same pass, the
// median of the passes.
func beyond(app, bare []Cost) Cost {
	median := func(figure func(Cost) float64) float64 {
		var sample []float64
		for pass := range app {
			sample = append(sample, figure(app[pass])-figure(bare[pass]))
		}
		return stat.Median(sample)
	}
	return Cost{median(nanos), median(bytes), median(allocs)}
}
