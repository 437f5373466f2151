package main

import (
	_ "embed"
	"net"
	"net/http"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/examples/internal/frame"
)

type site struct{ sessions *holdfast.Manager }

const addressKey = "address" // a string: where the visitor's parcels go

// newHandler puts two defences around the pages. CrossOriginProtection refuses
// every request that is not a GET and that the browser says comes from another
// origin. And the session's cookie is SameSite=Lax, so a browser does not even
// send it with another site's form; but "site" is wider than "origin": to the
// cookie, all subdomains and ports of a site are one.
//
// Both trust what GET does to be harmless: a handler that changes something must
// not answer to it. The protection stands outside the sessions, so that a forged
// request costs no look at the store.
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

// attack is a page that the visitor is lured to. It sends its form by itself.
func attack(w http.ResponseWriter, r *http.Request) {
	frame.Show(w, http.StatusOK, attackPage, otherName(r.Host))
}

func denied(w http.ResponseWriter, r *http.Request) {
	frame.Show(w, http.StatusForbidden, deniedPage, nil)
}

// otherName is the other name of this machine, which to a browser is another
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
