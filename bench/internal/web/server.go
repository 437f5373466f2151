package web

import (
	"fmt"
	"net"
	"net/http"
	"runtime"
	"time"

	"github.com/holdfast-go/holdfast"
)

const serveTask = "web.serve"

// serve starts a server of the page view counter on this machine's loopback, on
// so many processors, and returns its address. It ends with the process.
func serve(processors int) (string, error) {
	manager, err := holdfast.New(holdfast.Options{})
	if err != nil {
		return "", err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	runtime.GOMAXPROCS(processors)
	server := &http.Server{Handler: manager.Handler(http.HandlerFunc(countView)), ReadHeaderTimeout: time.Minute}
	go server.Serve(listener)
	return listener.Addr().String(), nil
}

// countView is the page that the Node program shows too.
func countView(w http.ResponseWriter, r *http.Request) {
	s, ok := holdfast.FromContext(r.Context())
	if !ok {
		http.Error(w, errNoSession.Error(), http.StatusInternalServerError)
		return
	}
	views, _ := holdfast.Get[int](s, "views")
	views++
	s.Set("views", views)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintf(w, "You visited this page %d times\n", views)
}
