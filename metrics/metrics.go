// Package metrics lists the metrics of a program's sessions, and reads them. It
// registers nothing anywhere.
//
//	sources := metrics.Sources{Name: "shop", Manager: sessions, Cache: c}
//	expvar.Publish("shop", sources)
//
// Most programs give their Sources to package metrics/prometheus or
// metrics/otel, which are modules of their own. For another system, write an
// exporter on All and Sources.Samples: it has every metric that a later version
// adds.
//
// No metric has an ID, a value or a user. docs/metrics.md has all of them, with
// the alerts to put on them.
package metrics

import (
	"slices"
	"strings"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/tier"
)

// Sources are the parts of a program whose metrics are exported together. A
// part that is nil has no metrics. Sources are copied by value. Their methods
// are safe for concurrent use, also after the parts are closed.
type Sources struct {
	// Name tells these Sources from others of the same program. Exporters add
	// it to each metric as the label "name". It is constant and has no secret.
	// "" is a name too.
	Name string

	// Manager counts the sessions.
	Manager *holdfast.Manager

	// Cache has the sessions, or the values of package plug.
	Cache *cache.Cache

	// Store is a *tier.Store, a *redisstore.Store or a *sqlstore.Store.
	Store interface{ Stats() tier.Stats }
}

// Kind says how the values of a metric develop, and how exporters declare it.
type Kind uint8

// The kinds of metrics.
const (
	Counter       Kind = iota // only grows, from 0 when the part is made
	UpDownCounter             // has a meaning when it is added up over instances
	Gauge                     // has none, such as an age
	Histogram                 // counts of durations
)

func (k Kind) String() string {
	switch k {
	case Counter:
		return "counter"
	case UpDownCounter:
		return "up-down counter"
	case Gauge:
		return "gauge"
	case Histogram:
		return "histogram"
	}
	return "unknown"
}

// Metric describes a metric. Its samples differ in the values of its labels.
type Metric struct {
	// Name follows OpenTelemetry: "holdfast.cache.evictions".
	Name string

	// Unit is in UCUM, as in OpenTelemetry: "s", "By", "{entry}" for a number
	// of entries, "1" for a ratio. It is "" for 0 or 1.
	Unit string

	Kind   Kind
	Help   string   // one sentence
	Labels []string // the names of its labels; Sources.Name is none of them
}

// PrometheusName returns the name by the conventions of Prometheus:
// "holdfast_cache_evictions_total". It is the name that Prometheus gives to
// Metric.Name if it receives the metric from OpenTelemetry.
func (m *Metric) PrometheusName() string {
	name := strings.ReplaceAll(m.Name, ".", "_")
	switch m.Unit {
	case "s":
		name += "_seconds"
	case "By":
		name += "_bytes"
	case "1":
		name += "_ratio"
	}
	if m.Kind == Counter {
		name += "_total"
	}
	return name
}

// Sample is the value of a metric for some values of its labels.
type Sample struct {
	Metric *Metric  // shared; not to be changed
	Labels []string // the values of Metric.Labels, in their order

	// Value is in Metric.Unit. It is 0 if Kind is Histogram.
	Value float64

	// Histogram is set if Kind is Histogram, and nil otherwise.
	Histogram *tier.Histogram
}

// All returns every metric that Sources can have, in the order of Samples. The
// slice is the caller's, the metrics are shared.
func All() []*Metric {
	return slices.Concat(describe(sessionTable), describe(cacheTable), describe(storeTable))
}

// Samples returns the samples of now. It calls Stats of each part once, so the
// samples of a part belong together. The slice is the caller's.
func (s Sources) Samples() []Sample {
	var r reading
	if s.Manager != nil {
		r.sessions = new(s.Manager.Stats())
	}
	if s.Cache != nil {
		r.cache = new(s.Cache.Stats())
	}
	if s.Store != nil {
		r.store = new(s.Store.Stats())
		r.copies = &r.store.Local
	}
	return r.samples()
}

// reading has the Stats of each part; nil if there is no such part.
type reading struct {
	sessions      *holdfast.Stats
	cache, copies *cache.Stats
	store         *tier.Stats
}

func (r reading) samples() (all []Sample) {
	for i := range sessionTable {
		all = sessionTable[i].appendTo(all, r.sessions)
	}
	for i := range cacheTable {
		all = cacheTable[i].appendTo(all, r.cache, "sessions")
		all = cacheTable[i].appendTo(all, r.copies, "copies")
	}
	for i := range storeTable {
		all = storeTable[i].appendTo(all, r.store)
	}
	return all
}

// row is a metric that is read from S, the Stats of a part.
type row[S any] struct {
	Metric
	read func(s *S, emit emitter)
}

// emitter receives the samples of a row. The value is a number, a
// time.Duration, a bool or a tier.Histogram.
type emitter func(value any, labels ...string)

func (r *row[S]) appendTo(all []Sample, stats *S, outer ...string) []Sample {
	if stats != nil {
		r.read(stats, func(value any, labels ...string) {
			sample := Sample{Metric: &r.Metric, Labels: slices.Concat(outer, labels)}
			if h, ok := value.(tier.Histogram); ok {
				sample.Histogram = &h
			} else {
				sample.Value = number(value)
			}
			all = append(all, sample)
		})
	}
	return all
}

func describe[S any](table []row[S]) (all []*Metric) {
	for i := range table {
		all = append(all, &table[i].Metric)
	}
	return all
}
