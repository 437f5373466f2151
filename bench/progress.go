package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// progress prints one line about the current step and the time left. The time
// follows from the parts' weights and from the share of their steps. It is not
// safe for concurrent use.
type progress struct {
	to       io.Writer
	terminal bool // the line overwrites itself; in a file it is printed rarely
	started  time.Time
	printed  time.Time

	total, before float64 // weight of all parts, and of those before this one
	part          string
	weight        float64
	step, steps   int
}

func newProgress(f *os.File) progress {
	info, err := f.Stat()
	return progress{to: f, terminal: err == nil && info.Mode()&os.ModeCharDevice != 0, started: time.Now()}
}

// begin starts a part. The part itself sets the number of its steps.
func (p *progress) begin(part string, weight float64) {
	p.before += p.weight
	p.part, p.weight, p.step, p.steps = part, weight, 0, 0
}

// next starts a step.
func (p *progress) next(format string, args ...any) {
	share := (p.before + p.weight*min(1, float64(p.step)/float64(max(p.steps, 1)))) / p.total
	p.step++
	if !p.terminal && time.Since(p.printed) < 15*time.Second {
		return
	}
	p.printed = time.Now()
	text := fmt.Sprintf("%3.0f %%  %s: %s", 100*share, p.part, fmt.Sprintf(format, args...))
	if share > 0.02 {
		text += fmt.Sprintf(", about %v left", time.Duration(float64(time.Since(p.started))*(1-share)/share).Round(time.Second))
	}
	if p.terminal {
		fmt.Fprintf(p.to, "\r\x1b[K%s", text)
	} else {
		fmt.Fprintln(p.to, text)
	}
}

// clear removes the line from a terminal.
func (p *progress) clear() {
	if p.terminal {
		fmt.Fprint(p.to, "\r\x1b[K")
	}
}

// facts describe the machine and the run. They contain no host name and no
// path.
func (b *bench) facts() []fact {
	processor := fileField("/proc/cpuinfo", "model name", ":")
	if processor == "" {
		processor = runtime.GOARCH
	}
	system := runtime.GOOS + "/" + runtime.GOARCH
	if name := strings.Trim(fileField("/etc/os-release", "PRETTY_NAME", "="), `"`); name != "" {
		system = name + ", " + system
	}
	kind := pick(b, "quick: too short for figures to quote", "full")
	return []fact{
		{"processor", fmt.Sprintf("%s, %d cores, GOMAXPROCS %d", processor, runtime.NumCPU(), procs())},
		{"memory", size(machineMemory())},
		{"system", system},
		{"go", runtime.Version()},
		{"run", fmt.Sprintf("%s; %d rounds, seed %d", kind, b.rounds, b.seed)},
	}
}

// fileField returns the value of the first line "name separator value" of the
// file, or "".
func fileField(file, name, separator string) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		key, value, ok := strings.Cut(lines.Text(), separator)
		if ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// versions returns the versions of all measured modules.
func (b *bench) versions() []fact {
	built, ok := debug.ReadBuildInfo()
	if !ok {
		return nil
	}
	version := map[string]string{"std": runtime.Version()}
	for _, m := range append(built.Deps, &built.Main) {
		version[m.Path] = m.Version
	}
	var facts []fact
	add := func(module string) {
		f := fact{module, version[module]}
		if module != "" && !slices.Contains(facts, f) {
			facts = append(facts, f)
		}
	}
	for _, p := range b.peers {
		add(p.module)
	}
	for _, a := range slices.Concat(sessionApps, bareApps) {
		add(a.module)
	}
	return facts
}
