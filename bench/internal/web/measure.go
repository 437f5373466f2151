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

func requests(e *run.Env) int { return run.Pick(e, 1500, 50_000) }

func seconds(e *run.Env) float64 {
	inProcess := float64(e.Rounds*len(kinds())*len(candidates())*requests(e)) * 15e-6
	return inProcess + 5 + 4*(time.Duration(driveRounds(e))*driveFor(e)+warmUp(e)).Seconds()
}

func measure(e *run.Env) (report.Section, error) {
	slices := e.Rounds * len(kinds()) * len(apps())
	e.Progress.Begin("http", seconds(e), slices+(driveRounds(e)+1)*4+1)
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
