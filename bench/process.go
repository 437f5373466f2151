package main

import (
	"context"
	"encoding/gob"
	"fmt"
	"io"
	"net/rpc"
	"os"
	"os/exec"
	"runtime/debug"
)

// Each cache is measured in a child process, with a heap, a garbage collector
// and a resident set of its own. A child is this same program. It carries out
// the measurements that it receives on its standard input, and answers on its
// standard output. It ends with its input, so it can keep a filled cache while
// other children are measured.

// measurement is a task for a child. It fails by check or must.
type measurement interface{ measure(c *child) figures }

// failure is the panic of check. Measurements and parts fail by it, and attempt
// turns it into an error.
type failure struct{ error }

func check(err error) {
	if err != nil {
		panic(failure{err})
	}
}

func must[T any](v T, err error) T {
	check(err)
	return v
}

func attempt[T any](f func() T) (result T, err error) {
	defer func() {
		switch failed := recover().(type) {
		case nil:
		case failure:
			err = failed.error
		default:
			panic(failed)
		}
	}()
	return f(), nil
}

// child is the state that a child keeps from one measurement to the next.
type child struct {
	peer    peer
	empty   int64 // the resident set before
	workers []*worker
	app     app
	cookie  string // of a login
	ballast []byte
}

func init() {
	for _, m := range []measurement{fill{}, accesses{}, pressure{}, remainder{}, collecting{}, flood{}, replay{}, visit{}, viewServer{}, appServer{}, sharing{}, executed{}} {
		gob.Register(m)
	}
}

// childEnv is the environment variable that makes a process a child.
const childEnv = "HOLDFAST_BENCH_CHILD"

func isChild() bool { return os.Getenv(childEnv) != "" }

// serve carries out measurements until the standard input ends.
func serve() error {
	server := rpc.NewServer()
	err := server.RegisterName("child", new(child))
	answers := os.Stdout
	os.Stdout = os.Stderr // the output of a library must not mix with them
	server.ServeConn(pipes{os.Stdin, answers})
	return err
}

// Measure carries out m, a measurement, for a client of net/rpc.
func (c *child) Measure(m any, result *figures) (err error) {
	*result, err = attempt(func() figures { return m.(measurement).measure(c) })
	return err
}

type pipes struct {
	io.Reader
	io.WriteCloser
}

// process is a running child. It is not safe for concurrent use.
type process struct {
	name string
	cmd  *exec.Cmd
	rpc  *rpc.Client

	// pauses stops the child between its measurements: background work of one
	// cache must not slow down the measurement of another.
	pauses bool
}

// start starts a child. It ends with close or with ctx.
func start(ctx context.Context, name string) *process {
	cmd := exec.CommandContext(ctx, must(os.Executable()))
	cmd.Env = append(os.Environ(), childEnv+"=1")
	cmd.Stderr = os.Stderr
	endWithParent(cmd)
	child := pipes{must(cmd.StdoutPipe()), must(cmd.StdinPipe())}
	check(cmd.Start())
	return &process{name: name, cmd: cmd, rpc: rpc.NewClient(child)}
}

// run has the child carry out a measurement, and returns its figures. It closes
// a child that fails.
func (p *process) run(m any) (f figures) {
	if p.pauses {
		resume(p.cmd.Process)
		defer pause(p.cmd.Process)
	}
	if err := p.rpc.Call("child.Measure", &m, &f); err != nil {
		p.close()
		check(fmt.Errorf("%T%+v: %w", m, m, err))
	}
	return f
}

// close kills the child, paused or not, and waits until its memory is free. It
// does not wait for the cache to close, which may take long.
func (p *process) close() {
	p.rpc.Close()
	p.cmd.Process.Kill()
	p.cmd.Wait()
}

// startAll starts children, which stop closes.
func (b *bench) startAll(names []string) (children []*process, stop func()) {
	for _, name := range names {
		children = append(children, start(b.ctx, name))
	}
	return children, func() {
		for _, child := range children {
			child.close()
		}
	}
}

// eachPeer carries out a measurement of the peers in rounds, each in a new
// child, and adds their figures to s, with the prefix before each name. The
// order of the peers is random.
func (b *bench) eachPeer(peers []string, s samples, rounds int, prefix string, of func(peer string) measurement) {
	for round := range rounds {
		for _, i := range b.order(len(peers), round) {
			peer := peers[i]
			b.step("%s%s, round %d", prefix, peer, round+1)
			child := start(b.ctx, peer)
			s.addAll(peer, prefix, child.run(of(peer)))
			child.close()
		}
	}
}

// inPasses carries out the named measurements on all children in the passes of
// a round, and returns their figures as "name: figure". The order of the
// children is random. A nil measurement is skipped. The median of the passes
// survives a burst of noise in one of them.
func (b *bench) inPasses(children []*process, round, passes int, names []string, of func(i, pass int, child string) measurement) samples {
	took := samples{}
	for pass := range passes {
		for n, name := range names {
			for _, i := range b.order(len(children), round*passes+pass) {
				child := children[i]
				b.step("%s, %s, round %d", name, child.name, round+1)
				if m := of(n, pass, child.name); m != nil {
					took.addAll(child.name, name+": ", child.run(m))
				}
			}
		}
	}
	return took
}

// settled returns the resident set after all garbage has been returned to the
// system.
func settled() int64 {
	debug.FreeOSMemory()
	return resident()
}
