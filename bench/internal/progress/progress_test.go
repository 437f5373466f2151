package progress

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestLineTellsShareAndTimeLeft(t *testing.T) {
	var out bytes.Buffer
	l := New(&out, true)
	l.start = time.Now().Add(-30 * time.Second)
	l.Expect(50)
	l.Expect(50)
	l.Begin("first", 50, 1)
	l.Begin("second", 50, 2)
	l.Step("one")
	l.Step("two")

	lines := strings.Split(out.String(), "\r\x1b[K")
	for i, want := range []string{" 50 %  second: one, about 30s left", " 75 %  second: two, about 10s left"} {
		if lines[i+1] != want {
			t.Errorf("line %d is %q, want %q", i, lines[i+1], want)
		}
	}
}

func TestLineIsSilentInALog(t *testing.T) {
	var out bytes.Buffer
	l := New(&out, false)
	l.Expect(1)
	l.Begin("part", 1, 100)
	for range 100 {
		l.Step("step")
	}
	if got := strings.Count(out.String(), "\n"); got != 1 {
		t.Errorf("%d lines were printed at once, want 1", got)
	}
}
