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

// visitFor is how long each app is asked for a page. Were it a number of requests
// instead, the fastest would be done before its heap is collected, or just after.
func visitFor(e *run.Env) time.Duration {
	return run.Pick(e, 20*time.Millisecond, 200*time.Millisecond)
}

// visitsOf is how many visits there are.
func visitsOf(e *run.Env) int { return e.Rounds * passes(e) * len(kinds()) * len(apps()) }

func seconds(e *run.Env) float64 {
	return 5 + (time.Duration(visitsOf(e)) * visitFor(e)).Seconds() + 4*(time.Duration(driveRounds(e))*driveFor(e)+warmUp(e)).Seconds()
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
