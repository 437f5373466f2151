package trace

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.lis")
	load := func(content string) (Trace, error) {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return Load(path)
	}
	got, err := load("7 2 0 0\n9 1 0 1\n\n7 1 0 2\n")
	if want := []uint32{0, 1, 2, 0}; err != nil || !slices.Equal(got.Requests, want) || got.Objects != 3 {
		t.Errorf("got %+v, %v, want requests %v of 3 objects", got, err, want)
	}
	for _, content := range []string{"7\n", "x 1 0 0\n", "0 -1 0 0\n", "0 99999999999 0 0\n"} {
		if _, err := load(content); err == nil || strings.Contains(err.Error(), filepath.Dir(path)) {
			t.Errorf("%q gave the error %v, want one that does not show the directory", content, err)
		}
	}
	if _, err := Load(filepath.Join(t.TempDir(), "missing.lis")); err == nil {
		t.Error("a missing file was read")
	}
}

// check fails unless the objects are numbered from 0 in the order of their
// first request.
func check(t *testing.T, got Trace, err error) {
	t.Helper()
	if err != nil {
		return
	}
	next := uint32(0)
	for i, object := range got.Requests {
		if object > next {
			t.Fatalf("request %d is for object %d, though only %d came before", i, object, next)
		}
		next = max(next, object+1)
	}
	if int(next) != got.Objects {
		t.Fatalf("%d objects were requested, Objects says %d", next, got.Objects)
	}
}

func FuzzARC(f *testing.F) {
	f.Add([]byte("7 2 0 0\n9 1 0 1\n"))
	f.Add([]byte("9223372036854775807 3 0 0\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		got, err := ReadARC(bytes.NewReader(content))
		check(t, got, err)
	})
}
