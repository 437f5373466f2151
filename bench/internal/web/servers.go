package web

import (
	"fmt"
	"runtime"
	"time"

	"github.com/holdfast-go/holdfast/bench/internal/proc"
	"github.com/holdfast-go/holdfast/bench/internal/run"
)

// driveRounds is how often each server is driven, for driveFor each time.
func driveRounds(e *run.Env) int { return run.Pick(e, 1, e.Rounds) }

func driveFor(e *run.Env) time.Duration { return run.Pick(e, 300*time.Millisecond, 2*time.Second) }

// warmUp is how long each server runs before, so that Node has compiled what it
// will run.
func warmUp(e *run.Env) time.Duration { return run.Pick(e, 700*time.Millisecond, 5*time.Second) }

func nodePatience(e *run.Env) time.Duration { return run.Pick(e, 15*time.Second, 2*time.Minute) }

// served is a server over loopback and the requests a second of each round.
type served struct {
	name    string
	address string
	stop    func()
	rates   []float64
}

// measureServers drives the same page under Express and under Holdfast. Without
// Node it measures nothing and says why.
func measureServers(e *run.Env) (servers []*served, skipped string, err error) {
	e.Progress.Step("npm ci")
	node, err := installNode(e.Ctx, nodePatience(e))
	if err != nil {
		return nil, err.Error(), nil
	}
	defer node.remove()

	defer func() {
		for _, s := range servers {
			s.stop()
		}
	}()
	for _, processors := range []int{runtime.GOMAXPROCS(0), 1} {
		s, err := startHoldfast(e, processors)
		if err != nil {
			return servers, "", err
		}
		servers = append(servers, s)
	}
	for _, store := range []string{"MemoryStore", "memorystore"} {
		address, stop, err := node.start(e.Ctx, store)
		if err != nil {
			return servers, "", err
		}
		servers = append(servers, &served{name: "express, " + store, address: address, stop: stop})
	}
	return servers, "", driveAll(e, servers)
}

func startHoldfast(e *run.Env, processors int) (*served, error) {
	child, err := proc.Start(e.Ctx)
	if err != nil {
		return nil, err
	}
	address, err := proc.Call[string](child, serveTask, processors)
	return &served{
		name:    fmt.Sprintf("holdfast, GOMAXPROCS %d", processors),
		address: address,
		stop:    func() { child.Close() },
	}, err
}

// driveAll warms all servers up, and then drives them in rounds.
func driveAll(e *run.Env, servers []*served) error {
	for _, s := range servers {
		e.Progress.Step("warm up " + s.name)
		if _, err := drive(e.Ctx, s.address, warmUp(e)); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	for round := range driveRounds(e) {
		for _, i := range e.Order(len(servers), round) {
			s := servers[i]
			e.Progress.Step(fmt.Sprintf("%s, round %d", s.name, round+1))
			rate, err := drive(e.Ctx, s.address, driveFor(e))
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			s.rates = append(s.rates, rate)
		}
	}
	return nil
}
