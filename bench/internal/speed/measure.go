package speed

import (
	"fmt"
	"slices"
	"time"

	"github.com/holdfast-go/holdfast/bench/internal/peer"
	"github.com/holdfast-go/holdfast/bench/internal/report"
	"github.com/holdfast-go/holdfast/bench/internal/run"
	"github.com/holdfast-go/holdfast/bench/internal/stat"
	"github.com/holdfast-go/holdfast/bench/internal/stock"
)

// ttl is long enough that nothing expires while it is measured.
const ttl = 24 * time.Hour

// Part returns the part of the benchmark that measures speed. asked, if not
// nil, is measured in place of the plan; ops, if not 0, is the number of
// operations a slice.
func Part(asked *Axes, ops int) run.Part {
	m := &measurement{asked: asked, ops: ops}
	return run.Part{Name: "speed", Seconds: m.seconds, Run: m.run}
}

// Result is one peer in one cell.
type Result struct {
	Peer  string       `json:"peer"`
	Cell  Cell         `json:"cell"`
	Nanos stat.Summary `json:"ns"`
	Ratio stat.Summary `json:"ratio"` // to Holdfast in the same rounds
	Found float64      `json:"found"`
	Kept  float64      `json:"kept"` // share of the sessions that filling kept

	Latency *Took `json:"latency,omitempty"` // of the timed cells, of the median round
}

type measurement struct {
	env     *run.Env
	asked   *Axes
	ops     int
	results []Result
	skipped []Store // for want of memory
}

// slices is how many slices the plan has, rounds included.
func (m *measurement) slices(e *run.Env) int { return len(plan(e, m.asked)) * len(e.Peers) * e.Rounds }

func (m *measurement) sliceOps(e *run.Env) int {
	if m.ops > 0 {
		return m.ops
	}
	return run.Pick(e, 20_000, 500_000)
}

// seconds counts half a microsecond for an operation and as much again for
// drawing it, and three microseconds to fill in each session, twice.
func (m *measurement) seconds(e *run.Env) float64 {
	total := 1e-6*float64(m.slices(e))*float64(m.sliceOps(e)) + 0.004*float64(m.slices(e))
	stores, _ := byStore(plan(e, m.asked))
	for _, s := range stores {
		total += float64(len(e.Peers)) * (0.1 + float64(s.Sessions)*(3e-6+float64(s.ValueLen)*2e-9))
	}
	return total
}

func (m *measurement) run(e *run.Env) (report.Section, error) {
	m.env = e
	stores, cells := byStore(plan(e, m.asked))
	e.Progress.Begin("speed", m.seconds(e), m.slices(e)+len(stores)*len(e.Peers))
	for _, store := range stores {
		order := stock.Order{Sessions: store.Sessions, ValueLen: store.ValueLen, TTL: ttl, Twice: true}
		if !e.Fits(2, order) {
			m.skipped = append(m.skipped, store)
			continue
		}
		err := e.InGroups(order, func(group []*run.Member) error {
			return m.group(group, cells[store])
		})
		if err != nil {
			return report.Section{}, err
		}
	}
	return section(e, m.results, m.skipped), nil
}

// group measures all cells on the group's peers, Holdfast the first of them.
func (m *measurement) group(group []*run.Member, cells []Cell) error {
	for _, cell := range cells {
		took := make([][]Took, len(group))
		for round := range m.env.Rounds {
			for _, i := range m.env.Order(len(group), round) {
				t, err := m.slice(group[i], cell, round)
				if err != nil {
					return err
				}
				took[i] = append(took[i], t)
			}
		}
		for i, member := range group {
			m.add(member, cell, took[i], took[0])
		}
	}
	return nil
}

func (m *measurement) slice(member *run.Member, cell Cell, round int) (Took, error) {
	m.env.Progress.Step(fmt.Sprintf("%s of %s sessions, %s, round %d", cell.Op, report.Count(cell.Store.Sessions), member.Peer.Name, round+1))
	took, err := run.Ask[Took](member, sliceTask, Slice{
		Op:           cell.Op,
		Distribution: cell.Distribution,
		Goroutines:   cell.Goroutines,
		Ops:          m.sliceOps(m.env),
		Seed:         m.env.Seed + uint64(round)<<32,
		Timed:        cell.Timed,
	})
	if err != nil {
		return took, fmt.Errorf("%s: %w", member.Peer.Name, err)
	}
	return took, nil
}

// add keeps the outcome of one peer in one cell. Holdfast is measured anew in
// each group, as the others' partner, but listed once.
func (m *measurement) add(member *run.Member, cell Cell, took, base []Took) {
	isListed := func(r Result) bool { return r.Peer == member.Peer.Name && r.Cell == cell }
	if member.Peer.Name == peer.Holdfast && slices.ContainsFunc(m.results, isListed) {
		return
	}
	r := Result{
		Peer:  member.Peer.Name,
		Cell:  cell,
		Nanos: stat.Summarize(nanos(took)),
		Ratio: stat.Ratios(nanos(took), nanos(base)),
		Found: took[0].Found,
		Kept:  float64(member.Receipt.Kept) / float64(cell.Store.Sessions),
	}
	if cell.Timed {
		latency := medianLatency(took)
		r.Latency = &latency
	}
	m.results = append(m.results, r)
}

func nanos(took []Took) []float64 {
	var ns []float64
	for _, t := range took {
		ns = append(ns, t.Nanos)
	}
	return ns
}

// medianLatency takes each quantile's median over the rounds, but the maximum
// over all of them.
func medianLatency(took []Took) Took {
	median := func(of func(Took) time.Duration) time.Duration {
		var sample []float64
		for _, t := range took {
			sample = append(sample, float64(of(t)))
		}
		return time.Duration(stat.Summarize(sample).Median)
	}
	result := Took{
		P50:   median(func(t Took) time.Duration { return t.P50 }),
		P99:   median(func(t Took) time.Duration { return t.P99 }),
		P999:  median(func(t Took) time.Duration { return t.P999 }),
		Clock: median(func(t Took) time.Duration { return t.Clock }),
	}
	for _, t := range took {
		result.Max = max(result.Max, t.Max)
	}
	return result
}
