package otelholdfast_test

import (
	"log"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/metrics"
	otelholdfast "github.com/holdfast-go/holdfast/metrics/otel"
)

func Example() {
	c, err := cache.New(cache.Options{})
	if err != nil {
		log.Fatal(err)
	}
	sessions, err := holdfast.New(holdfast.Options{Cache: c})
	if err != nil {
		log.Fatal(err)
	}
	sources := metrics.Sources{Name: "shop", Manager: sessions, Cache: c}

	var exporter sdkmetric.Exporter // of your choice
	if exporter == nil {
		return
	}
	reader := sdkmetric.NewPeriodicReader(exporter, sdkmetric.WithProducer(otelholdfast.NewProducer(sources)))
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	if _, err := otelholdfast.Register(provider, sources); err != nil {
		log.Fatal(err)
	}
}
