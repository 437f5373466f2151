package otelholdfast_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/otlptranslator"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/metrics"
	otelholdfast "github.com/holdfast-go/holdfast/metrics/otel"
	"github.com/holdfast-go/holdfast/tier"
)

var background = context.Background()

// store returns fixed Stats.
type store tier.Stats

func (s store) Stats() tier.Stats { return tier.Stats(s) }

// sources have all parts.
func sources(t *testing.T, name string, stats tier.Stats) metrics.Sources {
	t.Helper()
	c, err := cache.New(cache.Options{MaxBytes: 1 << 20})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	sessions, err := holdfast.New(holdfast.Options{Cache: c})
	require.NoError(t, err)
	return metrics.Sources{Name: name, Manager: sessions, Cache: c, Store: store(stats)}
}

// collect returns the metrics of a reader by name.
func collect(t *testing.T, reader sdkmetric.Reader) map[string]metricdata.Metrics {
	t.Helper()
	var collected metricdata.ResourceMetrics
	require.NoError(t, reader.Collect(background, &collected))
	all := make(map[string]metricdata.Metrics)
	for _, scope := range collected.ScopeMetrics {
		require.Equal(t, "github.com/holdfast-go/holdfast/metrics/otel", scope.Scope.Name)
		for _, m := range scope.Metrics {
			require.NotContains(t, all, m.Name)
			all[m.Name] = m
		}
	}
	return all
}

// attributes returns those of a point as "a=1 b=2".
func attributes(set attribute.Set) string { return set.Encoded(attribute.DefaultEncoder()) }

func values[N int64 | float64](points []metricdata.DataPoint[N]) map[string]N {
	all := make(map[string]N)
	for _, p := range points {
		all[attributes(p.Attributes)] = p.Value
	}
	return all
}

func TestRegister(t *testing.T) {
	reader := sdkmetric.NewManualReader()
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	shop := sources(t, "shop", tier.Stats{Hits: 5, ProofAge: 1500 * time.Millisecond, Local: cache.Stats{MaxBytes: 7}})
	registration, err := otelholdfast.Register(provider, shop)
	require.NoError(t, err)
	admin, err := otelholdfast.Register(provider, sources(t, "admin", tier.Stats{Hits: 6}))
	require.NoError(t, err)

	all := collect(t, reader)
	reads := all["holdfast.store.reads"].Data.(metricdata.Sum[int64])
	require.True(t, reads.IsMonotonic)
	require.Equal(t, metricdata.CumulativeTemporality, reads.Temporality)
	require.Equal(t, map[string]int64{
		"name=shop,source=copy": 5, "name=shop,source=verified": 0, "name=shop,source=database": 0,
		"name=admin,source=copy": 6, "name=admin,source=verified": 0, "name=admin,source=database": 0,
	}, values(reads.DataPoints))
	limit := all["holdfast.cache.limit"].Data.(metricdata.Sum[int64])
	require.False(t, limit.IsMonotonic)
	require.Equal(t, map[string]int64{
		"holds=sessions,name=shop": 1 << 20, "holds=copies,name=shop": 7,
		"holds=sessions,name=admin": 1 << 20, "holds=copies,name=admin": 0,
	}, values(limit.DataPoints))
	age := all["holdfast.store.proof.age"]
	require.Equal(t, "s", age.Unit)
	require.Equal(t, map[string]float64{"name=shop": 1.5, "name=admin": 0}, values(age.Data.(metricdata.Gauge[float64]).DataPoints))
	require.Equal(t, map[string]int64{"mode=cached,name=shop": 1, "mode=cached,name=admin": 1}, values(all["holdfast.store.mode"].Data.(metricdata.Gauge[int64]).DataPoints))

	require.NoError(t, admin.Unregister())
	require.Len(t, collect(t, reader)["holdfast.store.mode"].Data.(metricdata.Gauge[int64]).DataPoints, 1)
	require.NoError(t, registration.Unregister())
	require.Empty(t, collect(t, reader))
}

// Each metric has an instrument, or is a histogram of the producer.
func TestRegister_has_every_metric(t *testing.T) {
	all := sources(t, "shop", tier.Stats{Local: cache.Stats{Curve: [5]cache.CurvePoint{{MaxBytes: 1, HitRatio: 0.5}}, Running: []cache.Progress{{Operation: "load", Total: 1}}}})
	reader := sdkmetric.NewManualReader(sdkmetric.WithProducer(otelholdfast.NewProducer(all)))
	_, err := otelholdfast.Register(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)), all)
	require.NoError(t, err)
	collected := collect(t, reader)
	var names []string
	for _, m := range metrics.All() {
		names = append(names, m.Name)
		require.Equal(t, m.Help, collected[m.Name].Description, m.Name)
		require.Equal(t, m.Unit, collected[m.Name].Unit, m.Name)
	}
	require.ElementsMatch(t, names, slices.Collect(maps.Keys(collected)))
}

// A Prometheus that receives the metrics has the names of metrics/prometheus.
func TestNames_in_Prometheus(t *testing.T) {
	kinds := map[metrics.Kind]otlptranslator.MetricType{
		metrics.Counter:       otlptranslator.MetricTypeMonotonicCounter,
		metrics.UpDownCounter: otlptranslator.MetricTypeNonMonotonicCounter,
		metrics.Gauge:         otlptranslator.MetricTypeGauge,
		metrics.Histogram:     otlptranslator.MetricTypeHistogram,
	}
	namer := otlptranslator.NewMetricNamer("", otlptranslator.UnderscoreEscapingWithSuffixes)
	for _, m := range metrics.All() {
		name, err := namer.Build(otlptranslator.Metric{Name: m.Name, Unit: m.Unit, Type: kinds[m.Kind]})
		require.NoError(t, err)
		require.Equal(t, m.PrometheusName(), name)
	}
}

// refusing is a provider whose meter has errors.
type refusing struct {
	noop.MeterProvider
	counter, callback error
}

type refusingMeter struct {
	noop.Meter
	refusing
}

var errRefused = errors.New("refused")

func (r refusing) Meter(string, ...metric.MeterOption) metric.Meter {
	return refusingMeter{refusing: r}
}

func (r refusingMeter) Int64ObservableCounter(string, ...metric.Int64ObservableCounterOption) (metric.Int64ObservableCounter, error) {
	return noop.Int64ObservableCounter{}, r.counter
}

func (r refusingMeter) RegisterCallback(metric.Callback, ...metric.Observable) (metric.Registration, error) {
	return noop.Registration{}, r.callback
}

func TestRegister_refused(t *testing.T) {
	_, err := otelholdfast.Register(refusing{counter: errRefused}, metrics.Sources{})
	require.ErrorIs(t, err, errRefused)
	require.ErrorContains(t, err, "holdfast.sessions.created")
	_, err = otelholdfast.Register(refusing{callback: errRefused}, metrics.Sources{})
	require.ErrorIs(t, err, errRefused)
}

func TestProducer(t *testing.T) {
	var latency tier.Latencies
	latency.Scan.Buckets[0], latency.Scan.Buckets[15], latency.Scan.Sum = 2, 1, 3*time.Second
	produced, err := otelholdfast.NewProducer(sources(t, "shop", tier.Stats{Latency: latency})).Produce(background)
	require.NoError(t, err)
	require.Len(t, produced, 1)
	require.Len(t, produced[0].Metrics, 1)
	h := produced[0].Metrics[0].Data.(metricdata.Histogram[float64])
	require.Equal(t, metricdata.CumulativeTemporality, h.Temporality)
	require.Len(t, h.DataPoints, 6)
	for _, p := range h.DataPoints {
		require.Len(t, p.BucketCounts, len(p.Bounds)+1)
		require.False(t, p.Time.Before(p.StartTime))
		if strings.Contains(attributes(p.Attributes), "command=scan") {
			require.Equal(t, "command=scan,name=shop", attributes(p.Attributes))
			require.EqualValues(t, 3, p.Count)
			require.EqualValues(t, 3, p.Sum)
			require.EqualValues(t, 2, p.BucketCounts[0])
			require.EqualValues(t, 0.0001, p.Bounds[0])
		} else {
			require.Zero(t, p.Count)
		}
	}
	none, err := otelholdfast.NewProducer(metrics.Sources{}).Produce(background)
	require.NoError(t, err)
	require.Empty(t, none, "there is no Store")
}

func BenchmarkCollect(b *testing.B) {
	reader := sdkmetric.NewManualReader()
	_, err := otelholdfast.Register(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)), metrics.Sources{Store: store{}})
	require.NoError(b, err)
	var collected metricdata.ResourceMetrics
	b.ReportAllocs()
	for b.Loop() {
		_ = reader.Collect(background, &collected)
	}
}
