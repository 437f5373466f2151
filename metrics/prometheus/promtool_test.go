package promholdfast_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/testserver"
)

// promtool runs a command of Prometheus's tool, which is installed with it.
func promtool(t *testing.T, input string, args ...string) {
	t.Helper()
	testserver.Need(t, testserver.Prometheus)
	cmd := exec.Command("promtool", args...)
	cmd.Stdin = strings.NewReader(input)
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, string(output))
}

func TestPromtool(t *testing.T) {
	t.Run("check metrics", func(t *testing.T) {
		p := start(t)
		p.visit(t)
		promtool(t, p.scrape(t), "check", "metrics")
	})
	t.Run("check rules", func(t *testing.T) {
		promtool(t, "", "check", "rules", "--lint-fatal", "alerts.yml")
	})
	t.Run("test rules", func(t *testing.T) {
		promtool(t, "", "test", "rules", "alerts_test.yml")
	})
	t.Run("the dashboard", func(t *testing.T) {
		rules := "groups: [{name: dashboard, rules: [\n"
		for _, e := range expressions(t) {
			rules += "{record: panel, expr: '" + strings.ReplaceAll(ranged(e), "'", "''") + "'},\n"
		}
		file := filepath.Join(t.TempDir(), "rules.yml")
		require.NoError(t, os.WriteFile(file, []byte(rules+"]}]\n"), 0o600))
		promtool(t, "", "check", "rules", "--lint=none", file)
	})
}

// alert is a rule of alerts.yml.
type alert struct{ name, expr string }

func alerts(t *testing.T) (all []alert) {
	t.Helper()
	text, err := os.ReadFile("alerts.yml")
	require.NoError(t, err)
	for _, rule := range regexp.MustCompile(`(?m)^ +- alert: (\w+)\n +expr: (.*)$`).FindAllStringSubmatch(string(text), -1) {
		all = append(all, alert{rule[1], rule[2]})
	}
	require.Len(t, all, strings.Count(string(text), "- alert:"))
	return all
}

func TestAlerts(t *testing.T) {
	tests, err := os.ReadFile("alerts_test.yml")
	require.NoError(t, err)
	for _, a := range alerts(t) {
		t.Run(a.name, func(t *testing.T) {
			require.NotEmpty(t, used(a.expr))
			for _, name := range used(a.expr) {
				require.Contains(t, byPrometheusName(), name)
			}
			requireLabels(t, a.expr)
			require.Contains(t, string(tests), "alertname: "+a.name+"\n        exp_alerts:\n", "a test in which it fires")
			require.Contains(t, string(tests), "alertname: "+a.name+"}", "a test in which it does not")
		})
	}
}
