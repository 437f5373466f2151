// Package otelholdfast exports the metrics of a program's sessions with
// OpenTelemetry.
//
//	registration, err := otelholdfast.Register(provider, sources)
//	// and for the latencies of a Store, where the provider is made:
//	sdkmetric.NewPeriodicReader(exporter, sdkmetric.WithProducer(otelholdfast.NewProducer(sources)))
//
// docs/metrics.md lists the metrics. Their attributes have short keys, such as
// "name" and "reason": so a Prometheus that receives the metrics has the same
// series as one that scrapes metrics/prometheus, and the dashboard and the
// alerts there work for both.
package otelholdfast

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/holdfast-go/holdfast/metrics"
)

// scope names the meter.
const scope = "github.com/holdfast-go/holdfast/metrics/otel"

// Register makes an asynchronous instrument for each metric, except histograms,
// and observes s at each collection. Each observation has s.Name as its
// attribute "name". For several caches or managers, call Register for each,
// with a name of its own. Unregister of the result ends the observation. The
// error is the provider's: it refuses an instrument.
//
// A collection calls Stats of each part once. s may be closed before
// Unregister.
func Register(provider metric.MeterProvider, s metrics.Sources) (metric.Registration, error) {
	meter := provider.Meter(scope)
	instruments := make(map[*metrics.Metric]instrument)
	var all []metric.Observable
	for _, m := range metrics.All() {
		if m.Kind == metrics.Histogram {
			continue
		}
		i, err := newInstrument(meter, m)
		if err != nil {
			return nil, fmt.Errorf("otelholdfast: making the instrument %s: %w", m.Name, err)
		}
		instruments[m] = i
		all = append(all, i.observable())
	}
	registration, err := meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		for _, sample := range s.Samples() {
			if i, ok := instruments[sample.Metric]; ok {
				i.observe(o, sample.Value, metric.WithAttributeSet(attributesOf(s, sample)))
			}
		}
		return nil
	}, all...)
	if err != nil {
		return nil, fmt.Errorf("otelholdfast: registering the callback: %w", err)
	}
	return registration, nil
}

// instrument has one of two observables: numbers of things are integers.
type instrument struct {
	integer metric.Int64Observable
	float   metric.Float64Observable
}

func (i instrument) observable() metric.Observable {
	if i.integer != nil {
		return i.integer
	}
	return i.float
}

func (i instrument) observe(o metric.Observer, value float64, attributes metric.ObserveOption) {
	if i.integer != nil {
		o.ObserveInt64(i.integer, int64(value), attributes)
	} else {
		o.ObserveFloat64(i.float, value, attributes)
	}
}

func newInstrument(meter metric.Meter, m *metrics.Metric) (i instrument, err error) {
	help, unit := metric.WithDescription(m.Help), metric.WithUnit(m.Unit)
	isFloat := m.Unit == "s" || m.Unit == "1"
	switch {
	case m.Kind == metrics.Counter && isFloat:
		i.float, err = meter.Float64ObservableCounter(m.Name, help, unit)
	case m.Kind == metrics.Counter:
		i.integer, err = meter.Int64ObservableCounter(m.Name, help, unit)
	case m.Kind == metrics.UpDownCounter && isFloat:
		i.float, err = meter.Float64ObservableUpDownCounter(m.Name, help, unit)
	case m.Kind == metrics.UpDownCounter:
		i.integer, err = meter.Int64ObservableUpDownCounter(m.Name, help, unit)
	case isFloat:
		i.float, err = meter.Float64ObservableGauge(m.Name, help, unit)
	default:
		i.integer, err = meter.Int64ObservableGauge(m.Name, help, unit)
	}
	return i, err
}

func attributesOf(s metrics.Sources, sample metrics.Sample) attribute.Set {
	all := []attribute.KeyValue{attribute.String("name", s.Name)}
	for i, value := range sample.Labels {
		all = append(all, attribute.String(sample.Metric.Labels[i], value))
	}
	return attribute.NewSet(all...)
}
