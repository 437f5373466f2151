package main

import (
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// write writes a trace of 40 requests for the objects 0 to 9, compressed as the
// extension of the file says.
func writeTrace(t *testing.T, file string) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	var w io.WriteCloser = f
	switch filepath.Ext(file) {
	case ".gz":
		w = gzip.NewWriter(f)
	case ".zst":
		if w, err = zstd.NewWriter(f); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 4 {
		fmt.Fprintf(w, "100 10 0 %d\n", i)
	}
	for _, c := range slices.Compact([]io.Closer{w, f}) {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSources(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.lis", "b.lis.gz", "c.lis.zst"} {
		writeTrace(t, filepath.Join(dir, name))
	}
	if err := os.WriteFile(filepath.Join(dir, "README.md"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	all, err := sources([]string{dir, filepath.Join(dir, "a.lis")})
	if err != nil || len(all) != 4 {
		t.Fatalf("sources = %v, %v", all, err)
	}
	for i, name := range []string{"a", "b", "c", "a"} {
		if got := all[i].load(); all[i].Name != name || got.objects != 10 || len(got.requests) != 40 {
			t.Errorf("%v has %d requests for %d objects", all[i], len(got.requests), got.objects)
		}
	}
	for _, path := range []string{t.TempDir(), filepath.Join(dir, "README.md")} {
		if _, err := sources([]string{path}); err == nil {
			t.Errorf("%s was taken for traces", filepath.Base(path))
		}
	}
}

// A file that is no trace does not end the run.
func TestReplays_damaged(t *testing.T) {
	for name, content := range map[string]string{"missing.lis": "", "text.lis": "text", "empty.lis.zst": "", "text.lis.gz": "text"} {
		file := filepath.Join(t.TempDir(), name)
		if name != "missing.lis" {
			if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		var sec section
		newBench(t).replays(&sec, source{Name: "damaged", File: file})
		if len(sec.Missing) != 1 || !strings.Contains(sec.Missing[0], name) || len(sec.Tables) != 0 {
			t.Errorf("%s: %+v", name, sec)
		}
	}
}

// A replay on an exact LRU has exactly the misses of the reference, and holds
// as many sessions as it may.
func TestReplay(t *testing.T) {
	m := replay{"hashicorp", source{Requests: 20_000, Seed: 1}, []int{300, 3000}}
	requests, f := m.Source.load().requests, m.measure(nil)
	for _, capacity := range m.Capacities {
		want := float64(len(requests)-hits(newLRU(capacity), requests)) / float64(len(requests))
		if key := count(capacity); f["misses "+key] != want || f["held "+key] != 1 {
			t.Errorf("capacity %d: %v, want %v", capacity, f, want)
		}
	}
}

// A trace with few keys has a dash for each peer that cannot be so small.
func TestReplays_few_keys(t *testing.T) {
	file := filepath.Join(t.TempDir(), "few.lis")
	writeTrace(t, file)
	var sec section
	newBench(t, "-peers", "bigcache,hashicorp", "-capacities", "1,50,51,100").replays(&sec, source{Name: "few", File: file})
	rows := map[string][]string{}
	for _, row := range sec.Tables[0].Rows {
		rows[row[0]] = row[1:]
	}
	for name, want := range map[string][]string{
		"optimum": {"7.50", "37.5", "75.0"}, "exact LRU": {"0", "0", "75.0"}, "hashicorp": {"0", "0", "75.0"},
		"bigcache": {none, none, none},
	} {
		if !slices.Equal(rows[name], want) {
			t.Errorf("%s has %q, want %q", name, rows[name], want)
		}
	}
}

// A peer that beats the optimum has exceeded its cap. It is marked and not
// compared.
func TestHitsTable(t *testing.T) {
	s := samples{}
	add := func(name string, misses, held float64) {
		s.addAll(name, "", figures{"misses 10": misses, "held 10": held})
	}
	add("optimum", 0.3, nan)
	add(holdfastName, 0.4, 0.99)
	add("otter", 0.25, 1)
	add("theine", 0.4, 1.5)
	add("phuslu", 0.5, 1)
	peers := []string{holdfastName, "otter", "theine", "phuslu"}
	var sec section
	sec.addHits(source{Name: "x"}, trace{}, []int{10}, []string{"optimum"}, peers, s)
	for i, want := range []string{"70.0", "60.0", "75.0 !", "60.0 !", "50.0"} {
		if got := sec.Tables[0].Rows[i][1]; got != want {
			t.Errorf("row %d is %q, want %q", i, got, want)
		}
	}
	if len(sec.Comparisons) != 1 || sec.Comparisons[0].Peer != "phuslu" {
		t.Errorf("comparisons: %v", sec.Comparisons)
	}
}
