// Package progress tells on one line what is going on and how long it will
// still take.
package progress

import (
	"fmt"
	"io"
	"time"
)

// Line is that line. A run consists of parts, a part of steps; the time left
// follows from the parts' expected durations and from how those turned out so
// far. Its methods are not safe for concurrent use.
type Line struct {
	out      io.Writer
	terminal bool
	start    time.Time
	printed  time.Time

	expected    float64 // seconds, all parts
	done        float64 // of those, the finished parts'
	part        string
	partSeconds float64
	step, steps int
}

// New returns a line on out. On a terminal it rewrites itself; elsewhere it
// prints anew, but seldom.
func New(out io.Writer, terminal bool) *Line {
	return &Line{out: out, terminal: terminal, start: time.Now()}
}

// Expect adds a part's expected seconds to the whole.
func (l *Line) Expect(seconds float64) { l.expected += seconds }

// Begin starts a part of so many steps, which was expected to take seconds.
func (l *Line) Begin(part string, seconds float64, steps int) {
	l.End()
	l.part, l.partSeconds, l.step, l.steps = part, seconds, 0, steps
}

// End finishes the part.
func (l *Line) End() {
	l.done += l.partSeconds
	l.partSeconds, l.step, l.steps = 0, 0, 0
}

// Step tells what begins now; the step before it is done.
func (l *Line) Step(what string) {
	const seldom = 15 * time.Second
	share := l.share()
	l.step++
	if !l.terminal && time.Since(l.printed) < seldom {
		return
	}
	l.printed = time.Now()
	text := fmt.Sprintf("%3.0f %%  %s: %s%s", 100*share, l.part, what, l.left(share))
	if l.terminal {
		fmt.Fprintf(l.out, "\r\x1b[K%s", text)
	} else {
		fmt.Fprintln(l.out, text)
	}
}

// Clear removes the line from a terminal, so that something else can be
// printed.
func (l *Line) Clear() {
	if l.terminal {
		fmt.Fprint(l.out, "\r\x1b[K")
	}
}

// share returns how much of the whole is done, from 0 to 1.
func (l *Line) share() float64 {
	done := l.done
	if l.steps > 0 {
		done += l.partSeconds * min(1, float64(l.step)/float64(l.steps))
	}
	if l.expected == 0 {
		return 0
	}
	return min(1, done/l.expected)
}

// left is empty until there is something to judge by.
func (l *Line) left(share float64) string {
	if share < 0.02 {
		return ""
	}
	left := time.Since(l.start).Seconds() * (1 - share) / share
	return fmt.Sprintf(", about %v left", time.Duration(left*float64(time.Second)).Round(time.Second))
}

// Elapsed returns the time since the line was made.
func (l *Line) Elapsed() time.Duration { return time.Since(l.start).Round(time.Second) }
