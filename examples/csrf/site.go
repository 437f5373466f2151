package main

import (
	_ "embed"
	"net"
	"net/http"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/examples/internal/frame"
)

type site struct{ sessions *holdfast.Manager }

const addressKey = "address" // a string: the address for the visitor's parcels

// newHandler protects the pages in two ways. CrossOriginProtection refuses a
// request from another origin, as reported by the browser, unless its method is
// GET, HEAD or OPTIONS. And the session's cookie is SameSite=Lax, so a browser
// does not send it with another site's form. A site is wider than an origin:
// for the cookie, all subdomains and ports are the same site.
//
// Neither protects a GET, so a handler that changes something must not accept
// GET. The protection wraps the sessions, so that a forged request does not
// reach the store.
func newHandler(sessions *holdfast.Manager) http.Handler {
	s := &site{sessions}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.home)
	mux.HandleFunc("POST /address", s.setAddress)
	mux.HandleFunc("GET /attack", attack)

	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(denied))
	return protection.Handler(sessions.Handler(mux))
}

func (s *site) home(w http.ResponseWriter, r *http.Request) {
	session := s.sessions.Session(r)
	address, _ := holdfast.Get[string](session, addressKey)
	frame.Show(w, http.StatusOK, homePage, struct{ Address, Other string }{address, otherName(r.Host)})
}

func (s *site) setAddress(w http.ResponseWriter, r *http.Request) {
	session := s.sessions.Session(r)
	session.Set(addressKey, r.PostFormValue("address"))
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// attack is a page of the attacker. It sends its form by itself.
func attack(w http.ResponseWriter, r *http.Request) {
	frame.Show(w, http.StatusOK, attackPage, otherName(r.Host))
}

func denied(w http.ResponseWriter, r *http.Request) {
	frame.Show(w, http.StatusForbidden, deniedPage, nil)
}

// otherName returns the other name of this machine. For a browser it is another
// site.
func otherName(host string) string {
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		name, port = host, "80"
	}
	if name == "localhost" {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return net.JoinHostPort("localhost", port)
}

//go:embed home.html
var homeHTML string

//go:embed attack.html
var attackHTML string

//go:embed denied.html
var deniedHTML string

var (
	homePage   = frame.Page(homeHTML)
	attackPage = frame.Page(attackHTML)
	deniedPage = frame.Page(deniedHTML)
)
