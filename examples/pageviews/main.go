// Pageviews is the classic demonstration of sessions. It greets a new visitor
// and counts the visits of a returning visitor. Its page shows the memory of
// the sessions and has a button that sends ten thousand visitors.
//
//	go run ./examples/pageviews
//	go run ./examples/pageviews -addr :8080 -max-bytes 67108864
package main

import (
	"context"
	"flag"

	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/examples/internal/serve"
)

// smallCap, in bytes, is enough for two thousand sessions, so ten thousand
// visitors exceed it. The default of cache.Options is 64 MiB.
const smallCap = 256 << 10

func main() {
	maxBytes := flag.Int64("max-bytes", smallCap, "`bytes` that the sessions may take")
	serve.Main(func(stop context.Context, addr string) error { return run(stop, addr, *maxBytes) })
}

// run serves the page at addr until stop is done.
func run(stop context.Context, addr string, maxBytes int64) error {
	sessions, err := cache.New(cache.Options{MaxBytes: maxBytes})
	if err != nil {
		return err
	}
	defer sessions.Close()

	site, err := newSite(sessions)
	if err != nil {
		return err
	}
	return serve.Until(stop, addr, site.handler, "open %s, reload the page, and press the button")
}
