package promholdfast_test

import (
	"log"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/metrics"
	promholdfast "github.com/holdfast-go/holdfast/metrics/prometheus"
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
	registry := prometheus.NewRegistry()
	registry.MustRegister(promholdfast.New(metrics.Sources{Name: "shop", Manager: sessions, Cache: c}))
	admin := http.NewServeMux()
	admin.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	// Serve admin at an address that only Prometheus reaches.
}
