// Csrf is a form that changes something for its visitor, and a page of another
// site that tries to send that form in the visitor's name.
//
//	go run ./examples/csrf
//
// The other site is the same program under its other name. 127.0.0.1 attacks
// visitors of localhost, and localhost attacks visitors of 127.0.0.1. For a
// browser these are two sites.
package main

import (
	"context"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/examples/internal/serve"
)

func main() { serve.Main(run) }

// run serves both sites at addr until stop is done.
func run(stop context.Context, addr string) error {
	sessions, err := holdfast.New(holdfast.Options{})
	if err != nil {
		return err
	}
	defer sessions.Close()
	return serve.Until(stop, addr, newHandler(sessions), "open %s, set the address, and visit the other site")
}
