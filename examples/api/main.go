// Api is a JSON API for clients that keep no cookies: the session's token
// travels in the header X-Session, in both directions.
//
//	go run ./examples/api
//
// and in another terminal:
//
//	curl -i localhost:3000/login -d '{"name": "ada", "password": "analytical engine"}'
//	TOKEN=...  # the X-Session of that answer
//	curl -X PUT -H "X-Session: $TOKEN" localhost:3000/cart/tea -d 2
//	curl -H "X-Session: $TOKEN" localhost:3000/cart
//	curl -X POST -H "X-Session: $TOKEN" localhost:3000/logout
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

	return serve.Until(stop, addr, newHandler(sessions, known), "open %s, or rather talk to it with curl as the head of main.go shows")
}
