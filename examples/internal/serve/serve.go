// Package serve starts and stops the servers of the examples.
package serve

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
)

// Main is the main function of an example: it calls run with the address of the
// flag -addr, and with a context that is done when the program is told to stop.
func Main(run func(stop context.Context, addr string) error) {
	addr := flag.String("addr", ":3000", "address to listen on")
	flag.Parse()

	stop, release := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer release()
	if err := run(stop, *addr); err != nil {
		log.Fatal(err)
	}
}

// Until serves handler at addr until stop is done, and then lets the requests
// under way finish. It logs the URL to open, and what to do then.
func Until(stop context.Context, addr string, handler http.Handler, then string) error {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	log.Printf("open %s, %s", address(listener), then)

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
