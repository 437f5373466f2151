package main

import (
	_ "embed"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/examples/internal/frame"
)

// What a session holds.
const (
	viewsKey  = "views"  // an int: how often its visitor opened the page
	noticeKey = "notice" // a string to show once, on the next page
)

type site struct {
	handler  http.Handler
	sessions *holdfast.Manager
	cache    *cache.Cache
	empty    int64 // bytes that the cache takes without sessions
	flood    flood
}

// newSite returns the page and its button, with the sessions kept in c, which
// must be empty.
func newSite(c *cache.Cache) (*site, error) {
	sessions, err := holdfast.New(holdfast.Options{Store: c})
	if err != nil {
		return nil, err
	}
	s := &site{sessions: sessions, cache: c, empty: c.Stats().Bytes.Total(), flood: flood{pause: 20 * time.Millisecond}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.home)
	mux.HandleFunc("GET /figures", s.showFigures)
	mux.HandleFunc("POST /flood", s.startFlood)
	s.handler = http.NewCrossOriginProtection().Handler(sessions.Handler(mux))
	return s, nil
}

func (s *site) home(w http.ResponseWriter, r *http.Request) {
	session := s.sessions.Session(r)
	views, err := countView(session)
	if err != nil {
		http.Error(w, "This visit could not be counted. Please try again.", http.StatusServiceUnavailable)
		return
	}
	w.Header().Add("Vary", "Accept, User-Agent")
	if wantsText(r) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprintln(w, sentence(views))
		return
	}
	notice, _ := holdfast.Pop[string](session, noticeKey)
	frame.Show(w, http.StatusOK, page, struct {
		Sentence, Notice string
		Figures          figures
	}{sentence(views), notice, s.figures()})
}

// countView raises the count in the visitor's session and returns it. Update
// does so in one atomic step: of a hundred visits at the same time, each counts.
// Save stores a new session before the page tells how many there are.
func countView(session *holdfast.Session) (int, error) {
	views, err := holdfast.Update(session, viewsKey, func(views int) int { return views + 1 })
	if err != nil {
		return 0, err
	}
	return views, session.Save()
}

func sentence(views int) string {
	if views == 1 {
		return "Welcome to this page for the first time!"
	}
	return fmt.Sprintf("You visited this page %d times", views)
}

func wantsText(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("Accept"), "text/plain") ||
		strings.HasPrefix(r.UserAgent(), "curl/")
}

//go:embed page.html
var pageHTML string

var page = frame.Page(pageHTML)
