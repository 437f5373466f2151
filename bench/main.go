// Command bench measures Holdfast and the caches and session middlewares that
// its users would otherwise choose, side by side, on the work of a session
// store.
//
//	go run ./bench -quick               all parts, small, in under two minutes
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
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

type bench struct {
	ctx     context.Context
	quick   bool // small and few measurements, as a check that all works
	out     string
	earlier *report // to compare with
	only    []string
	peers   []peerInfo // Holdfast first
	rounds  int
	seed    uint64
	memory  int64 // bytes that the caches of one moment may take together
	traces  []source

	capacities []float64 // of replays, in per cent of the sessions
	cells      []cell    // of the speed part, instead of its plan
	nodeDir    string    // of the Node program, once it was needed
	nodeErr    error

	started  time.Time
	progress io.Writer
	part     string    // that is being measured
	printed  time.Time // the last line of progress
}

type part struct {
	name    string
	measure func(*bench) section
}

func (p part) String() string { return p.name }

var parts = []part{
	{"speed", (*bench).speed},
	{"memory", (*bench).footprints},
	{"gc", (*bench).collections},
	{"survival", (*bench).survival},
	{"traces", (*bench).realTraces},
	{"curve", (*bench).curve},
	{"http", (*bench).http},
	{"redis", (*bench).redis},
	{"postgresql", (*bench).postgres},
	{"sqlite", (*bench).sqlite},
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
	if b.earlier != nil {
		r.Sections = append(r.Sections, r.beside(*b.earlier))
	}
	r.print(os.Stdout, false)
	if b.out != "" {
		err = errors.Join(err, r.writeWith(b.out))
	}
	return err
}

// parse reads the flags. The error is flag.ErrHelp after a request for help.
func parse(args []string) (*bench, error) {
	b := &bench{ctx: context.Background(), started: time.Now(), progress: os.Stderr}
	var peers []string
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.BoolVar(&b.quick, "quick", false, "small cells and few rounds: under two minutes, to see that all works")
	f.StringVar(&b.out, "out", "", "write report.md, report.json and charts into a directory of this processor in this `directory`")
	f.Func("beside", "compare this run with an earlier one, by its report.json `file`", func(file string) (err error) {
		b.earlier, err = readReport(file)
		return err
	})
	f.Func("only", "`parts` to run, of "+strings.Join(names(parts), ",")+" (default all)", words(&b.only, names(parts)))
	f.Func("peers", "`names` of the peers to compare with Holdfast (default all)", words(&peers, names(allPeers)))
	f.IntVar(&b.rounds, "rounds", 3, "how often caches are started, filled and measured")
	f.Uint64Var(&b.seed, "seed", 1, "seed of all random numbers")
	f.Func("cell", "speed: measure this `circumstance`, for example 100k,256,zipf,2, not the plan's (may be repeated)", func(value string) error {
		c, err := parseCell(value)
		b.cells = append(b.cells, c)
		return err
	})
	f.Func("trace", "traces: replay these `files` and directories of files, in the format of ARC ("+strings.Join(extensions, ", ")+")", func(value string) (err error) {
		b.traces, err = sources(strings.Split(value, ","))
		return err
	})
	f.Func("capacities", "survival, traces: `sizes` of caches, in per cent of the sessions (default 0.25,1,5,10,25)", func(value string) (err error) {
		b.capacities, err = parsePercents(value)
		return err
	})
	memoryMiB := f.Int64("memory", machineMemory()/4*3>>20, "`MiB` that the caches of one moment may take together")
	if err := f.Parse(args); err != nil {
		return b, err
	}
	if f.NArg() > 0 {
		return b, fmt.Errorf("%q is no flag; see -h for all flags", f.Arg(0))
	}
	if b.rounds < 1 {
		return b, fmt.Errorf("-rounds must be 1 or more, not %d", b.rounds)
	}
	if b.capacities == nil {
		b.capacities = pick(b, []float64{5, 25}, []float64{0.25, 1, 5, 10, 25})
	}
	b.memory = *memoryMiB << 20
	for _, p := range allPeers {
		if peers == nil || p.name == holdfastName || slices.Contains(peers, p.name) {
			b.peers = append(b.peers, p)
		}
	}
	return b, nil
}

// parsePercents reads a comma-separated list of numbers up to 100.
func parsePercents(value string) (all []float64, err error) {
	for _, word := range strings.Split(value, ",") {
		percent, err := strconv.ParseFloat(word, 64)
		if err != nil || !(percent > 0 && percent <= 100) {
			return nil, fmt.Errorf("%q is no number above 0, and up to 100", word)
		}
		all = append(all, percent)
	}
	return all, nil
}

// words returns the parser of a comma-separated list of some of the words in
// all.
func words(list *[]string, all []string) func(string) error {
	return func(value string) error {
		*list = strings.Split(value, ",")
		for _, word := range *list {
			if !slices.Contains(all, word) {
				return fmt.Errorf("%q is none of %s", word, strings.Join(all, ", "))
			}
		}
		return nil
	}
}

// measure runs the parts one after the other. If one fails or is interrupted,
// the report has those before it and names the missing ones.
func (b *bench) measure() (r report, failed error) {
	r = report{Facts: b.facts(), Versions: b.versions()}
	var missing []string
	defer func() { os.RemoveAll(b.nodeDir) }()
	for _, p := range parts {
		if b.only != nil && !slices.Contains(b.only, p.name) {
			continue
		}
		b.part = p.name
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
	r.Facts = append(r.Facts, fact{"took", time.Since(b.started).Round(time.Second).String()})
	if failed != nil {
		r.Facts = append(r.Facts, fact{"missing", strings.Join(missing, ", ") + ": the run ended before"})
		failed = fmt.Errorf("%s: %w", missing[0], failed)
	}
	return r, failed
}

// facts describe the machine and the run. They contain no host name and no
// path.
func (b *bench) facts() []fact {
	platform := runtime.GOOS + "/" + runtime.GOARCH
	if name := fileField("/etc/os-release", "PRETTY_NAME", "="); name != "" {
		platform = strings.Trim(name, `"`) + ", " + platform
	}
	kind := pick(b, "quick: too short for figures to quote", "full")
	return []fact{
		{"processor", processor()},
		{"memory", size(machineMemory())},
		{"system", platform},
		{"go", runtime.Version()},
		{"run", fmt.Sprintf("%s; %d rounds, seed %d", kind, b.rounds, b.seed)},
	}
}

// fileField returns the value of the first line "name separator value" of the
// file, or "".
func fileField(file, name, separator string) string {
	content, _ := os.ReadFile(file)
	for line := range strings.Lines(string(content)) {
		if key, value, _ := strings.Cut(line, separator); strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// versions returns the versions of all measured modules.
func (b *bench) versions() []fact {
	measured := map[string]bool{}
	for _, p := range b.peers {
		measured[p.module] = true
	}
	for _, a := range slices.Concat(redisApps(""), postgresApps(""), sqliteApps(""), allApps) {
		measured[a.module] = true
	}
	facts := []fact{{"std", runtime.Version()}}
	if built, ok := debug.ReadBuildInfo(); ok {
		for _, m := range built.Deps {
			if measured[m.Path] {
				facts = append(facts, fact{m.Path, m.Version})
			}
		}
	}
	return append(facts, nodeVersions()...)
}

// step prints the time since the start and the next step, at most one line in
// ten seconds.
func (b *bench) step(format string, args ...any) {
	if time.Since(b.printed) < 10*time.Second {
		return
	}
	b.printed = time.Now()
	fmt.Fprintf(b.progress, "%6v  %s: %s\n", time.Since(b.started).Round(time.Second), b.part, fmt.Sprintf(format, args...))
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

// names returns the names of parts, peers or apps.
func names[T fmt.Stringer](all []T) (names []string) {
	for _, v := range all {
		names = append(names, v.String())
	}
	return names
}

// find returns the part, peer or app of a name.
func find[T fmt.Stringer](all []T, name string) T {
	i := slices.IndexFunc(all, func(v T) bool { return v.String() == name })
	if i < 0 {
		check(fmt.Errorf("there is no %q", name))
	}
	return all[i]
}

func procs() int { return runtime.GOMAXPROCS(0) }
