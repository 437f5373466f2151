// From-scs is the program after the move in docs/from-scs.md.
//
//	go run ./examples/from-scs
package main

import (
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/holdfast-go/holdfast"
)

var sessions *holdfast.Manager

func main() {
	var err error
	if sessions, err = holdfast.New(options()); err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe("localhost:3000", sessions.Handler(app())))
}

func options() holdfast.Options {
	return holdfast.Options{
		IdleTimeout:      30 * time.Minute,
		AbsoluteLifetime: 12 * time.Hour,
		Carrier:          holdfast.Cookie{Name: "sid", Persistent: true},
	}
}

func app() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", home)
	mux.HandleFunc("POST /login", login)
	mux.HandleFunc("POST /logout", logout)
	return mux
}

func home(w http.ResponseWriter, r *http.Request) {
	s := sessions.Session(r)
	views, err := holdfast.Update(s, "views", func(n int) int { return n + 1 })
	if err != nil {
		http.Error(w, "Please try again.", http.StatusInternalServerError)
		return
	}
	if notice, ok := holdfast.Pop[string](s, "notice"); ok {
		fmt.Fprintln(w, notice)
	}
	name, _ := holdfast.Get[string](s, "user")
	if name == "" {
		name = "Stranger"
	}
	fmt.Fprintf(w, "%s, visit %d\n", name, views)
}

func login(w http.ResponseWriter, r *http.Request) {
	s := sessions.Session(r)
	if err := s.Regenerate(); err != nil {
		http.Error(w, "Please try again.", http.StatusInternalServerError)
		return
	}
	s.Set("user", r.PostFormValue("name"))
	s.Set("notice", "Welcome back!")
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func logout(w http.ResponseWriter, r *http.Request) {
	s := sessions.Session(r)
	if err := s.Destroy(); err != nil {
		http.Error(w, "Please try again.", http.StatusInternalServerError)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}
