// Package inspect is a live page about a server's sessions: whether the cap is
// large enough, which sessions are evicted, whether the shared store is well,
// and how many users are logged in.
//
//	page, err := inspect.New(inspect.Options{Manager: sessions, Cache: c})
//	if err != nil {
//		return err
//	}
//	defer page.Close()
//	admin.Handle("/sessions/", page)
//
// Everyone who reaches the page can read it. It shows numbers, and no session,
// user or value. Serve it where only operators reach it, or wrap it with a
// handler that checks a password.
//
// With Options.Allow, operators find the sessions of a user and end them.
//
// # Cost
//
// A Page keeps the numbers of the last 15 minutes, in 110 KiB. One goroutine
// reads the statistics every two seconds. While somebody looks, it also makes
// the page, once for all viewers, and counts the sessions. A count visits each
// session, every ten seconds and for a twentieth of the time at most; with a
// Store it scans the database, once a minute at most. At most 16 viewers get
// live updates. Others get the page as it is.
package inspect

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/tier"
)

// Options are the sources of a Page. Set Cache or Store: the one that the
// Manager has. The Page closes none of them.
type Options struct {
	// Manager has the sessions. nil means a cache or a store without a Manager:
	// the page then counts no users.
	Manager *holdfast.Manager

	// Cache keeps the sessions in this process.
	Cache *cache.Cache

	// Store keeps the sessions in a database, with local copies: a tier.Store
	// or a store that embeds one, of store/redis or store/sql.
	Store interface{ Stats() tier.Stats }

	// StoreName is the name of that database on the page, such as Redis. ""
	// means "The database".
	StoreName string

	// Allow permits a request to find users' sessions and to end them, if it
	// returns nil. It is called for each such request, and must be safe for
	// concurrent use. nil permits none: then the page has no such part.
	// Requests that other sites forge do not reach it.
	Allow func(*http.Request) error
}

// Page is an http.Handler. It works at any path, with or without
// http.StripPrefix, if the path of the page itself ends with a slash. It is
// safe for concurrent use. Make one with New; the zero Page cannot be used.
type Page struct {
	options Options
	users   http.Handler // nil without Allow
	open    context.Context
	close   context.CancelFunc
	tasks   sync.WaitGroup

	mu      sync.Mutex
	watched watched
	history history
	frame   frame
	changed chan struct{} // closed when there is a newer frame
	viewers int
	counted counted

	counting    bool
	countedOnce chan struct{} // closed by the first count
}

// New returns a Page and starts its goroutine, which Close ends. The error
// wraps holdfast.ErrOptions.
func New(o Options) (*Page, error) {
	switch {
	case (o.Cache == nil) == (o.Store == nil):
		return nil, fmt.Errorf("%w: inspect.Options has no or both of Cache and Store: set the one that keeps the sessions", holdfast.ErrOptions)
	case o.Allow != nil && o.Manager == nil:
		return nil, fmt.Errorf("%w: inspect.Options has Allow without a Manager, which finds the sessions: set both", holdfast.ErrOptions)
	}
	o.StoreName = cmp.Or(o.StoreName, "The database")
	p := &Page{options: o, changed: make(chan struct{}), countedOnce: make(chan struct{})}
	p.open, p.close = context.WithCancel(context.Background())
	if o.Allow != nil {
		p.users = http.NewCrossOriginProtection().Handler(http.HandlerFunc(p.serveUsers))
	}
	p.watched.begin(p.read())
	p.tasks.Go(p.sample)
	return p, nil
}

// Close ends the Page's goroutine and all live updates. Later requests get the
// status 503. A server that shuts down waits for open requests, so call Close
// before, or with http.Server.RegisterOnShutdown. It returns nil, and may be
// called again.
func (p *Page) Close() error {
	p.mu.Lock() // no task starts after this
	p.close()
	p.mu.Unlock()
	p.tasks.Wait()
	return nil
}

// sample reads the numbers in each interval. It makes a frame only for viewers.
func (p *Page) sample() {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-p.open.Done():
			return
		case <-tick.C:
		}
		n := p.read()
		p.mu.Lock()
		p.watched.notice(n)
		p.history.add(n.point())
		if p.viewers > 0 {
			p.refresh(n)
		}
		p.mu.Unlock()
	}
}

// ServeHTTP serves the page and its parts: the last element of the path names
// the part.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	secure(w.Header())
	if p.open.Err() != nil {
		http.Error(w, "This page is closed.", http.StatusServiceUnavailable)
		return
	}
	part := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	if part == "users" && p.users != nil {
		p.users.ServeHTTP(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
		return
	}
	switch part {
	case "":
		p.servePage(w, r)
	case "data.json":
		p.serveData(w)
	case "stream":
		p.serveStream(w, r)
	case "style.css", "script.js", "icon.svg":
		http.ServeFileFS(w, r, assets, "assets/"+part)
	default:
		http.NotFound(w, r)
	}
}

// secure forbids inline scripts and styles, other origins, frames and caches.
func secure(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "+
		"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// allowed reports whether the operator of r may see users.
func (p *Page) allowed(r *http.Request) bool {
	return p.options.Allow != nil && p.options.Allow(r) == nil
}
