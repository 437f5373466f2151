package web

import (
	"fmt"
	"runtime"
	"time"

	"github.com/holdfast-go/holdfast/bench/internal/proc"
	"github.com/holdfast-go/holdfast/bench/internal/report"
	"github.com/holdfast-go/holdfast/bench/internal/run"
)

// Part returns the part of the benchmark that measures sessions over HTTP.
func Part() run.Part {
	return run.Part{Name: "http", Seconds: seconds, Run: measure}
}

func requests(e *run.Env) int { return run.Pick(e, 3000, 50_000) }

// rounds of the servers over loopback, each of which takes driveFor.
func driveRounds(e *run.Env) int        { return run.Pick(e, 1, e.Rounds) }
func driveFor(e *run.Env) time.Duration { return run.Pick(e, 300*time.Millisecond, 2*time.Second) }

// warmUp is how long each server runs before, so that Node has compiled what it
// will run.
func warmUp(e *run.Env) time.Duration { return run.Pick(e, 700*time.Millisecond, 5*time.Second) }

func nodePatience(e *run.Env) time.Duration { return run.Pick(e, 15*time.Second, 2*time.Minute) }

func seconds(e *run.Env) float64 {
	inProcess := float64(e.Rounds*len(kinds())*len(candidates())*requests(e)) * 15e-6
	return inProcess + 5 + 4*(time.Duration(driveRounds(e))*driveFor(e)+warmUp(e)).Seconds()
}

func measure(e *run.Env) (report.Section, error) {
	slices := e.Rounds * len(kinds()) * (len(candidates()) + len(bare()))
	e.Progress.Begin("http", seconds(e), slices+(driveRounds(e)+1)*4+1)
	costs, err := measureCosts(e)
	if err != nil {
		return report.Section{}, err
	}
	loads, skipped, err := measureServers(e)
	if err != nil {
		return report.Section{}, err
	}
	return section(e, costs, loads, skipped), nil
}

// costs are what requests took, by app and kind, a cost a round.
type costs map[string]map[kind][]Cost

// measureCosts visits all apps in each round, each in a process of its own.
func measureCosts(e *run.Env) (costs, error) {
	apps := candidates()
	for _, b := range bare() {
		apps = append(apps, b)
	}
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

// served is a server over loopback and the requests a second of each round.
type served struct {
	name    string
	address string
	rates   []float64
}

// measureServers drives the same page under Express and under Holdfast. Without
// Node it measures nothing and says why.
func measureServers(e *run.Env) (servers []served, skipped string, err error) {
	e.Progress.Step("npm ci")
	node, err := installNode(e.Ctx, nodePatience(e))
	if err != nil {
		return nil, err.Error(), nil
	}
	defer node.remove()

	for _, processors := range []int{runtime.GOMAXPROCS(0), 1} {
		child, err := proc.Start(e.Ctx)
		if err != nil {
			return nil, "", err
		}
		defer child.Close()
		address, err := proc.Call[string](child, serveTask, processors)
		if err != nil {
			return nil, "", err
		}
		servers = append(servers, served{name: fmt.Sprintf("holdfast, GOMAXPROCS %d", processors), address: address})
	}
	for _, store := range []string{"MemoryStore", "memorystore"} {
		address, stop, err := node.start(e.Ctx, store)
		if err != nil {
			return nil, "", err
		}
		defer stop()
		servers = append(servers, served{name: "express, " + store, address: address})
	}
	for _, s := range servers {
		e.Progress.Step("warm up " + s.name)
		if _, err := drive(e.Ctx, s.address, warmUp(e)); err != nil {
			return nil, "", fmt.Errorf("%s: %w", s.name, err)
		}
	}
	for round := range driveRounds(e) {
		for _, i := range e.Order(len(servers), round) {
			e.Progress.Step(fmt.Sprintf("%s, round %d", servers[i].name, round+1))
			rate, err := drive(e.Ctx, servers[i].address, driveFor(e))
			if err != nil {
				return nil, "", fmt.Errorf("%s: %w", servers[i].name, err)
			}
			servers[i].rates = append(servers[i].rates, rate)
		}
	}
	return servers, "", nil
}
