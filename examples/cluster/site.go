package main

import (
	"context"
	_ "embed"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/examples/internal/frame"
	"github.com/holdfast-go/holdfast/store/redis"
	"github.com/holdfast-go/holdfast/tier"
)

// The keys of a session's values.
const (
	viewsKey = "views" // an int: the number of visits
	placeKey = "place" // a string: the instance of the login
)

// runInstance serves the site on a free port until stop is done. It prints its
// address.
func runInstance(stop context.Context, name, url string, options tier.Options) error {
	stop, cancel := untilParentEnds(stop)
	defer cancel()
	store, err := redisstore.New(redisstore.Options{URL: url, Tier: options, Check: true})
	if err != nil {
		return err
	}
	defer store.Close()
	sessions, err := holdfast.New(holdfast.Options{Store: observed{store}})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stdout, listener.Addr())

	s := &site{name: name, sessions: sessions, store: store, stop: stop.Done()}
	server := &http.Server{Handler: s.handler(), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-stop.Done()
		finish, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = server.Shutdown(finish)
	}()
	if err := server.Serve(listener); err != http.ErrServerClosed {
		return err
	}
	return nil
}

type site struct {
	name     string // of the instance
	sessions *holdfast.Manager
	store    *redisstore.Store
	stop     <-chan struct{}
}

func (s *site) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.home)
	mux.HandleFunc("POST /login", s.logIn)
	mux.HandleFunc("POST /logout", s.change((*holdfast.Session).Destroy))
	mux.HandleFunc("POST /logout-others", s.change(func(session *holdfast.Session) error {
		_, err := session.EndOthers()
		return err
	}))
	mux.HandleFunc("POST /logout-all", s.change(func(session *holdfast.Session) error {
		_, err := session.EndAll()
		return err
	}))
	mux.HandleFunc("GET /ended", s.ended)
	inner := s.sessions.Handler(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, _ := withReading(r.Context())
		w.Header().Set("X-Instance", s.name)
		inner.ServeHTTP(w, r.WithContext(ctx))
	})
}

// view is the data of the page.
type view struct {
	Instance string
	Views    int
	User     string
	Reading  reading
	Mode     string
	Places   []place
}

// place is one of a user's sessions.
type place struct {
	Instance string // of the login
	Since    time.Time
	Here     bool
}

func (s *site) home(w http.ResponseWriter, r *http.Request) {
	session := s.sessions.Session(r)
	views, _ := holdfast.Get[int](session, viewsKey)
	reading := *r.Context().Value(readingKey{}).(*reading)
	if !r.URL.Query().Has("look") {
		var err error
		if views, err = holdfast.Update(session, viewsKey, func(n int) int { return n + 1 }); err != nil {
			s.fail(w, err)
			return
		}
	}
	v := view{Instance: s.name, Views: views, User: session.UserID(), Mode: s.store.Stats().Mode.String(), Reading: reading}
	if v.User != "" {
		infos, err := s.sessions.Sessions(r.Context(), v.User)
		if err != nil {
			s.fail(w, err)
			return
		}
		for _, info := range infos {
			p := place{Since: info.Created, Here: info.Is(session)}
			info.Value(placeKey, &p.Instance)
			v.Places = append(v.Places, p)
		}
	}
	frame.Show(w, http.StatusOK, page, v)
}

func (s *site) logIn(w http.ResponseWriter, r *http.Request) {
	session := s.sessions.Session(r)
	name := r.PostFormValue("name")
	if name == "" {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	if err := session.Login(name); err != nil {
		s.fail(w, err)
		return
	}
	session.Set(placeKey, s.name)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// change returns a handler that changes the session and shows the page again.
func (s *site) change(change func(*holdfast.Session) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := change(s.sessions.Session(r)); err != nil {
			s.fail(w, err)
			return
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}
}

// ended is a stream that sends one event, when the session ends: on this
// instance or on another.
func (s *site) ended(w http.ResponseWriter, r *http.Request) {
	session := s.sessions.Session(r)
	if session.UserID() == "" {
		w.WriteHeader(http.StatusNoContent) // stops the browser from reconnecting
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	send := func(event string) {
		fmt.Fprintf(w, "event: %s\ndata: %s\n\n", event, s.name)
		_ = http.NewResponseController(w).Flush()
	}
	send("waiting")
	select {
	case <-session.Ended():
		send("ended")
	case <-s.stop:
	case <-r.Context().Done():
	}
}

func (s *site) fail(w http.ResponseWriter, err error) {
	log.Print(err)
	http.Error(w, "That did not work. Please try again.", http.StatusServiceUnavailable)
}

//go:embed page.html
var pageHTML string

var page = frame.Page(pageHTML)
