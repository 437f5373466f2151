package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

func TestReadARC(t *testing.T) {
	got, err := readARC(strings.NewReader("7 2 0 0\n9 1 0 1\n\n7 1 0 2\n"))
	if want := []uint32{0, 1, 2, 0}; err != nil || !slices.Equal(got.requests, want) || got.objects != 3 {
		t.Errorf("got %+v, %v, want requests %v of 3 objects", got, err, want)
	}
	for _, content := range []string{"7\n", "x 1 0 0\n", "0 -1 0 0\n", "0 99999999999 0 0\n", "18446744073709551615 2 0 0\n"} {
		if got, err := readARC(strings.NewReader(content)); err == nil {
			t.Errorf("%q was read as %+v", content, got)
		}
	}
}

// checkNumbers fails unless the objects are numbered from 0 in the order of
// their first request.
func checkNumbers(t *testing.T, got trace, err error) {
	t.Helper()
	if err != nil {
		return
	}
	next := uint32(0)
	for i, object := range got.requests {
		if object > next {
			t.Fatalf("request %d is for object %d, though only %d came before", i, object, next)
		}
		next = max(next, object+1)
	}
	if int(next) != got.objects {
		t.Fatalf("%d objects were requested, objects says %d", next, got.objects)
	}
}

func FuzzARC(f *testing.F) {
	f.Add([]byte("7 2 0 0\n9 1 0 1\n"))
	f.Add([]byte("9223372036854775807 3 0 0\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		got, err := readARC(bytes.NewReader(content))
		checkNumbers(t, got, err)
	})
}
