// Login is a site with users: they log in with a password, see where else they
// are logged in, end any of those sessions, and change their password, which
// ends all the others.
//
//	go run ./examples/login
//
// Log in as ada with the password "analytical engine", in two browsers.
package main

import (
	"context"
	"time"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/examples/internal/serve"
	"github.com/holdfast-go/holdfast/examples/internal/users"
)

const (
	demoUser     = "ada"
	demoPassword = "analytical engine"

	// rememberedFor is the idle timeout of a session whose user chooses to stay
	// logged in. Other sessions end with the browser or after an idle hour.
	rememberedFor = 30 * 24 * time.Hour
)

func main() { serve.Main(run) }

// run serves the site at addr until stop is done.
func run(stop context.Context, addr string) error {
	known := users.New(users.Iterations)
	if err := known.SetPassword(demoUser, demoPassword); err != nil {
		return err
	}
	sessions, err := holdfast.New(holdfast.Options{AbsoluteLifetime: rememberedFor})
	if err != nil {
		return err
	}
	defer sessions.Close()

	site := &site{users: known, sessions: sessions}
	hint := `open %s, and log in as ada with the password "analytical engine"`
	return serve.Until(stop, addr, site.handler(), hint)
}
