// Cluster runs three instances of a site behind a proxy that sends each request
// to the next one. They share their sessions in Valkey or Redis. The page shows
// the instance that answered, and whether it asked the server. Kill an
// instance, and nobody notices.
//
//	go run ./examples/cluster
//	go run ./examples/cluster -url redis://localhost:6379/0 -mode verified
//
// It starts a server of its own, unless -url names one.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/holdfast-go/holdfast/examples/internal/serve"
	"github.com/holdfast-go/holdfast/internal/testserver"
	"github.com/holdfast-go/holdfast/tier"
)

// modes are the values of the flag -mode.
var modes = map[string]tier.Mode{"cached": tier.Cached, "verified": tier.Verified, "direct": tier.Direct}

func main() {
	url := flag.String("url", "", "`URL` of a Redis or Valkey server; empty starts one")
	mode := flag.String("mode", "cached", "how instances use local copies: cached, verified or direct")
	timeout := flag.Duration("timeout", 250*time.Millisecond, "how long an instance waits for an answer of that server")
	name := flag.String("instance", "", "for the program itself: run one instance of this `name`")
	serve.Main(func(stop context.Context, addr string) error {
		if _, known := modes[*mode]; !known {
			return fmt.Errorf("-mode is %q; it must be cached, verified or direct", *mode)
		}
		if *name != "" {
			return runInstance(stop, *name, *url, tier.Options{Mode: modes[*mode], Timeout: *timeout})
		}
		return run(stop, addr, *url, "-mode", *mode, "-timeout", timeout.String())
	})
}

// run serves the site at addr until stop is done. The flags are those of the
// instances.
func run(stop context.Context, addr, url string, flags ...string) error {
	if url == "" {
		server, err := startServer()
		if err != nil {
			return err
		}
		defer server.Close()
		url = "redis://" + server.Addr()
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	all := newInstances(program, append(flags, "-url", url)...)
	defer all.killAll()
	for _, name := range []string{"A", "B", "C"} {
		if err := all.start(name); err != nil {
			return err
		}
	}
	return serve.Until(stop, addr, newProxy(all), "open %s, reload the page, and kill an instance")
}

// startServer starts Valkey, or Redis if only that is installed.
func startServer() (*testserver.Server, error) {
	for _, kind := range []testserver.Kind{testserver.Valkey, testserver.Redis} {
		server, err := testserver.Start(kind, "appendonly yes")
		if !errors.Is(err, testserver.ErrMissing) {
			log.Printf("started %s for the sessions", kind)
			return server, err
		}
	}
	return nil, errors.New("neither valkey-server nor redis-server is installed; install one (on Debian: apt-get install redis-server), or name a server with -url redis://host:6379")
}
