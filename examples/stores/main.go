// Stores counts page views, and keeps the sessions in the store that the flag
// -store names. The rest of the program is the same for each.
//
//	go run ./examples/stores
//	go run ./examples/stores -store sqlite:sessions.db
//	go run ./examples/stores -store redis://localhost:6379/0
//	go run ./examples/stores -store postgres://user:password@localhost/sessions
//
// With -admin localhost:3001, the live page about the sessions and the database
// is at http://localhost:3001/, an address that only this machine reaches.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net/http"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/examples/internal/serve"
)

func main() {
	name := flag.String("store", "memory", "`store` of the sessions: memory, sqlite:FILE, redis://..., or postgres://...")
	admin := flag.String("admin", "", "`address` of the live page, which only you may see; \"\" for none")
	serve.Main(func(stop context.Context, addr string) error { return run(stop, addr, *name, *admin) })
}

// run serves the page at addr until stop is done.
func run(stop context.Context, addr, store, admin string) error {
	options, closeStore, err := open(store)
	if err != nil {
		return err
	}
	defer closeStore()
	sessions, err := holdfast.New(options)
	if err != nil {
		return err
	}
	defer sessions.Close()
	if admin != "" {
		end, err := watch(admin, store, options, sessions)
		if err != nil {
			return err
		}
		defer end()
	}
	return serve.Until(stop, addr, handler(sessions), "open %s, reload the page, and start the program again")
}

func handler(sessions *holdfast.Manager) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		views, err := holdfast.Update(sessions.Session(r), "views", func(n int) int { return n + 1 })
		if err != nil {
			log.Print(err)
			http.Error(w, "This visit could not be counted. Please try again.", http.StatusServiceUnavailable)
			return
		}
		if views == 1 {
			fmt.Fprintln(w, "Welcome to this page for the first time!")
			return
		}
		fmt.Fprintf(w, "You visited this page %d times\n", views)
	})
	return sessions.Handler(mux)
}
