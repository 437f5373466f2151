package promholdfast_test

import (
	"encoding/json"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/testserver"
)

// dashboard is the part of Grafana's model that these tests read.
type dashboard struct {
	Title, UID    string
	ID            *int
	SchemaVersion int
	Panels        []panel
	Templating    struct{ List []variable }
	Inputs        []any `json:"__inputs"`
}

type panel struct {
	ID          int
	Type, Title string
	GridPos     struct{ H, W, X, Y int }
	Datasource  struct{ Type, UID string }
	Targets     []struct {
		RefID, Expr string
		Datasource  struct{ Type, UID string }
	}
}

type variable struct{ Name, Type, AllValue string }

func readDashboard(t *testing.T) (d dashboard) {
	t.Helper()
	text, err := os.ReadFile("../grafana/holdfast.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &d))
	return d
}

// expressions returns those of all panels.
func expressions(t *testing.T) (all []string) {
	t.Helper()
	for _, p := range readDashboard(t).Panels {
		for _, target := range p.Targets {
			all = append(all, target.Expr)
		}
	}
	require.NotEmpty(t, all)
	return all
}

// ranged replaces Grafana's variables.
func ranged(expr string) string {
	return strings.NewReplacer("$__rate_interval", "1m", "$instance", ".*", "$name", ".*").Replace(expr)
}

func TestDashboard(t *testing.T) {
	d := readDashboard(t)
	require.NotEmpty(t, d.Title)
	require.NotEmpty(t, d.UID)
	require.Nil(t, d.ID, "an import gives it one")
	require.Positive(t, d.SchemaVersion)
	require.Empty(t, d.Inputs, "it has a variable for the data source, so an import asks nothing")
	var names []string
	for _, v := range d.Templating.List {
		names = append(names, v.Name)
		if v.Type == "query" {
			require.Equal(t, ".*", v.AllValue, "also series without the label")
		}
	}
	require.Equal(t, []string{"datasource", "instance", "name"}, names)

	shown := make(map[string]bool)
	ids, titles, cells := make(map[int]bool), make(map[string]bool), make(map[[2]int]string)
	for _, p := range d.Panels {
		t.Run(p.Title, func(t *testing.T) {
			require.False(t, ids[p.ID], "the ID is unique")
			require.False(t, titles[p.Title], "the title is unique")
			ids[p.ID], titles[p.Title] = true, true
			for x := range p.GridPos.W {
				for y := range p.GridPos.H {
					cell := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
					require.Less(t, cell[0], 24)
					require.Empty(t, cells[cell], "no panel is below another one")
					cells[cell] = p.Title
				}
			}
			if p.Type == "row" {
				require.Empty(t, p.Targets)
				return
			}
			require.Contains(t, []string{"stat", "timeseries", "heatmap", "barchart"}, p.Type)
			require.NotEmpty(t, p.Targets)
			refs := make(map[string]bool)
			for _, target := range p.Targets {
				require.False(t, refs[target.RefID])
				refs[target.RefID] = true
				require.Equal(t, "${datasource}", target.Datasource.UID)
				require.NotEmpty(t, used(target.Expr))
				for _, name := range used(target.Expr) {
					require.Contains(t, byPrometheusName(), name)
					shown[name] = true
				}
				requireLabels(t, target.Expr)
				require.Equal(t, strings.Count(target.Expr, "{"), strings.Count(target.Expr, `{instance=~"$instance",name=~"$name"`), "each selector has the variables")
			}
		})
	}
	for name := range byPrometheusName() {
		require.True(t, shown[name], "no panel shows %s", name)
	}
}

// A real Prometheus scrapes a program, and has data for each panel.
func TestDashboard_in_Prometheus(t *testing.T) {
	testserver.Need(t, testserver.Prometheus)
	p := start(t)
	p.visit(t)
	p.warm(t)
	defer p.scan()()
	folder, err := os.Getwd()
	require.NoError(t, err)
	server := testserver.Run(t, testserver.Prometheus,
		"global: {scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 500ms}",
		"rule_files: ['"+folder+"/alerts.yml']",
		"scrape_configs: [{job_name: shop, static_configs: [{targets: ['"+strings.TrimPrefix(p.URL, "http://")+"']}]}]",
	)
	query := func(expr string) int {
		var answer struct {
			Status string
			Data   struct{ Result []any }
		}
		require.NoError(t, json.Unmarshal([]byte(get(t, server.URL()+"/api/v1/query?query="+url.QueryEscape(expr))), &answer))
		require.Equal(t, "success", answer.Status)
		return len(answer.Data.Result)
	}
	for i, expr := range expressions(t) {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			require.Eventually(t, func() bool { return query(ranged(expr)) > 0 }, patient, 50*time.Millisecond, expr)
		})
	}
	t.Run("alerts", func(t *testing.T) {
		var answer struct {
			Data struct {
				Groups []struct {
					Rules []struct{ Name, State, Health, LastError string }
				}
			}
		}
		require.Eventually(t, func() bool {
			require.NoError(t, json.Unmarshal([]byte(get(t, server.URL()+"/api/v1/rules")), &answer))
			require.Len(t, answer.Data.Groups, 1)
			for _, rule := range answer.Data.Groups[0].Rules {
				if rule.Health == "unknown" { // not evaluated yet
					return false
				}
			}
			return true
		}, patient, 50*time.Millisecond)
		require.Len(t, answer.Data.Groups[0].Rules, len(alerts(t)))
		for _, rule := range answer.Data.Groups[0].Rules {
			require.Equal(t, "ok", rule.Health, rule.LastError)
			require.NotEqual(t, "firing", rule.State, "%s: the program is well", rule.Name)
		}
	})
}
