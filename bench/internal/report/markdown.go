package report

import (
	"fmt"
	"io"
	"strings"
)

// Markdown writes the whole report as a page. The charts are expected beside
// it, under their names.
func (r Report) Markdown(w io.Writer) {
	fmt.Fprint(w, "# Holdfast and the field, measured\n\n")
	for _, f := range r.Facts {
		fmt.Fprintf(w, "- %s: %s\n", f.Name, f.Value)
	}
	for _, s := range r.Sections {
		fmt.Fprintf(w, "\n## %s\n\n%s\n", s.Title, s.Intro)
		for _, c := range s.Charts {
			fmt.Fprintf(w, "\n![%s](%s.svg)\n", c.Caption(), c.Name())
		}
		for _, t := range s.allTables() {
			t.Markdown(w)
		}
		for _, missing := range s.Missing {
			fmt.Fprintf(w, "\n**Not measured:** %s.\n", missing)
		}
	}
	fmt.Fprint(w, "\n## What Holdfast loses\n")
	r.Losses().Markdown(w)
	fmt.Fprint(w, "\n## Versions\n\n| module | version |\n|---|---|\n")
	for _, v := range r.Versions {
		fmt.Fprintf(w, "| %s | %s |\n", v.Name, v.Value)
	}
}

// Markdown writes the table under its question.
func (t Table) Markdown(w io.Writer) {
	fmt.Fprintf(w, "\n### %s\n\n", t.Question)
	markdownRow(w, t.Columns)
	rule := "---:|"
	if t.Prose {
		rule = "---|"
	}
	fmt.Fprintf(w, "|---|%s\n", strings.Repeat(rule, len(t.Columns)-1))
	for _, row := range t.Rows {
		markdownRow(w, row)
	}
	if len(t.Notes) > 0 {
		fmt.Fprintln(w)
	}
	for _, note := range t.Notes {
		fmt.Fprintf(w, "- %s\n", note)
	}
}

func markdownRow(w io.Writer, cells []string) {
	fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | "))
}
