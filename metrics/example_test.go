package metrics_test

import (
	"expvar"
	"fmt"
	"log"
	"net/http"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/metrics"
)

// The metrics go to an address that only the operator reaches.
func ExampleSources() {
	c, err := cache.New(cache.Options{})
	if err != nil {
		log.Fatal(err)
	}
	sessions, err := holdfast.New(holdfast.Options{Cache: c})
	if err != nil {
		log.Fatal(err)
	}
	expvar.Publish("shop", metrics.Sources{Manager: sessions, Cache: c})
	admin := http.NewServeMux()
	admin.Handle("GET /debug/vars", expvar.Handler())
	// Serve admin at localhost:3001, and sessions.Handler(…) to the public.
}

// An exporter of your own prints, or sends, each sample.
func ExampleSources_Samples() {
	c, err := cache.New(cache.Options{MaxBytes: 1 << 20})
	if err != nil {
		log.Fatal(err)
	}
	for _, sample := range (metrics.Sources{Cache: c}).Samples() {
		if sample.Metric.Name == "holdfast.cache.limit" {
			fmt.Println(sample.Metric.Name, sample.Labels, sample.Value, sample.Metric.Unit)
		}
	}
	// Output: holdfast.cache.limit [sessions] 1.048576e+06 By
}
