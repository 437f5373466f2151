package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/metrics"
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

// watch serves the live page of the sessions, and the metrics as JSON. For
// Prometheus and OpenTelemetry, metrics/prometheus and metrics/otel export the
// same sources.
func watch(sources metrics.Sources, page http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/sessions/", page)
	mux.HandleFunc("GET /debug/vars", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintln(w, sources)
	})
	return mux
}

// operators permits the requests of this machine to end users' sessions. The
// name in the request shows that no other site has led the browser here. On an
// address that others reach, check a password instead.
func operators(r *http.Request) error {
	host, _, err := net.SplitHostPort(r.Host)
	if ip := net.ParseIP(host); err == nil && (host == "localhost" || ip.IsLoopback()) {
		return nil
	}
	return errors.New("not from this machine")
}
