package main

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
)

// pages serves the page at the path / only, so that a browser's own request for
// /favicon.ico does not count as a visit.
func pages(sessions *holdfast.Manager) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		count(w, sessions.Session(r))
	})
	return sessions.Handler(mux)
}

func count(w http.ResponseWriter, s *holdfast.Session) {
	visits, err := holdfast.Update(s, "visits", func(n int) int { return n + 1 })
	if err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	fmt.Fprintln(w, sentence(visits))
}

func sentence(visits int) string {
	if visits == 1 {
		return "You visited this page once"
	}
	return fmt.Sprintf("You visited this page %d times", visits)
}

// watch serves the cache's statistics as JSON. For Prometheus, export each
// number as a gauge or a counter.
func watch(c *cache.Cache) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/vars", func(w http.ResponseWriter, _ *http.Request) {
		stats := c.Stats()
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{
			"sessions":             stats.Entries,
			"bytes":                stats.Bytes.Total(),
			"max_bytes":            stats.MaxBytes,
			"hits":                 stats.Hits,
			"misses":               stats.Misses,
			"expired":              stats.EvictedExpired,
			"evicted_for_capacity": stats.EvictedForCapacity, // grows at the cap
			"victim_age_seconds":   stats.VictimAge.Seconds(),
		})
	})
	return mux
}
