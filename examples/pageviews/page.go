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

// The keys of a session's values.
const (
	viewsKey  = "views"  // an int: the number of visits
	noticeKey = "notice" // a string to show once, on the next page
)

type site struct {
	handler  http.Handler
	sessions *holdfast.Manager
	cache    *cache.Cache
	empty    int64 // bytes that the cache takes without sessions
	flood    flood
}

// newSite returns the site. It keeps its sessions in c, which must be empty.
func newSite(c *cache.Cache) (*site, error) {
	sessions, err := holdfast.New(holdfast.Options{Cache: c})
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

// countView raises the count in the visitor's session and returns it. Update is
// one atomic step, so concurrent visits all count. Save stores a new session
// before the page shows the number of sessions.
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
