package promholdfast_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/metrics"
	promholdfast "github.com/holdfast-go/holdfast/metrics/prometheus"
	"github.com/holdfast-go/holdfast/tier"
)

// store returns fixed Stats.
type store tier.Stats

func (s store) Stats() tier.Stats { return tier.Stats(s) }

func TestCollector(t *testing.T) {
	var latency tier.Latencies
	latency.Read.Sum = 3 * time.Second
	latency.Read.Buckets[0] = 2                           // up to 0.1 ms
	latency.Read.Buckets[1] = 3                           // up to 0.25 ms
	latency.Read.Buckets[len(latency.Read.Buckets)-1] = 1 // above 5 s
	c := promholdfast.New(metrics.Sources{Name: "shop", Store: store{Hits: 5, ProofAge: 1500 * time.Millisecond, Latency: latency, Local: cache.Stats{Entries: 7}}})
	check := func(name, want string) {
		t.Helper()
		require.NoError(t, testutil.CollectAndCompare(c, strings.NewReader(want+"\n"), name))
	}
	check("holdfast_store_reads_total", `
# HELP holdfast_store_reads_total Reads by the source of the value: copy (no command), verified (a copy that the database confirmed), database.
# TYPE holdfast_store_reads_total counter
holdfast_store_reads_total{name="shop",source="copy"} 5
holdfast_store_reads_total{name="shop",source="database"} 0
holdfast_store_reads_total{name="shop",source="verified"} 0`)
	check("holdfast_store_proof_age_seconds", `
# HELP holdfast_store_proof_age_seconds Time since the database last proved that the local copies are current.
# TYPE holdfast_store_proof_age_seconds gauge
holdfast_store_proof_age_seconds{name="shop"} 1.5`)
	check("holdfast_cache_entries", `
# HELP holdfast_cache_entries Entries that have not expired.
# TYPE holdfast_cache_entries gauge
holdfast_cache_entries{holds="copies",name="shop"} 7`)
	registry := prometheus.NewRegistry()
	registry.MustRegister(c)
	families, err := registry.Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() == "holdfast_store_command_duration_seconds" {
			require.Len(t, f.Metric, 6, "one for each command")
			for _, m := range f.Metric {
				if h := m.GetHistogram(); m.Label[0].GetValue() == "read" {
					require.EqualValues(t, 6, h.GetSampleCount())
					require.EqualValues(t, 3, h.GetSampleSum())
					require.Len(t, h.Bucket, len(tier.HistogramBounds()))
					require.EqualValues(t, 0.0001, h.Bucket[0].GetUpperBound())
					require.EqualValues(t, 2, h.Bucket[0].GetCumulativeCount())
					require.EqualValues(t, 5, h.Bucket[1].GetCumulativeCount())
					require.EqualValues(t, 5, h.Bucket[14].GetCumulativeCount())
				}
			}
		}
	}
}

// A registry that checks each metric against its description accepts all, and
// the linter finds no fault.
func TestCollector_lint(t *testing.T) {
	p := start(t)
	p.visit(t)
	p.warm(t)
	defer p.scan()()
	problems, err := testutil.GatherAndLint(p.registry)
	require.NoError(t, err)
	require.Empty(t, problems)
	families, err := p.registry.Gather()
	require.NoError(t, err)
	require.Equal(t, len(metrics.All()), len(families))
}

func TestCollector_names(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	require.NoError(t, registry.Register(promholdfast.New(metrics.Sources{Name: "a", Store: store{}})))
	require.NoError(t, registry.Register(promholdfast.New(metrics.Sources{Name: "b", Store: store{}})))
	require.NoError(t, registry.Register(promholdfast.New(metrics.Sources{Store: store{}})), "without a name")
	require.ErrorAs(t, registry.Register(promholdfast.New(metrics.Sources{Name: "a"})), new(prometheus.AlreadyRegisteredError))
	_, err := registry.Gather()
	require.NoError(t, err)
}

// No ID, value or user is in a label.
func TestCollector_secrets(t *testing.T) {
	p := start(t)
	cookies := p.visit(t)
	text := p.scrape(t)
	for _, secret := range append(cookies, user, "ada", "secret", "value-of-a-session") {
		require.NotContains(t, text, secret)
	}
	require.Contains(t, text, `holdfast_sessions_logins_total{name="shop"} 1`)
	require.Contains(t, text, `holdfast_sessions_ended_total{name="admin",reason="logout"} 1`)
	require.NotContains(t, text, `holdfast_store_writes_total{name="shop"}`, "it has none")
	require.NotContains(t, text, `holdfast_store_writes_total{name="admin"} 0`)
}

func TestCollector_concurrent_scrapes(t *testing.T) {
	p := start(t)
	var scrapes sync.WaitGroup
	for range 4 {
		scrapes.Go(func() {
			for range 20 {
				_, err := p.registry.Gather()
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 20 {
		p.visit(t)
	}
	scrapes.Wait()
}

func BenchmarkScrape(b *testing.B) {
	p := start(b)
	p.visit(b)
	b.Run("gather", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = p.registry.Gather()
		}
	})
	b.Run("over HTTP", func(b *testing.B) {
		for b.Loop() {
			p.scrape(b)
		}
	})
}
