package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
)

// Ratios differ from processor to processor. So a directory of results has one
// report for each, in a directory of its own, and a page that compares them.

// processor describes the processor of this machine. Virtual machines often
// hide the name of the model, but not its number.
func processor() string {
	const cpuinfo = "/proc/cpuinfo"
	name := cmp.Or(fileField(cpuinfo, "model name", ":"), runtime.GOARCH)
	if model := fileField(cpuinfo, "model", ":"); model != "" {
		name += fmt.Sprintf(" (family %s, model %s)", fileField(cpuinfo, "cpu family", ":"), model)
	}
	return fmt.Sprintf("%s, %d cores, GOMAXPROCS %d", name, runtime.NumCPU(), procs())
}

var (
	trademarks = regexp.MustCompile(`\((R|TM)\)`)
	separators = regexp.MustCompile(`[^a-z0-9]+`)
)

// directory returns the name of a processor's directory.
func directory(processor string) string {
	plain := strings.ToLower(trademarks.ReplaceAllString(processor, ""))
	return strings.Trim(separators.ReplaceAllString(plain, "-"), "-")
}

// writeWith writes the report into the directory of its processor below dir,
// and the page of all processors into dir.
func (r report) writeWith(dir string) error {
	if err := r.write(filepath.Join(dir, directory(r.fact("processor")))); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(dir, "*", "report.json"))
	if err != nil {
		return err
	}
	var all []report
	for _, file := range files {
		other, err := readReport(file)
		if err != nil {
			return err
		}
		all = append(all, *other)
	}
	var page strings.Builder
	fmt.Fprint(&page, "# Processors\n")
	machines(all).print(&page)
	for _, t := range worst(all) {
		t.print(&page)
	}
	return os.WriteFile(filepath.Join(dir, "README.md"), []byte(page.String()), 0o644)
}

// machines is the table of the reports.
func machines(all []report) table {
	t := table{Question: "Which processors were measured?", Columns: []string{"processor", "system", "go", "run", "took"}, prose: true}
	for _, r := range all {
		processor := r.fact("processor")
		row := []string{fmt.Sprintf("[%s](%s/report.md)", processor, directory(processor))}
		for _, name := range t.Columns[1:] {
			row = append(row, r.fact(name))
		}
		t.row(row...)
	}
	return t
}

// worst has a table for each section, with all comparisons, each on the
// processor on which it is worst for Holdfast.
func worst(all []report) (tables []table) {
	type key struct{ what, peer string }
	lowest := map[key]float64{}
	var titles []string
	whats, peers := map[string][]string{}, map[string][]string{} // by title, in the order of the reports
	for _, r := range all {
		for _, s := range r.Sections {
			if len(s.Comparisons) > 0 {
				titles = appendNew(titles, s.Title)
			}
			for _, c := range s.Comparisons {
				whats[s.Title] = appendNew(whats[s.Title], c.What)
				peers[s.Title] = appendNew(peers[s.Title], c.Peer)
				k := key{c.What, c.Peer}
				if was, ok := lowest[k]; !ok || c.Ratio.Median < was {
					lowest[k] = c.Ratio.Median
				}
			}
		}
	}
	for _, title := range titles {
		t := newTable(title+": which multiple of Holdfast's cost, where Holdfast compares worst?", "what", whats[title],
			"The lowest of the processors' medians. Above 1 Holdfast is better on all of them.")
		for _, peer := range peers[title] {
			t.column(peer, func(what string) string {
				if low, ok := lowest[key{what, peer}]; ok {
					return number(low)
				}
				return none
			})
		}
		tables = append(tables, t)
	}
	return tables
}

func appendNew(all []string, s string) []string {
	if slices.Contains(all, s) {
		return all
	}
	return append(all, s)
}
