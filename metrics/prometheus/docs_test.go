package promholdfast_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/metrics"
)

var update = flag.Bool("update", false, "write the table of docs/metrics.md")

const docsFile = "../../docs/metrics.md"

const tableHead = "| Prometheus | OpenTelemetry | unit | labels | meaning | alert |\n|---|---|---|---|---|---|\n"

// docsTable returns the table of docs/metrics.md.
func docsTable(t *testing.T) string {
	t.Helper()
	all := alerts(t)
	table := tableHead
	for _, m := range metrics.All() {
		var named []string
		for _, a := range all {
			if slices.Contains(used(a.expr), m.PrometheusName()) {
				named = append(named, fmt.Sprintf("[%s](#%s)", a.name, strings.ToLower(a.name)))
			}
		}
		table += fmt.Sprintf("| `%s` | `%s`, %s | %s | %s | %s | %s |\n", m.PrometheusName(), m.Name, m.Kind, code(m.Unit), code(m.Labels...), m.Help, strings.Join(named, ", "))
	}
	return table
}

// code returns words in the font of code.
func code(words ...string) string {
	if len(words) == 0 || words[0] == "" {
		return ""
	}
	return "`" + strings.Join(words, "`, `") + "`"
}

// docs/metrics.md has each metric, as the code describes it. Write the table
// anew with: go test -run TestDocs -update
func TestDocs(t *testing.T) {
	text, err := os.ReadFile(docsFile)
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(text), tableHead)
	require.True(t, found)
	rows, after, _ := strings.Cut(rest, "\n\n")
	if *update {
		require.NoError(t, os.WriteFile(docsFile, []byte(before+docsTable(t)+"\n"+after), 0o600))
		return
	}
	require.Equal(t, docsTable(t), tableHead+rows+"\n", "run: go test -run TestDocs -update")
}

// docs/metrics.md has a section for each alert, in the order of alerts.yml.
func TestDocs_alerts(t *testing.T) {
	text, err := os.ReadFile(docsFile)
	require.NoError(t, err)
	var want, sections []string
	for _, a := range alerts(t) {
		want = append(want, a.name)
	}
	for line := range strings.Lines(string(text)) {
		if name, found := strings.CutPrefix(strings.TrimSpace(line), "### Holdfast"); found {
			sections = append(sections, "Holdfast"+name)
		}
	}
	require.Equal(t, want, sections)
}
