// Production is a page view counter as it would run in production, behind a
// proxy that terminates TLS. Its cache has a cap and keeps the sessions across
// a restart. A log has the logins and the ends of sessions. A live page and
// metrics show how it is.
//
//	go run ./examples/production
//	go run ./examples/production -snapshot /var/lib/app/sessions -proxy 10.0.0.0/8
//
//	go run ./examples/production -demo -max-bytes 8388608
//
// The live page is at http://localhost:3001/sessions/, an address that only
// this machine reaches, and the metrics are at /debug/vars. -demo makes load,
// so that the page has something to show.
package main

import (
	"context"
	"errors"
	"flag"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"time"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/examples/internal/serve"
	"github.com/holdfast-go/holdfast/inspect"
	"github.com/holdfast-go/holdfast/metrics"
)

func main() {
	s := &settings{maxBytes: 256 << 20} // a pointer, so that run sees the flags
	flag.Int64Var(&s.maxBytes, "max-bytes", s.maxBytes, "`bytes` that the sessions may take")
	flag.StringVar(&s.snapshot, "snapshot", "", "`file` that keeps the sessions while the program restarts")
	flag.TextVar(&s.proxy, "proxy", netip.Prefix{}, "`network` of the proxy that terminates TLS")
	flag.StringVar(&s.admin, "admin", "localhost:3001", "`address` of the live page and the metrics, which only you may see")
	flag.BoolVar(&s.demo, "demo", false, "make load, so that the live page has something to show; try it with -max-bytes 8388608")
	serve.Main(s.run)
}

type settings struct {
	maxBytes int64
	snapshot string
	proxy    netip.Prefix
	admin    string
	demo     bool
}

// run serves the page at addr until stop is done.
func (s *settings) run(stop context.Context, addr string) (err error) {
	var sessions *holdfast.Manager
	c, err := cache.New(cache.Options{MaxBytes: s.maxBytes, OnEvict: func(id string, why cache.EvictionReason) {
		sessions.OnEvict(id, why)
	}})
	if err != nil {
		return err
	}
	defer c.Close()
	options := holdfast.Options{Cache: c, ClientAddr: func(r *http.Request) string { return r.RemoteAddr }}
	if !s.demo { // which logs in every moment
		options.Observer = audit(slog.New(slog.NewJSONHandler(os.Stderr, nil)))
	}
	if s.proxy.IsValid() {
		options.TrustedProxies = []netip.Prefix{s.proxy}
	}
	sessions, err = holdfast.New(options)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", s.admin)
	if err != nil {
		return err
	}
	page, err := inspect.New(inspect.Options{Manager: sessions, Cache: c, Allow: operators})
	if err != nil {
		return err
	}
	defer page.Close()
	admin := &http.Server{Handler: watch(metrics.Sources{Manager: sessions, Cache: c}, page), ReadHeaderTimeout: 10 * time.Second}
	defer admin.Close()
	go admin.Serve(listener)
	restore(c, s.snapshot) // the live page shows how far it is
	if err := try(c, s.snapshot); err != nil {
		return err
	}
	defer func() { // after the last request
		err = errors.Join(err, save(c, s.snapshot))
	}()
	if s.demo {
		defer newDemo(sessions).start()()
	}

	hint := "open %s, and watch http://" + listener.Addr().String() + "/sessions/"
	return serve.Until(stop, addr, pages(sessions), hint)
}
