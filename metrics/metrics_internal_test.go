package metrics

import (
	"encoding/json"
	"expvar"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/tier"
)

var _ expvar.Var = Sources{}

func newCache(t testing.TB) *cache.Cache {
	t.Helper()
	c, err := cache.New(cache.Options{MaxBytes: 1 << 20})
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func newManager(t testing.TB) *holdfast.Manager {
	t.Helper()
	m, err := holdfast.New(holdfast.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// filled sets each number of stats to another value, and returns them by path,
// in the unit of the metrics. A bool becomes true.
func filled(stats any) map[string]float64 {
	values := make(map[string]float64)
	fill(reflect.ValueOf(stats).Elem(), "", values)
	return values
}

func fill(v reflect.Value, path string, values map[string]float64) {
	next := float64(101 + len(values))
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i), strings.TrimPrefix(path+"."+v.Type().Field(i).Name, "."), values)
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), fmt.Sprint(path, ".", i), values)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			n := reflect.New(v.Type().Elem()).Elem()
			fill(n, fmt.Sprint(path, ".", key), values)
			v.SetMapIndex(key, n)
		}
	case reflect.Bool:
		v.SetBool(true)
		values[path] = 1
	case reflect.Uint64:
		v.SetUint(uint64(next))
		values[path] = next
	case reflect.Float64:
		v.SetFloat(next)
		values[path] = next
	case reflect.Int, reflect.Int64:
		values[path] = next
		if v.Type() == reflect.TypeFor[time.Duration]() {
			next *= float64(time.Second)
		}
		v.SetInt(int64(next))
	}
}

// Each number of the Stats is in exactly one metric, so a new field needs a row
// of the table, or a line here with its reason.
func TestTable_has_every_number(t *testing.T) {
	elsewhere := map[string]string{
		"Away":    "the metric is its opposite",
		"Local":   "metrics of a cache that holds copies",
		"Running": "the number of operations, and the share that is done",

		"Curve.0.MaxBytes": "a label has the multiple of the cap",
		"Curve.1.MaxBytes": "a label has the multiple of the cap",
		"Curve.2.MaxBytes": "a label has the multiple of the cap",
		"Curve.3.MaxBytes": "a label has the multiple of the cap",
		"Curve.4.MaxBytes": "a label has the multiple of the cap",
	}
	check := func(t *testing.T, values map[string]float64, samples []Sample) {
		exported := make(map[float64]int)
		for _, s := range samples {
			if h := s.Histogram; h != nil {
				exported[h.Sum.Seconds()]++
				for _, n := range h.Buckets {
					exported[float64(n)]++
				}
			}
			exported[s.Value]++
		}
		for path, value := range values {
			if elsewhere[path] != "" || elsewhere[strings.Split(path, ".")[0]] != "" {
				continue
			}
			if value == 1 {
				require.Positive(t, exported[value], path)
				continue
			}
			require.Equal(t, 1, exported[value], path)
		}
	}
	t.Run("sessions", func(t *testing.T) {
		stats := new(newManager(t).Stats())
		check(t, filled(stats), reading{sessions: stats}.samples())
	})
	t.Run("cache", func(t *testing.T) {
		stats := new(newCache(t).Stats())
		check(t, filled(stats), reading{cache: stats}.samples())
		check(t, filled(stats), reading{copies: stats}.samples())
	})
	t.Run("store", func(t *testing.T) {
		stats := &tier.Stats{}
		check(t, filled(stats), reading{store: stats}.samples())
	})
}

func TestTable(t *testing.T) {
	names := make(map[string]bool)
	for _, m := range All() {
		t.Run(m.Name, func(t *testing.T) {
			require.Regexp(t, `^holdfast(\.[a-z]+)+$`, m.Name)
			require.Regexp(t, `^(s|By|1||\{[a-z]+\})$`, m.Unit)
			require.Regexp(t, `^[A-Z0-9].*\.$`, m.Help)
			require.NotContains(t, strings.TrimSuffix(m.Help, "."), ". ", "one sentence")
			for _, name := range []string{m.Name, m.PrometheusName()} {
				require.False(t, names[name], "a name has one metric")
				names[name] = true
			}
			require.NotContains(t, m.Labels, "name", "the caller's")
		})
	}
	all, _ := full(t)
	for _, s := range all {
		require.Len(t, s.Labels, len(s.Metric.Labels), s.Metric.Name)
		require.Equal(t, s.Metric.Kind == Histogram, s.Histogram != nil, s.Metric.Name)
		require.Contains(t, All(), s.Metric)
	}
}

// The help of a metric names each value of its own label.
func TestTable_help_has_the_labels(t *testing.T) {
	all, _ := full(t)
	for _, s := range all {
		for i, value := range s.Labels {
			if s.Metric.Labels[i] != "holds" {
				require.Regexp(t, `\b`+regexp.QuoteMeta(value)+`\b`, s.Metric.Help, s.Metric.Name)
			}
		}
	}
}

// full returns the samples of Sources with all parts, and their metrics.
func full(t *testing.T) (all []Sample, described map[*Metric]bool) {
	caches := new(newCache(t).Stats())
	filled(caches)
	caches.Running = []cache.Progress{{Operation: "load", Done: 1, Total: 2}}
	all = reading{new(newManager(t).Stats()), caches, caches, new(tier.Stats)}.samples()
	described = make(map[*Metric]bool)
	for _, s := range all {
		described[s.Metric] = true
	}
	return all, described
}

func TestAll(t *testing.T) {
	_, described := full(t)
	require.Len(t, All(), len(described))
	all := All()
	all[0] = nil
	require.NotNil(t, All()[0], "the slice is the caller's")
}

func TestPrometheusName(t *testing.T) {
	for want, m := range map[string]Metric{
		"holdfast_a_total":         {Name: "holdfast.a", Unit: "{entry}", Kind: Counter},
		"holdfast_a":               {Name: "holdfast.a", Unit: "{entry}", Kind: UpDownCounter},
		"holdfast_a_b_bytes":       {Name: "holdfast.a.b", Unit: "By", Kind: UpDownCounter},
		"holdfast_a_seconds":       {Name: "holdfast.a", Unit: "s", Kind: Histogram},
		"holdfast_a_ratio":         {Name: "holdfast.a", Unit: "1", Kind: Gauge},
		"holdfast_a_seconds_total": {Name: "holdfast.a", Unit: "s", Kind: Counter},
	} {
		require.Equal(t, want, m.PrometheusName())
	}
}

func TestKind(t *testing.T) {
	require.Equal(t, "counter", Counter.String())
	require.Equal(t, "up-down counter", UpDownCounter.String())
	require.Equal(t, "gauge", Gauge.String())
	require.Equal(t, "histogram", Histogram.String())
	require.Equal(t, "unknown", Kind(99).String())
}

// store returns fixed Stats.
type store tier.Stats

func (s store) Stats() tier.Stats { return tier.Stats(s) }

func TestSamples(t *testing.T) {
	t.Run("no parts", func(t *testing.T) {
		require.Empty(t, Sources{Name: "shop"}.Samples())
		require.Equal(t, "{}", Sources{Name: "shop"}.String())
	})
	t.Run("a cache", func(t *testing.T) {
		c := newCache(t)
		require.NoError(t, c.Set("a", []byte("1"), time.Hour))
		c.Get("a")
		c.Get("b")
		require.Equal(t, map[string]float64{
			"holdfast.cache.entries[sessions]":                   1,
			"holdfast.cache.limit[sessions]":                     1 << 20,
			"holdfast.cache.usage[sessions ids]":                 1,
			"holdfast.cache.usage[sessions values]":              1,
			"holdfast.cache.usage[sessions headers]":             float64(c.Stats().Bytes.Headers),
			"holdfast.cache.usage[sessions index]":               float64(c.Stats().Bytes.Index),
			"holdfast.cache.usage[sessions fixed]":               float64(c.Stats().Bytes.Fixed),
			"holdfast.cache.segment.entries[sessions probation]": 0,
			"holdfast.cache.segment.entries[sessions protected]": 1,
			"holdfast.cache.segment.usage[sessions probation]":   0,
			"holdfast.cache.segment.usage[sessions protected]":   float64(c.Stats().Protected.Bytes),
			"holdfast.cache.protected.limit[sessions]":           float64(c.Stats().ProtectedLimit),
			"holdfast.cache.lookups[sessions hit]":               1,
			"holdfast.cache.lookups[sessions miss]":              1,
			"holdfast.cache.sets[sessions]":                      1,
			"holdfast.cache.evictions[sessions capacity]":        0,
			"holdfast.cache.evictions[sessions expired]":         0,
			"holdfast.cache.callback.panics[sessions]":           0,
		}, steady(Sources{Cache: c}.Samples()))
		require.NoError(t, c.Close())
		require.NotPanics(t, func() { Sources{Cache: c}.Samples() })
	})
	t.Run("a store", func(t *testing.T) {
		values := steady(Sources{Store: store{Away: true, Mode: tier.Verified, Local: cache.Stats{Entries: 3}}}.Samples())
		require.EqualValues(t, 0, values["holdfast.store.available[]"])
		require.EqualValues(t, 1, values["holdfast.store.mode[verified]"])
		require.EqualValues(t, 3, values["holdfast.cache.entries[copies]"])
		require.NotContains(t, values, "holdfast.cache.entries[sessions]")
		require.Empty(t, of(cache.Stats{}, "holdfast.cache.lock.slow"), "Stats of no cache")
		values = steady(Sources{Store: store{}}.Samples())
		require.EqualValues(t, 1, values["holdfast.store.available[]"])
	})
	t.Run("a table with another type", func(t *testing.T) {
		require.Panics(t, func() { number("1") })
	})
}

// steady returns samples by name and labels, without those of ages and of
// operations.
func steady(all []Sample) map[string]float64 {
	values := make(map[string]float64)
	for _, s := range all {
		if !strings.HasSuffix(s.Metric.Name, ".age") && !slices.Contains(s.Metric.Labels, "operation") {
			values[fmt.Sprint(s.Metric.Name, s.Labels)] = s.Value
		}
	}
	return values
}

// of returns the samples of one metric of a cache, without the label holds.
func of(stats cache.Stats, name string) (all []string) {
	for _, s := range (reading{cache: &stats}).samples() {
		if s.Metric.Name == name {
			all = append(all, fmt.Sprint(s.Labels[1], "=", s.Value))
		}
	}
	return all
}

// The curve of a new cache has no points, which is not a hit ratio of 0.
func TestSamples_curve(t *testing.T) {
	const name = "holdfast.cache.predicted.hit"
	require.Empty(t, of(cache.Stats{}, name))
	var stats cache.Stats
	for i := range stats.Curve {
		stats.Curve[i] = cache.CurvePoint{MaxBytes: 1 << i, HitRatio: float64(i) / 10}
	}
	require.Equal(t, []string{"0.25=0", "0.5=0.1", "1=0.2", "2=0.3", "4=0.4"}, of(stats, name))
}

func TestSamples_long_operations(t *testing.T) {
	running := cache.Stats{Running: []cache.Progress{
		{Operation: "scan", Total: 0, Done: 5}, {Operation: "save", Total: 8, Done: 6}, {Operation: "save", Total: 8, Done: 1}, {Operation: "new", Total: 4, Done: 1},
	}}
	require.Equal(t, []string{"load=0", "new=1", "resize=0", "save=2", "scan=1", "sort=0"}, of(running, "holdfast.cache.operations"))
	require.Equal(t, []string{"load=0", "resize=0", "save=0", "scan=0", "sort=0"}, of(cache.Stats{}, "holdfast.cache.operations"))
	require.Equal(t, []string{"save=0.75", "new=0.25"}, of(running, "holdfast.cache.operation.done"))
	require.Empty(t, of(cache.Stats{}, "holdfast.cache.operation.done"))
}

func TestExpvar(t *testing.T) {
	var latency tier.Latencies
	latency.Read.Buckets[3], latency.Read.Sum = 4, 2*time.Second
	s := Sources{Manager: newManager(t), Cache: newCache(t), Store: store{Hits: 7, Latency: latency, ProofAge: 1500 * time.Millisecond, Local: cache.Stats{MaxBytes: 5, Hits: 1 << 40}}}
	var read map[string]any
	require.NoError(t, json.Unmarshal([]byte(s.String()), &read))
	require.Equal(t, map[string]any{"copy": 7., "verified": 0., "database": 0.}, read["store_reads_total"])
	require.Equal(t, 1.5, read["store_proof_age_seconds"])
	require.Equal(t, map[string]any{"copies": 5., "sessions": float64(1 << 20)}, read["cache_limit_bytes"])
	require.Equal(t, map[string]any{"hit": float64(1 << 40), "miss": 0.}, read["cache_lookups_total"].(map[string]any)["copies"])
	require.Equal(t, 0., read["sessions_created_total"])
	require.Equal(t, map[string]any{"count": 4., "sum": 2.}, read["store_command_duration_seconds"].(map[string]any)["read"])
	require.Contains(t, s.String(), "1099511627776", "no exponent")
	var names []string
	for _, m := range All() {
		if m.Name == "holdfast.cache.predicted.hit" || m.Name == "holdfast.cache.operation.done" {
			continue // there is none now
		}
		names = append(names, strings.TrimPrefix(m.PrometheusName(), "holdfast_"))
	}
	require.ElementsMatch(t, names, slices.Collect(maps.Keys(read)))
}

func BenchmarkSamples(b *testing.B) {
	s := Sources{Manager: newManager(b), Cache: newCache(b), Store: store{}}
	b.ReportAllocs()
	for b.Loop() {
		s.Samples()
	}
}
