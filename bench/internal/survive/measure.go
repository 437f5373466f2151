package survive

import (
	"fmt"
	"path/filepath"

	"github.com/holdfast-go/holdfast/bench/internal/policy"
	"github.com/holdfast-go/holdfast/bench/internal/proc"
	"github.com/holdfast-go/holdfast/bench/internal/report"
	"github.com/holdfast-go/holdfast/bench/internal/run"
	"github.com/holdfast-go/holdfast/bench/internal/trace"
)

// Part returns the part of the benchmark that measures who survives. The trace
// files are replayed besides the model's traffic.
func Part(files []string) run.Part {
	m := measurement{files: files}
	return run.Part{Name: "survival", Seconds: m.seconds, Run: m.run}
}

type measurement struct{ files []string }

// The sizes of caches, as shares of all sessions that the requests are for.
func shares(e *run.Env) []float64 {
	return run.Pick(e, []float64{0.05, 0.25}, []float64{0.0025, 0.01, 0.025, 0.1, 0.25})
}

// requests is how many the traffic model makes.
func requests(e *run.Env) int { return run.Pick(e, 20_000, 2_000_000) }

func floods() []int { return []int{1, 10, 100} }

func floodCapacity(e *run.Env) int { return run.Pick(e, 1000, 120_000) }

func (m measurement) sources(e *run.Env) []Source {
	sources := []Source{{Requests: requests(e), Seed: e.Seed}}
	for _, file := range m.files {
		sources = append(sources, Source{File: file})
	}
	return sources
}

func (m measurement) seconds(e *run.Env) float64 {
	each := 0.15 + 130e-6*float64(floodCapacity(e))
	replays := float64(len(shares(e))*requests(e)) * 1.2e-6
	return float64(len(e.Peers)) * (each + float64(1+len(m.files))*replays)
}

func (m measurement) run(e *run.Env) (report.Section, error) {
	sources := m.sources(e)
	e.Progress.Begin("survival", m.seconds(e), (1+len(sources))*len(e.Peers))
	s := report.Section{Title: "Who survives", Intro: intro}
	losses, err := runFloods(e)
	if err != nil {
		return s, err
	}
	s.Tables = append(s.Tables, floodTable(e, losses))
	s.Rivals = floodRivals(e, losses)
	for _, source := range sources {
		c, err := runReplays(e, source)
		if err != nil {
			return s, err
		}
		s.Tables = append(s.Tables, c.table())
		s.Charts = append(s.Charts, c.chart())
		s.Rivals = append(s.Rivals, c.rivals()...)
	}
	return s, nil
}

func runFloods(e *run.Env) ([]Losses, error) {
	losses := make([]Losses, len(e.Peers))
	for i, info := range e.Peers {
		e.Progress.Step("flood, " + info.Name)
		err := e.Alone(func(c *proc.Child) (err error) {
			losses[i], err = proc.Call[Losses](c, floodTask, Flood{info.Name, floodCapacity(e), floods()})
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", info.Name, err)
		}
	}
	return losses, nil
}

// comparison is the replays of one source, beside the bounds.
type comparison struct {
	env        *run.Env
	name       string
	trace      trace.Trace
	capacities []int
	peers      [][]Hits // by peer, by capacity
	lru, best  []float64
}

func runReplays(e *run.Env, source Source) (*comparison, error) {
	t, err := source.load()
	if err != nil {
		return nil, err
	}
	c := &comparison{env: e, name: "session traffic", trace: t, peers: make([][]Hits, len(e.Peers))}
	if source.File != "" {
		c.name = filepath.Base(source.File)
	}
	for _, share := range shares(e) {
		c.capacities = append(c.capacities, max(1, int(share*float64(t.Objects))))
	}
	for i, info := range e.Peers {
		e.Progress.Step(fmt.Sprintf("%s, %s", c.name, info.Name))
		err := e.Alone(func(child *proc.Child) (err error) {
			c.peers[i], err = proc.Call[[]Hits](child, replayTask, Replay{info.Name, source, c.capacities})
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", info.Name, err)
		}
	}
	for _, capacity := range c.capacities {
		requests := float64(len(t.Requests))
		c.lru = append(c.lru, float64(policy.LRU(t.Requests, capacity))/requests)
		c.best = append(c.best, float64(policy.Belady(t.Requests, capacity))/requests)
	}
	return c, nil
}
