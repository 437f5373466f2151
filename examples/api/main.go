// Api is a JSON API for clients that keep no cookies: the session's token
// travels in the header X-Session, in both directions.
//
//	go run ./examples/api
//	curl localhost:3000/    # in another terminal: commands to try
package main

import (
	"context"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/examples/internal/serve"
	"github.com/holdfast-go/holdfast/examples/internal/users"
)

const (
	demoUser     = "ada"
	demoPassword = "analytical engine"
)

func main() { serve.Main(run) }

// run serves the API at addr until stop is done.
func run(stop context.Context, addr string) error {
	known := users.New(users.Iterations)
	if err := known.SetPassword(demoUser, demoPassword); err != nil {
		return err
	}
	sessions, err := holdfast.New(options())
	if err != nil {
		return err
	}
	defer sessions.Close()

	hint := "open %[1]s for commands to try, or begin with\n" + login("%[1]s")
	return serve.Until(stop, addr, newHandler(sessions, known), hint)
}
