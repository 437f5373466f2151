package survive

import (
	"github.com/holdfast-go/holdfast/bench/internal/load"
	"github.com/holdfast-go/holdfast/bench/internal/peer"
	"github.com/holdfast-go/holdfast/bench/internal/proc"
	"github.com/holdfast-go/holdfast/bench/internal/trace"
	"github.com/holdfast-go/holdfast/bench/internal/traffic"
)

const (
	floodTask  = "survive.flood"
	replayTask = "survive.replay"
)

// Tasks are what a child needs to be able to do.
func Tasks() proc.Tasks {
	return proc.Tasks{
		floodTask:  proc.Handle(flood),
		replayTask: proc.Handle(replay),
	}
}

// Source is where requests come from: a trace's file or, without one, the
// traffic model.
type Source struct {
	File     string
	Requests int // of the model
	Seed     uint64
}

func (s Source) load() (trace.Trace, error) {
	if s.File != "" {
		return trace.Load(s.File)
	}
	return traffic.Default.Generate(s.Requests, s.Seed), nil
}

// Replay says what to request from a cache of which sizes.
type Replay struct {
	Peer       string
	Source     Source
	Capacities []int
}

// Hits is what came of it at one capacity.
type Hits struct {
	Held  int // sessions that the cache really holds
	Ratio float64
}

// replay requests the whole trace at each capacity. A session that is not there
// is stored, as one that has just begun.
func replay(r Replay) ([]Hits, error) {
	info, _ := peer.Find(r.Peer)
	t, err := r.Source.load()
	if err != nil {
		return nil, err
	}
	var all []Hits
	for _, capacity := range r.Capacities {
		config, held, err := limits(info, capacity, t.Lengths)
		if err != nil {
			return nil, err
		}
		p, err := info.New(config)
		if err != nil {
			return nil, err
		}
		all = append(all, Hits{held, hitRatio(p, t, config.MaxValue)})
		p.Close()
	}
	return all, nil
}

func hitRatio(p peer.Peer, t trace.Trace, maxValue int) float64 {
	value := load.Value(maxValue, 1)
	r := peer.NewReader(maxValue)
	hits := 0
	for _, session := range t.Requests {
		id := load.ID(uint64(session))
		if p.Get(id, r) {
			hits++
		} else {
			p.Set(id, value[:length(t.Lengths, int(session))])
		}
	}
	return float64(hits) / float64(len(t.Requests))
}
