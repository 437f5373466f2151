package inspect

import (
	"net/http"
	"strings"

	"github.com/holdfast-go/holdfast"
)

// The actions of the users' page. Each ending is asked about first.
const (
	findUser = "find"
	askOne   = "ask-one"
	askAll   = "ask-all"
	endOne   = "end-one"
	endAll   = "end-all"
)

// maxForm bounds the bytes of a form.
const maxForm = 16 << 10

type usersView struct {
	User     string
	Searched bool
	Sessions []holdfast.SessionInfo
	Notice   string
	Problem  string
	Ask      string                // askOne or askAll
	Asked    *holdfast.SessionInfo // of askOne
}

// serveUsers finds the sessions of a user and ends them. The user's name is in
// the body of the request, so that no log of URLs has it.
func (p *Page) serveUsers(w http.ResponseWriter, r *http.Request) {
	if !p.allowed(r) {
		http.Error(w, "You may not see users.", http.StatusForbidden)
		return
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		show(w, "users.html", usersView{})
		return
	case http.MethodPost:
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "The form cannot be read.", http.StatusBadRequest)
		return
	}
	v := usersView{User: strings.TrimSpace(r.PostForm.Get("user"))}
	if v.User != "" {
		p.act(r, &v, r.PostForm.Get("action"), r.PostForm.Get("session"))
	}
	show(w, "users.html", v)
}

// act carries out an action and fills v.
func (p *Page) act(r *http.Request, v *usersView, action, handle string) {
	m, ctx := p.options.Manager, r.Context()
	var err error
	switch action {
	case endOne:
		var ended bool
		ended, err = m.End(ctx, v.User, handle)
		v.Notice = "The session had ended already."
		if ended {
			v.Notice = "The session has ended."
		}
	case endAll:
		var n int
		n, err = m.EndUser(ctx, v.User)
		v.Notice = plural(uint64(n), "session", "sessions") + " ended."
	case askAll:
		v.Ask = askAll
	}
	if err == nil {
		v.Sessions, err = m.Sessions(ctx, v.User)
		v.Searched = true
	}
	if err != nil { // it has no ID and no value
		v.Notice, v.Ask, v.Problem = "", "", err.Error()
		return
	}
	if action == askOne {
		for i := range v.Sessions {
			if v.Sessions[i].Handle == handle {
				v.Ask, v.Asked = askOne, &v.Sessions[i]
				return
			}
		}
		v.Notice = "The session had ended already."
	}
	if len(v.Sessions) == 0 {
		v.Ask = ""
	}
}
