// Events is a page that the server updates over one open response, a stream of
// server-sent events. The stream ends with its session: leave in one tab, and
// every other tab shows it at once.
//
//	go run ./examples/events
package main

import (
	"context"
	"time"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/examples/internal/serve"
)

func main() { serve.Main(run) }

// run serves the page at addr until stop is done.
func run(stop context.Context, addr string) error {
	sessions, err := holdfast.New(holdfast.Options{})
	if err != nil {
		return err
	}
	defer sessions.Close()

	site := &site{sessions: sessions, every: time.Second, stop: stop.Done()}
	return serve.Until(stop, addr, site.handler(), "open %s in two tabs")
}
