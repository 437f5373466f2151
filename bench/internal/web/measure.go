package web

import (
	"time"

	"github.com/holdfast-go/holdfast/bench/internal/report"
	"github.com/holdfast-go/holdfast/bench/internal/run"
)

// Part returns the part of the benchmark that measures sessions over HTTP.
func Part() run.Part {
	return run.Part{Name: "http", Seconds: seconds, Run: measure}
}

func requests(e *run.Env) int { return run.Pick(e, 1500, 20_000) }

// visitsOf is how many visits there are.
func visitsOf(e *run.Env) int { return e.Rounds * passes(e) * len(kinds()) * len(apps()) }

func seconds(e *run.Env) float64 {
	inProcess := float64(visitsOf(e)*requests(e)) * 12e-6
	return inProcess + 5 + 4*(time.Duration(driveRounds(e))*driveFor(e)+warmUp(e)).Seconds()
}

func measure(e *run.Env) (report.Section, error) {
	e.Progress.Begin("http", seconds(e), visitsOf(e)+(driveRounds(e)+1)*4+1)
	costs, err := measureCosts(e)
	if err != nil {
		return report.Section{}, err
	}
	servers, skipped, err := measureServers(e)
	if err != nil {
		return report.Section{}, err
	}
	return section(e, costs, servers, skipped), nil
}
