package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/holdfast-go/holdfast/bench/internal/machine"
	"github.com/holdfast-go/holdfast/bench/internal/peer"
	"github.com/holdfast-go/holdfast/bench/internal/progress"
	"github.com/holdfast-go/holdfast/bench/internal/report"
	"github.com/holdfast-go/holdfast/bench/internal/run"
	"github.com/holdfast-go/holdfast/bench/internal/speed"
)

// settings are what the flags say.
type settings struct {
	quick  bool
	out    string
	beside string // report.json of an earlier run
	only   []string
	peers  []peer.Info
	rounds int
	seed   uint64
	memory int64
	ops    int
	cells  *speed.Axes // nil: the plan's
	traces []string
}

// errUsage means that a flag was wrong, which the flag package has told already.
var errUsage = errors.New("usage")

// parse reads the flags. The error is flag.ErrHelp if help was asked for and
// printed.
func parse(args []string) (settings, error) {
	var s settings
	var only, peers, traces, sizes, values, goroutines, distributions, ops string
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.BoolVar(&s.quick, "quick", false, "small cells and few rounds: under a minute, to see that all works")
	f.StringVar(&s.out, "out", "", "write report.md, report.json and charts into this `directory`")
	f.StringVar(&s.beside, "beside", "", "tell how far this run repeats an earlier one, by its report.json `file`")
	f.StringVar(&only, "only", "", "`parts` to run, of "+strings.Join(partNames(), ",")+" (default all)")
	f.StringVar(&peers, "peers", "", "`names` of the peers to compare with Holdfast (default all)")
	f.IntVar(&s.rounds, "rounds", 3, "how often caches are started, filled and measured")
	f.Uint64Var(&s.seed, "seed", 1, "of all that is random")
	f.IntVar(&s.ops, "slice", 0, "operations of one measured slice of the speed part")
	f.StringVar(&sizes, "sessions", "", "speed: measure these `numbers` of sessions, not the plan's cells")
	f.StringVar(&values, "values", "", "speed: lengths of values in `bytes`, likewise")
	f.StringVar(&goroutines, "goroutines", "", "speed: `numbers` of goroutines, likewise")
	f.StringVar(&distributions, "dist", "", "speed: `distributions` of accesses, zipf or uniform, likewise")
	f.StringVar(&ops, "ops", "", "speed: `operations`, of get,90/10,set,touch,absent, likewise")
	f.StringVar(&traces, "trace", "", "survival: replay these `files` too, ARC (.lis) or libCacheSim (.csv, .bin, .oracleGeneral)")
	var memoryMiB int64
	f.Int64Var(&memoryMiB, "memory", 0, "`MiB` that the caches of one moment may take together (default three quarters of the machine's)")
	if err := f.Parse(args); errors.Is(err, flag.ErrHelp) {
		return s, err
	} else if err != nil {
		return s, errUsage
	}

	var err error
	if s.peers, err = findPeers(list(peers)); err != nil {
		return s, err
	}
	if s.only, err = knownParts(list(only)); err != nil {
		return s, err
	}
	s.traces = list(traces)
	if s.rounds < 1 {
		return s, fmt.Errorf("%d rounds measure nothing, it must be 1 or more", s.rounds)
	}
	s.memory = memoryMiB << 20
	if s.memory == 0 {
		s.memory = machine.Memory() / 4 * 3
	}
	if sizes+values+goroutines+distributions+ops != "" {
		s.cells, err = axes(list(sizes), list(values), list(goroutines), list(distributions), list(ops))
	}
	return s, err
}

func (s settings) env(ctx context.Context) *run.Env {
	info, err := os.Stderr.Stat()
	terminal := err == nil && info.Mode()&os.ModeCharDevice != 0
	return &run.Env{
		Ctx:      ctx,
		Peers:    s.peers,
		Quick:    s.quick,
		Rounds:   s.rounds,
		Seed:     s.seed,
		Memory:   s.memory,
		Progress: progress.New(os.Stderr, terminal),
	}
}

// earlier returns the report to compare with, or nil if none was named.
func (s settings) earlier() (*report.Report, error) {
	if s.beside == "" {
		return nil, nil
	}
	r, err := report.Read(s.beside)
	return &r, err
}
