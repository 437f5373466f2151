package main

import (
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"strings"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
)

//go:embed page.html
var pageHTML string

var page = template.Must(template.New("page").Parse(pageHTML))

// newHandler serves the one page there is, with the sessions kept in c.
func newHandler(c *cache.Cache) (http.Handler, error) {
	manager, err := holdfast.New(holdfast.Options{Store: c})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		views, err := countView(r)
		if err != nil {
			http.Error(w, "This visit could not be counted. Please try again.", http.StatusServiceUnavailable)
			return
		}
		show(w, r, sentence(views), c.Stats())
	})
	return manager.Handler(mux), nil
}

// countView raises the count in the visitor's session and returns it. Update
// does so in one atomic step: of a hundred visits at the same time, each counts.
// Save stores a new session before the page tells how many there are.
func countView(r *http.Request) (int, error) {
	session, _ := holdfast.FromContext(r.Context())
	views, err := holdfast.Update(session, "views", func(views int) int { return views + 1 })
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

func show(w http.ResponseWriter, r *http.Request, sentence string, stats cache.Stats) {
	w.Header().Add("Vary", "Accept, User-Agent")
	if wantsText(r) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprintln(w, sentence)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	page.Execute(w, figures{
		Sentence: sentence,
		Sessions: stats.Entries,
		Bytes:    bytes(stats.Bytes.Total()),
		MaxBytes: bytes(stats.MaxBytes),
		Filled:   float64(stats.Bytes.Total()) / float64(stats.MaxBytes),
		HitRatio: fmt.Sprintf("%.1f %%", 100*stats.HitRatio()),
	})
}

// figures are what the page shows.
type figures struct {
	Sentence string
	Sessions int
	Bytes    string
	MaxBytes string
	Filled   float64 // Bytes as a share of MaxBytes
	HitRatio string
}

func wantsText(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("Accept"), "text/plain") ||
		strings.HasPrefix(r.UserAgent(), "curl/")
}

func bytes(n int64) string {
	if n < 1<<20 {
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}
