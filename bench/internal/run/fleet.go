package run

import (
	"errors"

	"github.com/holdfast-go/holdfast/bench/internal/load"
	"github.com/holdfast-go/holdfast/bench/internal/peer"
	"github.com/holdfast-go/holdfast/bench/internal/proc"
	"github.com/holdfast-go/holdfast/bench/internal/stock"
)

// Fleet is children that hold the same sessions, a peer each. All are paused
// but the one that is being measured.
type Fleet struct {
	members []*Member
}

// Member is one child of a fleet.
type Member struct {
	Peer    peer.Info
	Receipt stock.Receipt
	child   *proc.Child
}

// Ask has the member carry out a task while it alone runs.
func Ask[R any](m *Member, task string, args any) (R, error) {
	m.child.Resume()
	defer m.child.Pause()
	return proc.Call[R](m.child, task, args)
}

// InGroups fills the peers as ordered, so many at a time as memory allows but
// always together with Holdfast, and calls measure for each such group.
// Holdfast's child is filled once and lives through all groups.
func (e *Env) InGroups(order stock.Order, measure func([]*Member) error) (err error) {
	var fleet Fleet
	defer func() { err = errors.Join(err, fleet.close()) }()

	base, err := e.launch(&fleet, e.Peers[0], order)
	if err != nil {
		return err
	}
	rivals := e.Peers[1:]
	size := e.groupSize(order)
	for {
		n := min(size, len(rivals))
		group := []*Member{base}
		for _, info := range rivals[:n] {
			m, err := e.launch(&fleet, info, order)
			if err != nil {
				return err
			}
			group = append(group, m)
		}
		rivals = rivals[n:]
		if err := measure(group); err != nil {
			return err
		}
		if len(rivals) == 0 {
			return nil
		}
		if err := fleet.shrink(1); err != nil {
			return err
		}
	}
}

// groupSize is how many peers fit into memory beside Holdfast.
func (e *Env) groupSize(order stock.Order) int {
	return int(max(1, e.Memory/childSize(order)-1))
}

// Fits reports whether so many peers, filled as ordered, fit into memory.
func (e *Env) Fits(peers int, order stock.Order) bool {
	return int64(peers)*childSize(order) <= e.Memory
}

// childSize is how much memory a filled child may come to take.
func childSize(order stock.Order) int64 {
	const (
		program     = 100 << 20
		bookkeeping = 200 // bytes a session, more than most peers take
		garbage     = 2   // the heap that GOGC=100 allows, as a multiple of what is live
	)
	session := int64(load.IDLen + order.ValueLen + bookkeeping)
	return program + garbage*session*int64(order.Sessions)
}

func (e *Env) launch(f *Fleet, info peer.Info, order stock.Order) (*Member, error) {
	e.Progress.Step("fill " + info.Name)
	child, err := proc.Start(e.Ctx)
	if err != nil {
		return nil, err
	}
	m := &Member{Peer: info, child: child}
	f.members = append(f.members, m)
	order.Peer = info.Name
	m.Receipt, err = Ask[stock.Receipt](m, stock.Task, order)
	return m, err
}

// shrink ends all children but the first n.
func (f *Fleet) shrink(n int) error {
	var errs []error
	for _, m := range f.members[n:] {
		errs = append(errs, m.child.Close())
	}
	f.members = f.members[:n]
	return errors.Join(errs...)
}

func (f *Fleet) close() error { return f.shrink(0) }
