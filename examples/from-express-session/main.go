// From-express-session is the program of docs/from-express-session.md: what an
// Express application of the same size becomes.
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
	log.Fatal(http.ListenAndServe("localhost:3000", sessions.Handler(app())))
}

func options() holdfast.Options {
	return holdfast.Options{
		IdleTimeout:    30 * time.Minute,
		Carrier:        holdfast.Cookie{Name: "sid", Persistent: true},
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")},
	}
}

func app() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", page(home))
	mux.Handle("POST /login", page(login))
	mux.Handle("POST /logout", page(logout))
	return mux
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

// login wipes the session as regenerate does. Without Destroy, Login would keep
// the values, and the visits go on counting.
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

// A page is given its session, and its error is what next(err) was.
type page func(http.ResponseWriter, *http.Request, *holdfast.Session) error

func (p page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s, _ := holdfast.FromContext(r.Context())
	if err := p(w, r, s); err != nil {
		log.Print(err)
		http.Error(w, "Please try again.", http.StatusInternalServerError)
	}
}
