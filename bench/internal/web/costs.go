package web

import (
	"fmt"

	"github.com/holdfast-go/holdfast/bench/internal/proc"
	"github.com/holdfast-go/holdfast/bench/internal/run"
)

// costs are what requests took, by app and kind, a cost a round.
type costs map[string]map[kind][]Cost

// measureCosts visits all apps in each round, each in a process of its own.
func measureCosts(e *run.Env) (costs, error) {
	apps := apps()
	children := make([]*proc.Child, len(apps))
	result := make(costs)
	for i, a := range apps {
		child, err := proc.Start(e.Ctx)
		if err != nil {
			return nil, err
		}
		defer child.Close()
		children[i] = child
		result[a.name] = make(map[kind][]Cost)
	}
	for _, k := range kinds() {
		for round := range e.Rounds {
			for _, i := range e.Order(len(apps), round) {
				e.Progress.Step(fmt.Sprintf("%s, %s, round %d", k, apps[i].name, round+1))
				c, err := proc.Call[Cost](children[i], costTask, Visit{apps[i].name, k, requests(e)})
				if err != nil {
					return nil, fmt.Errorf("%s: %w", apps[i].name, err)
				}
				result[apps[i].name][k] = append(result[apps[i].name][k], c)
			}
		}
	}
	return result, nil
}
