// Package serve starts and stops the servers of the examples.
package serve

import (
	"context"
	"errors"
	"flag"
	"log"
	"net"
	"net/http"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

// Main is the main function of an example. It calls run with the address of the
// flag -addr and with a context that is done on SIGINT or SIGTERM. Only this
// machine reaches the default address, since the passwords of the examples are
// public.
func Main(run func(stop context.Context, addr string) error) {
	addr := flag.String("addr", "localhost:3000", "`address` to listen on; with :8080 other machines reach it too")
	flag.Parse()
	if flag.NArg() > 0 {
		log.Fatalf("%q is no flag; see -h for all flags", flag.Arg(0))
	}

	stop, release := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer release()
	if err := run(stop, *addr); err != nil {
		log.Fatal(err)
	}
}

// Until serves handler at addr until stop is done. Then it waits up to ten
// seconds for the requests under way. It logs hint, a format whose first
// argument is the URL, such as http://localhost:3000/.
func Until(stop context.Context, addr string, handler http.Handler, hint string) error {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	log.Printf(hint, url(addr, listener))

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

// url returns the URL to open for a listener at addr. It has the port of the
// listener, since port 0 in addr means any free port.
func url(addr string, l net.Listener) string {
	host, _, _ := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); host == "" || ip.IsUnspecified() {
		host = "localhost"
	}
	port := l.Addr().(*net.TCPAddr).Port
	return "http://" + net.JoinHostPort(host, strconv.Itoa(port)) + "/"
}
