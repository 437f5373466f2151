package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDirectory(t *testing.T) {
	for processor, want := range map[string]string{
		"Intel(R) Xeon(R) Processor (family 6, model 143), 2 cores, GOMAXPROCS 2": "intel-xeon-processor-family-6-model-143-2-cores-gomaxprocs-2",
		"arm64, 8 cores, GOMAXPROCS 8":                                            "arm64-8-cores-gomaxprocs-8",
	} {
		if got := directory(processor); got != want {
			t.Errorf("directory(%q) = %q, want %q", processor, got, want)
		}
	}
}

// Each processor has its own report, and a second run replaces only its own.
// The page of all has the worst of each comparison.
func TestWriteWith(t *testing.T) {
	dir := t.TempDir()
	for _, r := range []report{
		run("one", "1m", get("phuslu", 0, 7, 7)),
		run("one", "1m", get("phuslu", 1, 1.5, 2), get("otter", 2, 2.5, 3)),
		run("two", "2m", get("phuslu", 1, 1.2, 2), get("otter", 3, 3.5, 4), get("theine", 4, 4.5, 5)),
	} {
		if err := r.writeWith(dir); err != nil {
			t.Fatal(err)
		}
	}
	page, err := os.ReadFile(filepath.Join(dir, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(string(page)), " ")
	for _, want := range []string{"| [one](one/report.md) |", "| [two](two/report.md) |", "| what | phuslu | otter | theine |", "| time of get | 1.20 | 2.50 | 4.50 |"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	for _, file := range []string{"one/report.json", "two/report.md"} {
		if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
			t.Error(err)
		}
	}
}
