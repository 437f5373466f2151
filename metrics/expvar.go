package metrics

import (
	"encoding/json"
	"strings"
)

// String returns the samples of now as a JSON object, so Sources are an
// expvar.Var:
//
//	expvar.Publish("shop", sources)
//
// Its keys are the names of Prometheus without "holdfast_". A metric with
// labels is an object, by the values of its labels in their order. This package
// does not import expvar, which would serve /debug/vars to all visitors of a
// program that uses http.DefaultServeMux.
func (s Sources) String() string {
	all := make(map[string]any)
	for _, sample := range s.Samples() {
		at, key := all, strings.TrimPrefix(sample.Metric.PrometheusName(), "holdfast_")
		for _, label := range sample.Labels {
			if at[key] == nil {
				at[key] = make(map[string]any)
			}
			at, key = at[key].(map[string]any), label
		}
		at[key] = sample.Value
		if h := sample.Histogram; h != nil {
			at[key] = map[string]any{"count": h.Count(), "sum": h.Sum.Seconds()}
		}
	}
	text, err := json.Marshal(all)
	if err != nil {
		panic(err) // a number that is not finite
	}
	return string(text)
}
