package report

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Terminal writes the whole report as aligned text.
func (r Report) Terminal(w io.Writer) {
	for _, f := range r.Facts {
		fmt.Fprintf(w, "%-10s %s\n", f.Name, f.Value)
	}
	for _, s := range r.Sections {
		fmt.Fprintf(w, "\n%s\n", strings.ToUpper(s.Title))
		for _, t := range s.allTables() {
			t.Terminal(w)
		}
		for _, missing := range s.Missing {
			fmt.Fprintf(w, "\nNot measured: %s.\n", missing)
		}
	}
	r.Losses().Terminal(w)
}

// Terminal writes the table as aligned text.
func (t Table) Terminal(w io.Writer) {
	fmt.Fprintf(w, "\n%s\n\n", t.Question)
	widths := t.widths()
	for _, row := range append([][]string{t.Columns}, t.Rows...) {
		var line strings.Builder
		for i, cell := range row {
			padding := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i == 0 || t.Prose {
				line.WriteString("  " + cell + padding)
			} else {
				line.WriteString("  " + padding + cell)
			}
		}
		fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
	}
	for _, note := range t.Notes {
		fmt.Fprintf(w, "  * %s\n", note)
	}
}

func (t Table) widths() []int {
	widths := make([]int, len(t.Columns))
	for _, row := range append([][]string{t.Columns}, t.Rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	return widths
}
