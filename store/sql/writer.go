package sqlstore

import (
	"context"
	"slices"

	"github.com/holdfast-go/holdfast/tier"
)

// writer carries out all writes to an SQLite file, on one connection. So no
// write meets a lock of another one.
//
// A commit that survives a power failure waits for the disk. Writes that arrive
// meanwhile wait for the next commit, and share it (group commit). So the more
// clients write, the more writes one wait of the disk stores.
type writer struct {
	*connection
	listener tier.Listener
	check    func() error // before a write is acknowledged
	durable  bool         // the setting of synchronous
	jobs     chan *job
	quit     chan struct{}
	ended    chan struct{}
}

// job is one write. It runs in a transaction that it may share with others, and
// again if that fails. It owns the memory that it uses: its caller may have
// given up.
type job struct {
	ctx     context.Context
	id      string // of the entry that it writes, or ""
	durable bool   // it must survive a power failure
	run     func(w *writer) (effect, error)
	done    chan outcome // with room for one
}

// effect is the result of a write.
type effect struct {
	rows    int64     // changed
	current tier.Item // the entry, if a Swap has changed no row
}

type outcome struct {
	effect
	err error
}

// sharers bounds the number of writes in one transaction.
const sharers = 256

func newWriter(c *connection, l tier.Listener, check func() error) *writer {
	return &writer{
		connection: c, listener: l, check: check,
		jobs: make(chan *job), quit: make(chan struct{}), ended: make(chan struct{}),
	}
}

// do carries out a write and waits for it until ctx ends. A write that has
// begun then goes on, and the Listener is notified of it: the caller may have
// read the old value again meanwhile.
func (w *writer) do(ctx context.Context, id string, durable bool, run func(w *writer) (effect, error)) (effect, error) {
	j := &job{ctx, id, durable, run, make(chan outcome, 1)}
	select {
	case w.jobs <- j:
	case <-ctx.Done():
		return effect{}, ctx.Err()
	case <-w.quit:
		return effect{}, errClosed
	}
	select {
	case done := <-j.done:
		return done.effect, done.err
	case <-ctx.Done():
		return effect{}, ctx.Err()
	}
}

// work carries out jobs until close is called.
func (w *writer) work() {
	defer close(w.ended)
	for {
		select {
		case first := <-w.jobs:
			w.share(w.gather(first))
		case <-w.quit:
			return
		}
	}
}

// gather returns the jobs that are waiting.
func (w *writer) gather(first *job) []*job {
	all := []*job{first}
	for len(all) < sharers {
		select {
		case next := <-w.jobs:
			all = append(all, next)
		default:
			return all
		}
	}
	return all
}

// share carries out jobs in one transaction. If that fails, each gets its own,
// so that one job's fault is not another's.
func (w *writer) share(all []*job) {
	outcomes, err := w.transact(all)
	if err != nil && len(all) > 1 {
		for _, j := range all {
			w.share([]*job{j})
		}
		return
	}
	for i, j := range all {
		if err != nil {
			j.done <- outcome{err: err}
			continue
		}
		j.done <- outcomes[i]
		if j.id != "" && j.ctx.Err() != nil {
			w.listener.Changed(j.id)
		}
	}
}

func (w *writer) transact(all []*job) (outcomes []outcome, err error) {
	durable := func(j *job) bool { return j.durable }
	if err := w.setDurable(slices.ContainsFunc(all, durable)); err != nil {
		return nil, err
	}
	if _, err := w.exec("BEGIN IMMEDIATE"); err != nil {
		return nil, err
	}
	for _, j := range all {
		if j.ctx.Err() != nil {
			outcomes = append(outcomes, outcome{err: j.ctx.Err()})
			continue
		}
		done, err := j.run(w)
		if err != nil {
			return nil, w.rollback(err)
		}
		outcomes = append(outcomes, outcome{effect: done})
	}
	if _, err := w.exec("COMMIT"); err != nil {
		return nil, w.rollback(err)
	}
	return outcomes, w.check()
}

// setDurable sets whether a commit waits for the disk. A commit that waits also
// stores all earlier ones. A commit that does not wait survives the end of the
// process. It is lost in a power failure at most, and leaves the file whole.
func (w *writer) setDurable(durable bool) error {
	if durable == w.durable {
		return nil
	}
	setting := "PRAGMA synchronous = NORMAL"
	if durable {
		setting = "PRAGMA synchronous = FULL"
	}
	// SQLite carries out this pragma when it parses it, so it is not prepared.
	_, err := w.conn.ExecContext(context.Background(), setting)
	w.durable = durable && err == nil
	return err
}

// rollback ends a transaction that has failed with err, and returns err. SQLite
// has ended it already after some errors.
func (w *writer) rollback(err error) error {
	_, _ = w.exec("ROLLBACK")
	return err
}

// close waits for the jobs that have begun.
func (w *writer) close() {
	close(w.quit)
	<-w.ended
}
