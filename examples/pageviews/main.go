// Pageviews is the classic demonstration of sessions: it greets a new visitor,
// and tells one who comes back how often. Below the count it shows what the
// cache of sessions holds.
//
//	go run ./examples/pageviews
//	go run ./examples/pageviews -addr :8080
package main

import (
	"context"

	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/examples/internal/serve"
)

func main() { serve.Main(run) }

// run serves the pages at addr until stop is done.
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
	return serve.Until(stop, addr, handler, "open %s, and reload the page")
}
