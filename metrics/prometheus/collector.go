// Package promholdfast exports the metrics of a program's sessions to
// Prometheus.
//
//	registry.MustRegister(promholdfast.New(metrics.Sources{Cache: c, Store: store}))
//
// docs/metrics.md lists the metrics. alerts.yml, beside this file, has alert
// rules on them, and metrics/grafana has a dashboard.
package promholdfast

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/holdfast-go/holdfast/metrics"
	"github.com/holdfast-go/holdfast/tier"
)

// New returns a collector of the metrics of s. Each metric has s.Name as its
// constant label "name". For several caches or managers, register a collector
// for each, with a name of its own: a registry refuses the same name twice.
//
// A scrape calls Stats of each part once. The collector is safe for concurrent
// use. It does not keep the parts open, and may be used after they are closed.
func New(s metrics.Sources) prometheus.Collector {
	c := &collector{sources: s, descs: make(map[*metrics.Metric]*prometheus.Desc)}
	for _, m := range metrics.All() {
		c.descs[m] = prometheus.NewDesc(m.PrometheusName(), m.Help, m.Labels, prometheus.Labels{"name": s.Name})
	}
	return c
}

type collector struct {
	sources metrics.Sources
	descs   map[*metrics.Metric]*prometheus.Desc
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		descs <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(collected chan<- prometheus.Metric) {
	for _, s := range c.sources.Samples() {
		desc := c.descs[s.Metric]
		switch s.Metric.Kind {
		case metrics.Histogram:
			collected <- prometheus.MustNewConstHistogram(desc, s.Histogram.Count(), s.Histogram.Sum.Seconds(), cumulative(s.Histogram), s.Labels...)
		case metrics.Counter:
			collected <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, s.Value, s.Labels...)
		default:
			collected <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, s.Value, s.Labels...)
		}
	}
}

// cumulative returns the buckets as Prometheus counts them: each has all
// durations up to its bound.
func cumulative(h *tier.Histogram) map[float64]uint64 {
	buckets := make(map[float64]uint64)
	n := uint64(0)
	for i, bound := range tier.HistogramBounds() {
		n += h.Buckets[i]
		buckets[bound.Seconds()] = n
	}
	return buckets
}
