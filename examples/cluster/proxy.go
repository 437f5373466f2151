package main

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
)

// newProxy returns a handler that sends each request to the next instance. It
// also lists, kills and starts instances.
func newProxy(all *instances) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /instances", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_ = json.NewEncoder(w).Encode(all.list())
	})
	mux.HandleFunc("POST /instances/{name}/kill", func(w http.ResponseWriter, r *http.Request) {
		all.kill(r.PathValue("name"))
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
	mux.HandleFunc("POST /instances/{name}/start", func(w http.ResponseWriter, r *http.Request) {
		if err := all.start(r.PathValue("name")); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
	mux.Handle("/", &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: "instance"})
			r.Out.Host = r.In.Host
			r.SetXForwarded()
		},
		Transport:     roundRobin{all, &http.Transport{MaxIdleConnsPerHost: 64}},
		FlushInterval: -1, // an event of a stream must not wait
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
			w.Header().Set("Retry-After", "1")
			http.Error(w, "The instance was killed while it answered. Please reload the page.", http.StatusBadGateway)
		},
	})
	return http.NewCrossOriginProtection().Handler(mux)
}

// roundRobin sends each request to the next instance that accepts it.
type roundRobin struct {
	all       *instances
	transport *http.Transport
}

func (r roundRobin) RoundTrip(request *http.Request) (*http.Response, error) {
	err := errors.New("no instance runs")
	for _, i := range r.all.turns() {
		attempt := request.Clone(request.Context())
		attempt.URL.Host = i.addr
		var response *http.Response
		if response, err = r.transport.RoundTrip(attempt); err == nil {
			r.all.answered(i)
			return response, nil
		}
		// Only a request that no instance has received may go to another.
		if dial := (*net.OpError)(nil); !errors.As(err, &dial) || dial.Op != "dial" {
			return nil, err
		}
	}
	return nil, err
}
