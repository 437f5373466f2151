// Production is a page view counter as it would run in production, behind a
// proxy that terminates TLS. Its cache has a cap, publishes metrics and keeps
// the sessions across a restart.
//
//	go run ./examples/production
//	go run ./examples/production -snapshot /var/lib/app/sessions -proxy 10.0.0.0/8
//
// The metrics are at http://localhost:3001/debug/vars, an address that only
// this machine reaches.
package main

import (
	"context"
	"errors"
	"flag"
	"net"
	"net/http"
	"net/netip"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/examples/internal/serve"
)

func main() {
	s := &settings{maxBytes: 256 << 20} // a pointer, so that run sees the flags
	flag.Int64Var(&s.maxBytes, "max-bytes", s.maxBytes, "`bytes` that the sessions may take")
	flag.StringVar(&s.snapshot, "snapshot", "", "`file` that keeps the sessions while the program restarts")
	flag.TextVar(&s.proxy, "proxy", netip.Prefix{}, "`network` of the proxy that terminates TLS")
	flag.StringVar(&s.admin, "admin", "localhost:3001", "`address` of the metrics, which only you may see")
	serve.Main(s.run)
}

type settings struct {
	maxBytes int64
	snapshot string
	proxy    netip.Prefix
	admin    string
}

// run serves the page at addr until stop is done.
func (s *settings) run(stop context.Context, addr string) (err error) {
	c, err := cache.New(cache.Options{MaxBytes: s.maxBytes})
	if err != nil {
		return err
	}
	defer c.Close()
	restore(c, s.snapshot)
	if err := try(c, s.snapshot); err != nil {
		return err
	}
	defer func() { // after the last request
		err = errors.Join(err, save(c, s.snapshot))
	}()

	options := holdfast.Options{Cache: c}
	if s.proxy.IsValid() {
		options.TrustedProxies = []netip.Prefix{s.proxy}
	}
	sessions, err := holdfast.New(options)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", s.admin)
	if err != nil {
		return err
	}
	admin := &http.Server{Handler: watch(c)}
	defer admin.Close()
	go admin.Serve(listener)

	hint := "open %s, and watch http://" + listener.Addr().String() + "/debug/vars"
	return serve.Until(stop, addr, pages(sessions), hint)
}
