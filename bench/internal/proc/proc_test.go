package proc

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
)

var testTasks = Tasks{
	"double": Handle(func(n int) (int, error) { return 2 * n, nil }),
	"fail":   Handle(func(string) (int, error) { return 0, errors.New("as asked") }),
}

// The test program is its own child, as the benchmark program is.
func TestMain(m *testing.M) {
	if IsChild() {
		if err := Serve(os.Stdin, os.Stdout, testTasks); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestChildCarriesOutTasks(t *testing.T) {
	c, err := Start(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		c.Pause()
		c.Resume()
		if got, err := Call[int](c, "double", n); err != nil || got != 2*n {
			t.Errorf("double %d = %d, %v", n, got, err)
		}
	}
	if _, err := Call[int](c, "fail", ""); err == nil || !strings.Contains(err.Error(), "as asked") {
		t.Errorf("the task's error came back as %v", err)
	}
	if _, err := Call[int](c, "nothing", 0); err == nil {
		t.Error("a task that does not exist succeeded")
	}
	c.Pause()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if _, err := Call[int](c, "double", 1); err == nil {
		t.Error("a child that has ended answered")
	}
}

func TestResidentSeesMemory(t *testing.T) {
	const size = 64 << 20
	before := Resident()
	block := make([]byte, size)
	for i := 0; i < len(block); i += 4096 {
		block[i] = 1
	}
	grown := Resident() - before
	if block[4096] != 1 || grown < size/2 {
		t.Errorf("%d bytes were written, the resident set grew by %d", size, grown)
	}
	if PeakResident() < before+grown/2 {
		t.Error("the peak is below what has been measured")
	}
}
