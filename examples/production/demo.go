package main

import (
	"context"
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/holdfast-go/holdfast"
)

// demo makes load, so that the page of the sessions has something to show. Half
// of the requests are of crawlers, which keep no cookie. The others are of
// users who log in, come back, some often and most rarely, and seldom log out.
type demo struct {
	sessions *holdfast.Manager
	handler  http.Handler
	cookies  []*http.Cookie // by user; nil while logged out
}

const (
	demoUsers     = 12_000
	demoPerSecond = 400
	demoTick      = 50 * time.Millisecond
)

func newDemo(sessions *holdfast.Manager) *demo {
	d := &demo{sessions: sessions, cookies: make([]*http.Cookie, demoUsers)}
	mux := http.NewServeMux() // no network reaches it: it asks for no password
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) { count(w, sessions.Session(r)) })
	mux.HandleFunc("POST /login", d.login)
	mux.HandleFunc("POST /logout", func(w http.ResponseWriter, r *http.Request) { _ = sessions.Session(r).Destroy() })
	d.handler = sessions.Handler(mux)
	return d
}

// start begins to send requests. It returns a function that waits for the last
// one.
func (d *demo) start() (end func()) {
	var load sync.WaitGroup
	stop, cancel := context.WithCancel(context.Background())
	load.Go(func() { d.run(stop) })
	return func() {
		cancel()
		load.Wait()
	}
}

// run sends requests until stop is done.
func (d *demo) run(stop context.Context) {
	tick := time.NewTicker(demoTick)
	defer tick.Stop()
	for {
		select {
		case <-stop.Done():
			return
		case <-tick.C:
		}
		for range int(demoPerSecond * demoTick.Seconds()) {
			if mathrand.IntN(2) == 0 {
				d.send("GET", "/", nil)
				continue
			}
			d.visit(userOf(mathrand.Float64()))
		}
	}
}

// userOf prefers users of small numbers.
func userOf(chance float64) int { return int(demoUsers * chance * chance * chance) }

// visit is a request of a user, who logs in first if there is no session.
func (d *demo) visit(user int) {
	switch cookie := d.cookies[user]; {
	case cookie == nil:
		d.cookies[user] = d.send("POST", fmt.Sprintf("/login?user=user-%d", user), nil)
	case mathrand.IntN(200) == 0:
		d.send("POST", "/logout", cookie)
		d.cookies[user] = nil
	default:
		if lost := d.send("GET", "/", cookie); lost != nil {
			d.cookies[user] = nil // evicted or expired: a session without a login began
		}
	}
}

// send makes a request and returns the new cookie, if there is one.
func (d *demo) send(method, target string, cookie *http.Cookie) *http.Cookie {
	r, err := http.NewRequest(method, target, nil)
	if err != nil {
		return nil
	}
	if cookie != nil {
		r.AddCookie(cookie)
	}
	w := dropped{http.Header{}}
	d.handler.ServeHTTP(w, r)
	for _, line := range w.header["Set-Cookie"] {
		if set, err := http.ParseSetCookie(line); err == nil && set.MaxAge >= 0 {
			return &http.Cookie{Name: set.Name, Value: set.Value}
		}
	}
	return nil
}

// login gives the user's session a profile of up to two kilobytes.
func (d *demo) login(w http.ResponseWriter, r *http.Request) {
	s := d.sessions.Session(r)
	if err := s.Login(r.URL.Query().Get("user")); err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	s.Set("visits", 1)
	s.Set("profile", strings.Repeat(rand.Text(), mathrand.IntN(80)))
	if mathrand.IntN(4) == 0 {
		s.SetIdleTimeout(30 * 24 * time.Hour)
	}
}

// dropped is a ResponseWriter that keeps the header alone.
type dropped struct{ header http.Header }

func (d dropped) Header() http.Header       { return d.header }
func (dropped) Write(p []byte) (int, error) { return len(p), nil }
func (dropped) WriteHeader(int)             {}
