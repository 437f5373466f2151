// Command bench measures Holdfast and the caches and session middlewares that
// its users would otherwise choose, side by side, on the work of a session
// store.
//
//	go run ./bench -quick               all parts, small, in under a minute
//	go run ./bench -out bench/results   the full run, with tables and charts
//	go run ./bench -only speed,memory   some of the parts
//	go run ./bench -beside report.json  compared with an earlier run
//	go run ./bench -h                   all flags
//
// bench/README.md explains each figure.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// bench is one run.
type bench struct {
	progress
	ctx    context.Context
	quick  bool // small and few measurements, as a check that all works
	out    string
	beside string
	only   []string
	peers  []peerInfo // Holdfast first
	rounds int
	seed   uint64
	memory int64 // bytes that the caches of one moment may take together
	traces []string
	cells  []circumstance // of the speed part, instead of its plan
}

type part struct {
	name    string
	weight  float64 // about the seconds of a full run
	measure func(*bench) section
}

var parts = []part{
	{"speed", 2700, (*bench).speed},
	{"memory", 300, (*bench).footprints},
	{"gc", 440, (*bench).collections},
	{"survival", 390, (*bench).survival},
	{"http", 190, (*bench).http},
}

func main() {
	if err := do(os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func do(args []string) error {
	if isChild() {
		return serve()
	}
	b, err := parse(args)
	if err != nil {
		return err
	}
	var earlier report
	if b.beside != "" {
		if earlier, err = readReport(b.beside); err != nil {
			return err
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	b.ctx = ctx
	r, err := b.measure()
	if ctx.Err() != nil {
		err = errors.New("interrupted")
	}
	if len(r.Sections) == 0 {
		return err
	}
	if b.beside != "" {
		r.Sections = append(r.Sections, r.beside(earlier))
	}
	r.print(os.Stdout, false)
	if b.out != "" {
		err = errors.Join(err, r.write(b.out))
	}
	return err
}

// parse reads the flags. The error is flag.ErrHelp after a request for help.
func parse(args []string) (*bench, error) {
	b := &bench{ctx: context.Background(), progress: newProgress(os.Stderr)}
	var partNames, peerNames, peers []string
	for _, p := range parts {
		partNames = append(partNames, p.name)
	}
	for _, p := range allPeers {
		peerNames = append(peerNames, p.name)
	}
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.BoolVar(&b.quick, "quick", false, "small cells and few rounds: under a minute, to see that all works")
	f.StringVar(&b.out, "out", "", "write report.md, report.json and charts into this `directory`")
	f.StringVar(&b.beside, "beside", "", "compare this run with an earlier one, by its report.json `file`")
	f.Func("only", "`parts` to run, of "+strings.Join(partNames, ",")+" (default all)", words(&b.only, partNames))
	f.Func("peers", "`names` of the peers to compare with Holdfast (default all)", words(&peers, peerNames))
	f.IntVar(&b.rounds, "rounds", 3, "how often caches are started, filled and measured")
	f.Uint64Var(&b.seed, "seed", 1, "seed of all random numbers")
	f.Func("cell", "speed: measure this `circumstance`, for example 100k,256,zipf,2, not the plan's (may be repeated)", func(value string) error {
		c, err := parseCircumstance(value)
		b.cells = append(b.cells, c)
		return err
	})
	f.Func("trace", "survival: replay these `files` too, in the format of ARC (.lis)", words(&b.traces, nil))
	memoryMiB := f.Int64("memory", machineMemory()/4*3>>20, "`MiB` that the caches of one moment may take together")
	if err := f.Parse(args); err != nil {
		return b, err
	}
	if b.rounds < 1 {
		return b, fmt.Errorf("-rounds must be 1 or more, not %d", b.rounds)
	}
	b.memory = *memoryMiB << 20
	b.peers = allPeers
	if peers != nil {
		b.peers = allPeers[:1:1]
		for _, name := range peers {
			if name != holdfastName {
				b.peers = append(b.peers, findPeer(name))
			}
		}
	}
	return b, nil
}

// words returns the parser of a comma-separated list of some of the words in
// all, or of any words if all is nil.
func words(list *[]string, all []string) func(string) error {
	return func(value string) error {
		*list = strings.Split(value, ",")
		for _, word := range *list {
			if all != nil && !slices.Contains(all, word) {
				return fmt.Errorf("%q is none of %s", word, strings.Join(all, ", "))
			}
		}
		return nil
	}
}

// measure runs the parts one after the other. If one fails or is interrupted,
// the report has those before it and names the missing ones.
func (b *bench) measure() (r report, failed error) {
	chosen := slices.DeleteFunc(slices.Clone(parts), func(p part) bool { return b.only != nil && !slices.Contains(b.only, p.name) })
	for _, p := range chosen {
		b.total += p.weight
	}
	r = report{Facts: b.facts(), Versions: b.versions()}
	var missing []string
	for _, p := range chosen {
		b.begin(p.name, p.weight)
		var s section
		if failed == nil {
			s, failed = attempt(func() section { return p.measure(b) })
		}
		if failed == nil {
			r.Sections = append(r.Sections, s)
		} else {
			missing = append(missing, p.name)
		}
	}
	b.clear()
	r.Facts = append(r.Facts, fact{"took", time.Since(b.started).Round(time.Second).String()})
	if failed != nil {
		r.Facts = append(r.Facts, fact{"missing", strings.Join(missing, ", ") + ": the run ended before"})
		failed = fmt.Errorf("%s: %w", missing[0], failed)
	}
	return r, failed
}

// pick returns the value for a quick run or for a full one.
func pick[T any](b *bench, quick, full T) T {
	if b.quick {
		return quick
	}
	return full
}

// longRounds is the number of rounds of measurements that take minutes.
func (b *bench) longRounds() int { return pick(b, 1, (b.rounds+1)/2) }

// order returns the numbers below n in the random order of this turn. It
// follows from the seed.
func (b *bench) order(n, turn int) []int {
	return rand.New(rand.NewPCG(b.seed, uint64(turn))).Perm(n)
}

func (b *bench) peerNames() []string {
	var names []string
	for _, p := range b.peers {
		names = append(names, p.name)
	}
	return names
}

func procs() int { return runtime.GOMAXPROCS(0) }
