// Command bench measures Holdfast and the caches its users would otherwise
// choose, side by side, on the work of a session store.
//
//	go run ./bench -quick               all parts, small, in under a minute
//	go run ./bench -out bench/results   the full run, with tables and charts
//	go run ./bench -only speed,memory   some of the parts
//	go run ./bench -beside report.json  how far it repeats an earlier run
//	go run ./bench -h                   all flags
//
// What each figure means is told in bench/README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/holdfast-go/holdfast/bench/internal/proc"
	"github.com/holdfast-go/holdfast/bench/internal/report"
	"github.com/holdfast-go/holdfast/bench/internal/run"
)

func main() {
	switch err := do(os.Args[1:]); {
	case err == nil || errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errUsage):
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func do(args []string) error {
	if proc.IsChild() {
		return serve()
	}
	s, err := parse(args)
	if err != nil {
		return err
	}
	earlier, err := s.earlier()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	r, err := measure(s.env(ctx), s.parts())
	if ctx.Err() != nil {
		err = errors.New("interrupted")
	}
	if len(r.Sections) == 0 {
		return err
	}
	if earlier != nil {
		r.Sections = append(r.Sections, r.Agreement(*earlier))
	}
	r.Terminal(os.Stdout)
	if s.out != "" {
		err = errors.Join(err, r.Write(s.out))
	}
	return err
}

// measure runs the parts one after the other and puts the report together. If
// one fails or is interrupted, the report has those that came before, and says
// which are missing.
func measure(e *run.Env, parts []run.Part) (report.Report, error) {
	for _, p := range parts {
		e.Progress.Expect(p.Seconds(e))
	}
	r := report.Report{Facts: facts(e), Versions: versions(e.Peers)}
	var failed error
	var missing []string
	for _, p := range parts {
		if failed != nil {
			missing = append(missing, p.Name)
			continue
		}
		section, err := p.Run(e)
		if err != nil {
			failed = fmt.Errorf("%s: %w", p.Name, err)
			missing = append(missing, p.Name)
			continue
		}
		r.Sections = append(r.Sections, section)
	}
	e.Progress.Clear()
	r.Facts = append(r.Facts, report.Fact{Name: "took", Value: e.Progress.Elapsed().String()})
	if failed != nil {
		r.Facts = append(r.Facts, report.Fact{Name: "missing", Value: strings.Join(missing, ", ") + ": the run ended before"})
	}
	return r, failed
}
