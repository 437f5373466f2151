package main

import (
	_ "embed"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/examples/internal/frame"
	"github.com/holdfast-go/holdfast/examples/internal/users"
)

// The keys of a session's values.
const (
	deviceKey = "device" // a device: the place of the login
	noticeKey = "notice" // a string to show once, on the next page
)

type site struct {
	users    *users.Users
	sessions *holdfast.Manager
}

// handler refuses forms from other sites before it reads the session.
func (s *site) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.page(s.home))
	mux.HandleFunc("POST /login", s.page(s.logIn))
	mux.HandleFunc("POST /logout", s.page(s.logOut))
	mux.HandleFunc("POST /end", s.userPage(s.end))
	mux.HandleFunc("POST /end-others", s.userPage(s.endOthers))
	mux.HandleFunc("POST /end-all", s.userPage(s.endAll))
	mux.HandleFunc("POST /password", s.userPage(s.changePassword))
	return http.NewCrossOriginProtection().Handler(s.sessions.Handler(mux))
}

// page logs an error of show and answers with status 503.
func (s *site) page(show func(http.ResponseWriter, *http.Request, *holdfast.Session) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := show(w, r, s.sessions.Session(r)); err != nil {
			log.Print(err)
			http.Error(w, "That did not work. Please try again.", http.StatusServiceUnavailable)
		}
	}
}

// userPage is a page for users who are logged in. It redirects other visitors
// to the front page, where they can log in.
func (s *site) userPage(show func(http.ResponseWriter, *http.Request, *holdfast.Session) error) http.HandlerFunc {
	return s.page(func(w http.ResponseWriter, r *http.Request, session *holdfast.Session) error {
		if session.UserID() == "" {
			return goHome(w, r)
		}
		return show(w, r, session)
	})
}

func (s *site) home(w http.ResponseWriter, r *http.Request, session *holdfast.Session) error {
	user := session.UserID()
	if user == "" {
		frame.Show(w, http.StatusOK, loginPage, login{})
		return nil
	}
	places, err := s.places(r, session)
	if err != nil {
		return err
	}
	notice, _ := holdfast.Pop[string](session, noticeKey)
	frame.Show(w, http.StatusOK, accountPage, account{User: user, Notice: notice, Places: places})
	return nil
}

// logIn gives the session a new ID, so that an attacker who planted or saw the
// old ID has no access.
func (s *site) logIn(w http.ResponseWriter, r *http.Request, session *holdfast.Session) error {
	name, password := r.PostFormValue("name"), r.PostFormValue("password")
	if !s.users.Check(name, password) {
		frame.Show(w, http.StatusForbidden, loginPage, login{Name: name, Refused: true})
		return nil
	}
	if err := session.Login(name); err != nil {
		return err
	}
	session.Set(deviceKey, deviceOf(r))
	if r.PostFormValue("remember") != "" {
		session.SetIdleTimeout(rememberedFor)
	}
	return goHome(w, r)
}

func (s *site) logOut(w http.ResponseWriter, r *http.Request, session *holdfast.Session) error {
	if err := session.Destroy(); err != nil {
		return err
	}
	return goHome(w, r)
}

// end logs the user out in one place. The handle comes from a form and can be
// any string. End ends only sessions of the given user.
func (s *site) end(w http.ResponseWriter, r *http.Request, session *holdfast.Session) error {
	if _, err := s.sessions.End(r.Context(), session.UserID(), r.PostFormValue("session")); err != nil {
		return err
	}
	return goHome(w, r)
}

func (s *site) endOthers(w http.ResponseWriter, r *http.Request, session *holdfast.Session) error {
	ended, err := session.EndOthers()
	if err != nil {
		return err
	}
	session.Set(noticeKey, fmt.Sprintf("Other sessions ended: %d.", ended))
	return goHome(w, r)
}

func (s *site) endAll(w http.ResponseWriter, r *http.Request, session *holdfast.Session) error {
	if _, err := session.EndAll(); err != nil {
		return err
	}
	return goHome(w, r)
}

// changePassword replaces the password first and ends the other sessions after
// that. Otherwise an attacker with the old password could log in between the
// two steps.
func (s *site) changePassword(w http.ResponseWriter, r *http.Request, session *holdfast.Session) error {
	user, newPassword := session.UserID(), r.PostFormValue("new")
	if newPassword == "" || !s.users.Check(user, r.PostFormValue("old")) {
		session.Set(noticeKey, "The password stays as it was: the old one was wrong, or the new one empty.")
		return goHome(w, r)
	}
	if err := s.users.SetPassword(user, newPassword); err != nil {
		return err
	}
	if err := session.Regenerate(); err != nil {
		return err
	}
	ended, err := session.EndOthers()
	if err != nil {
		return err
	}
	session.Set(noticeKey, fmt.Sprintf("Your password is changed. Other sessions ended: %d.", ended))
	return goHome(w, r)
}

// goHome redirects to the front page with a GET, so that a reload does not send
// the form again.
func goHome(w http.ResponseWriter, r *http.Request) error {
	http.Redirect(w, r, "/", http.StatusSeeOther)
	return nil
}

// places returns the places where the user of a session is logged in.
func (s *site) places(r *http.Request, session *holdfast.Session) ([]place, error) {
	infos, err := s.sessions.Sessions(r.Context(), session.UserID())
	if err != nil {
		return nil, err
	}
	var places []place
	for _, info := range infos {
		p := place{Handle: info.Handle, Since: info.Created, LastSeen: info.LastSeen, Here: info.Is(session)}
		info.Value(deviceKey, &p.device)
		places = append(places, p)
	}
	return places, nil
}

//go:embed login.html
var loginHTML string

//go:embed account.html
var accountHTML string

var (
	loginPage   = frame.Page(loginHTML)
	accountPage = frame.Page(accountHTML)
)

// login is the data of the page for visitors who are not logged in.
type login struct {
	Name    string
	Refused bool
}

// account is the data of the page for users.
type account struct {
	User   string
	Notice string
	Places []place
}

// place is one of a user's sessions.
type place struct {
	device
	Handle   string
	Since    time.Time
	LastSeen time.Time
	Here     bool
}
