package otelholdfast

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/holdfast-go/holdfast/metrics"
	"github.com/holdfast-go/holdfast/tier"
)

// NewProducer returns a producer of the histograms of s, for a reader: there is
// no asynchronous instrument for them. It is safe for concurrent use.
func NewProducer(s metrics.Sources) sdkmetric.Producer { return &producer{s, time.Now()} }

type producer struct {
	sources metrics.Sources
	began   time.Time
}

// Produce implements sdkmetric.Producer.
func (p *producer) Produce(context.Context) ([]metricdata.ScopeMetrics, error) {
	points := make(map[*metrics.Metric][]metricdata.HistogramDataPoint[float64])
	now := time.Now()
	for _, sample := range p.sources.Samples() {
		if h := sample.Histogram; h != nil {
			points[sample.Metric] = append(points[sample.Metric], metricdata.HistogramDataPoint[float64]{
				Attributes: attributesOf(p.sources, sample), StartTime: p.began, Time: now,
				Count: h.Count(), Sum: h.Sum.Seconds(), Bounds: bounds(), BucketCounts: h.Buckets[:],
			})
		}
	}
	if len(points) == 0 {
		return nil, nil
	}
	all := metricdata.ScopeMetrics{Scope: instrumentation.Scope{Name: scope}}
	for _, m := range metrics.All() {
		if points[m] != nil {
			all.Metrics = append(all.Metrics, metricdata.Metrics{
				Name: m.Name, Description: m.Help, Unit: m.Unit,
				Data: metricdata.Histogram[float64]{Temporality: metricdata.CumulativeTemporality, DataPoints: points[m]},
			})
		}
	}
	return []metricdata.ScopeMetrics{all}, nil
}

func bounds() (seconds []float64) {
	for _, bound := range tier.HistogramBounds() {
		seconds = append(seconds, bound.Seconds())
	}
	return seconds
}
