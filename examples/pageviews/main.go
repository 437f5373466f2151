// Pageviews is the classic demonstration of sessions: it greets a new visitor,
// and tells one who comes back how often. Below the count it shows what the
// cache of sessions holds.
//
//	go run ./examples/pageviews
//	go run ./examples/pageviews -addr :8080
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os/signal"
	"syscall"
	"time"

	"github.com/holdfast-go/holdfast/cache"
)

func main() {
	addr := flag.String("addr", ":3000", "address to listen on")
	flag.Parse()

	stop, release := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer release()
	if err := run(stop, *addr); err != nil {
		log.Fatal(err)
	}
}

// run serves the pages until stop is done, and then lets the requests under
// way finish.
func run(stop context.Context, addr string) error {
	sessions, err := cache.New(cache.Options{MaxBytes: 64 << 20})
	if err != nil {
		return err
	}
	defer sessions.Close()

	handler, err := newHandler(sessions)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	log.Printf("open %s, and reload the page", address(listener))

	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return err
	case <-stop.Done():
	}

	log.Print("stopping")
	finish, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := server.Shutdown(finish); err != nil {
		return err
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// address returns the URL to open for a listener on any address.
func address(l net.Listener) string {
	addr := l.Addr().(*net.TCPAddr)
	host := "localhost"
	if !addr.IP.IsUnspecified() {
		host = addr.IP.String()
	}
	return fmt.Sprintf("http://%s/", net.JoinHostPort(host, fmt.Sprint(addr.Port)))
}
