// From-express-session is the program after the move in
// docs/from-express-session.md.
//
//	go run ./examples/from-express-session
package main

import (
	"fmt"
	"log"
	"net/http"
	"net/netip"
	"time"

	"github.com/holdfast-go/holdfast"
)

func main() {
	sessions, err := holdfast.New(options())
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe("localhost:3000", app(sessions)))
}

func options() holdfast.Options {
	return holdfast.Options{
		IdleTimeout:    30 * time.Minute,
		Carrier:        holdfast.Cookie{Name: "sid", Persistent: true},
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")},
	}
}

func app(sessions *holdfast.Manager) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", page(sessions, home))
	mux.Handle("POST /login", page(sessions, login))
	mux.Handle("POST /logout", page(sessions, logout))
	return sessions.Handler(mux)
}

func home(w http.ResponseWriter, r *http.Request, s *holdfast.Session) error {
	views, err := holdfast.Update(s, "views", func(n int) int { return n + 1 })
	if err != nil {
		return err
	}
	name := s.UserID()
	if name == "" {
		name = "Stranger"
	}
	_, err = fmt.Fprintf(w, "%s, visit %d\n", name, views)
	return err
}

// login starts an empty session, as regenerate does. Without Destroy, Login
// would keep the values and with them the count of visits.
func login(w http.ResponseWriter, r *http.Request, s *holdfast.Session) error {
	if err := s.Destroy(); err != nil {
		return err
	}
	if err := s.Login(r.PostFormValue("name")); err != nil {
		return err
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
	return nil
}

func logout(w http.ResponseWriter, r *http.Request, s *holdfast.Session) error {
	if err := s.Destroy(); err != nil {
		return err
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
	return nil
}

// page calls show with the request's session. It handles the error of show, as
// Express handles next(err).
func page(sessions *holdfast.Manager, show func(http.ResponseWriter, *http.Request, *holdfast.Session) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := show(w, r, sessions.Session(r)); err != nil {
			log.Print(err)
			http.Error(w, "Please try again.", http.StatusInternalServerError)
		}
	})
}
