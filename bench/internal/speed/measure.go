package speed

import (
	"fmt"
	"time"

	"github.com/holdfast-go/holdfast/bench/internal/report"
	"github.com/holdfast-go/holdfast/bench/internal/run"
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

type measurement struct {
	env     *run.Env
	asked   *Axes
	ops     int
	results results
	skipped []Store // for want of memory
}

// rounds is how often the caches of a store are started, filled and measured.
func rounds(e *run.Env, s Store) int {
	if s.Sessions > centreStore.Sessions {
		return e.LongRounds()
	}
	return e.Rounds
}

// passes is how many slices of a cell there are in a round. A burst of noise
// that spoils one of them does not move their median.
func passes(e *run.Env) int { return run.Pick(e, 1, 3) }

// slices is how many slices are made of that store's cells.
func (m *measurement) slices(e *run.Env, s Store, cells []Cell) int {
	return rounds(e, s) * passes(e) * len(cells) * len(e.Peers)
}

func (m *measurement) sliceOps(e *run.Env) int {
	if m.ops > 0 {
		return m.ops
	}
	return run.Pick(e, 20_000, 300_000)
}

// seconds counts half a microsecond for an operation and as much again for
// drawing it, and three microseconds to fill in each session, twice.
func (m *measurement) seconds(e *run.Env) float64 {
	total := 0.0
	stores, cells := byStore(plan(e, m.asked))
	for _, s := range stores {
		slice := 1e-6*float64(m.sliceOps(e)) + 0.004
		fill := 0.1 + float64(s.Sessions)*(3e-6+float64(s.ValueLen)*2e-9)
		total += slice*float64(m.slices(e, s, cells[s])) + fill*float64(rounds(e, s)*len(e.Peers))
	}
	return total
}

func (m *measurement) steps(e *run.Env, stores []Store, cells map[Store][]Cell) int {
	n := 0
	for _, s := range stores {
		n += m.slices(e, s, cells[s]) + rounds(e, s)*len(e.Peers)
	}
	return n
}

func (m *measurement) run(e *run.Env) (report.Section, error) {
	m.env = e
	stores, cells := byStore(plan(e, m.asked))
	e.Progress.Begin("speed", m.seconds(e), m.steps(e, stores, cells))
	for _, store := range stores {
		order := stock.Order{Sessions: store.Sessions, ValueLen: store.ValueLen, TTL: ttl, Twice: true}
		if !e.Fits(2, order) {
			m.skipped = append(m.skipped, store)
			continue
		}
		for round := range rounds(e, store) {
			err := e.InGroups(order, func(group []*run.Member) error {
				return m.group(group, cells[store], round)
			})
			if err != nil {
				return report.Section{}, err
			}
		}
	}
	return section(e, m.results.all(), m.skipped), nil
}

// group measures one round of all cells on the group's peers, Holdfast the
// first of them.
func (m *measurement) group(group []*run.Member, cells []Cell, round int) error {
	took := make(map[Cell][][]Took)
	for _, cell := range cells {
		took[cell] = make([][]Took, len(group))
	}
	for pass := range passes(m.env) {
		for _, cell := range cells {
			for _, i := range m.env.Order(len(group), round*passes(m.env)+pass) {
				t, err := m.slice(group[i], cell, round, pass)
				if err != nil {
					return err
				}
				took[cell][i] = append(took[cell][i], t)
			}
		}
	}
	for _, cell := range cells {
		for i, member := range group {
			m.results.add(member, cell, round, took[cell][i], took[cell][0])
		}
	}
	return nil
}

func (m *measurement) slice(member *run.Member, cell Cell, round, pass int) (Took, error) {
	m.env.Progress.Step(fmt.Sprintf("%s of %s sessions, %s, round %d", cell.Op, report.Count(cell.Store.Sessions), member.Peer.Name, round+1))
	took, err := run.Ask[Took](member, sliceTask, Slice{
		Op:           cell.Op,
		Distribution: cell.Distribution,
		Goroutines:   cell.Goroutines,
		Ops:          m.sliceOps(m.env),
		Seed:         m.env.Seed + uint64(round)<<32 + uint64(pass)<<48,
		Timed:        cell.Timed,
	})
	if err != nil {
		return took, fmt.Errorf("%s: %w", member.Peer.Name, err)
	}
	return took, nil
}
