package main

import (
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
)

// Each cache is measured in a child process, with a heap, a garbage collector
// and a resident set of its own. A child is this same program. It reads
// measurements from its standard input, carries them out one after the other,
// and writes their figures to its standard output, both as gobs. It ends with
// its input, so it can keep a filled cache while other children are measured.

// measurement is a task for a child.
type measurement interface {
	// measure panics if it fails.
	measure(c *child) figures
}

// must returns v, or panics with err. The code of measurements and of parts
// fails by a panic, which attempt turns into an error.
func must[T any](v T, err error) T {
	check(err)
	return v
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// attempt calls f, and returns the error that f panics with. An error of the
// runtime still ends the process with a stack trace.
func attempt[T any](f func() T) (result T, err error) {
	defer func() {
		switch failed := recover().(type) {
		case nil:
		case runtime.Error:
			panic(failed)
		case error:
			err = failed
		default:
			panic(failed)
		}
	}()
	return f(), nil
}

// child is the state that a child keeps from one measurement to the next.
type child struct {
	peer    peer // and how it was filled
	filled  fill
	workers []*worker
	apps    map[string]visited
	ballast []byte
}

type answer struct {
	Figures figures
	Err     string
}

func init() {
	for _, m := range []measurement{fill{}, accesses{}, brim{}, pressure{}, expiry{}, collecting{}, flood{}, replay{}, visit{}, viewServer{}} {
		gob.Register(m)
	}
}

// childEnv is the environment variable that makes a process a child.
const childEnv = "HOLDFAST_BENCH_CHILD"

func isChild() bool { return os.Getenv(childEnv) != "" }

// serve carries out measurements until the standard input ends.
func serve() error {
	in, out := gob.NewDecoder(os.Stdin), gob.NewEncoder(os.Stdout)
	os.Stdout = os.Stderr // the output of a library must not mix with the answers
	c := &child{apps: make(map[string]visited)}
	for {
		var m measurement
		if err := in.Decode(&m); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		var a answer
		var err error
		if a.Figures, err = attempt(func() figures { return m.measure(c) }); err != nil {
			a.Err = err.Error()
		}
		if err := out.Encode(a); err != nil {
			return err
		}
	}
}

// process is a running child. It is not safe for concurrent use.
type process struct {
	name string
	cmd  *exec.Cmd
	in   io.WriteCloser
	enc  *gob.Encoder
	dec  *gob.Decoder

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
	in, out := must(cmd.StdinPipe()), must(cmd.StdoutPipe())
	check(cmd.Start())
	return &process{name: name, cmd: cmd, in: in, enc: gob.NewEncoder(in), dec: gob.NewDecoder(out)}
}

// run has the child carry out a measurement, and returns its figures.
func (p *process) run(m measurement) figures {
	if p.pauses {
		resume(p.cmd.Process)
		defer pause(p.cmd.Process)
	}
	var a answer
	err := p.enc.Encode(&m)
	if err == nil {
		err = p.dec.Decode(&a)
	}
	if err == nil && a.Err != "" {
		err = errors.New(a.Err)
	}
	if err != nil {
		panic(fmt.Errorf("%T%+v: %w", m, m, err))
	}
	return a.Figures
}

// close kills the child, paused or not, and waits until its memory is free. It
// does not wait for the cache to close, which may take long.
func (p *process) close() {
	p.in.Close()
	p.cmd.Process.Kill()
	p.cmd.Wait()
}

// alone carries out one measurement in a new child.
func (b *bench) alone(m measurement) figures {
	p := start(b.ctx, "")
	defer p.close()
	return p.run(m)
}

// eachPeer carries out the measurements of all peers in rounds, each in a new
// child, and adds their figures to s. The order of the peers is random.
func (b *bench) eachPeer(s samples, rounds int, of func(peer string) []measurement) {
	for round := range rounds {
		for _, i := range b.order(len(b.peers), round) {
			peer := b.peers[i].name
			b.next("%s, round %d", peer, round+1)
			for _, m := range of(peer) {
				s.addAll(peer, "", b.alone(m))
			}
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
				b.next("%s, %s, round %d", name, child.name, round+1)
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
