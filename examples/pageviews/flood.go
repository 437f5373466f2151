package main

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/holdfast-go/holdfast"
)

const (
	floodVisitors  = 10_000
	visitorsAtOnce = 50 // between two pauses
)

// flood sends visitors who keep no cookies, as crawlers do. Each request starts
// a session, and no request uses a session again.
type flood struct {
	underWay sync.Mutex
	arrived  atomic.Int64
	pause    time.Duration // slows the flood down to make it visible
}

// startFlood redirects to the page when the flood is over. It reads the session
// of the visitor who pressed the button, but counts no visit. The read protects
// the session: the cache moves an entry that is used again to its protected
// segment.
func (s *site) startFlood(w http.ResponseWriter, r *http.Request) {
	if !s.flood.underWay.TryLock() {
		http.Error(w, "A flood is under way. Please wait until it is over.", http.StatusConflict)
		return
	}
	defer s.flood.underWay.Unlock()

	session := s.sessions.Session(r)
	_, known := holdfast.Get[int](session, viewsKey)
	before := s.cache.Stats().EvictedForCapacity
	arrived := s.flood.run(r.Context(), s.handler)
	evicted := s.cache.Stats().EvictedForCapacity - before
	if known {
		session.Set(noticeKey, fmt.Sprintf("%d visitors came, the cache evicted %d sessions, and you are still counted.", arrived, evicted))
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// run sends the visitors to the handler to until all have arrived or stop is
// done. It returns the number that arrived.
func (f *flood) run(stop context.Context, to http.Handler) int64 {
	defer f.arrived.Store(0)
	for f.arrived.Load() < floodVisitors && stop.Err() == nil {
		for range visitorsAtOnce {
			visit, _ := http.NewRequest(http.MethodGet, "/", nil)
			visit.Header.Set("Accept", "text/plain")
			to.ServeHTTP(nobody{http.Header{}}, visit)
		}
		f.arrived.Add(visitorsAtOnce)
		time.Sleep(f.pause)
	}
	return f.arrived.Load()
}

// nobody is the http.ResponseWriter of a visitor who drops the response and its
// cookie.
type nobody struct{ header http.Header }

func (n nobody) Header() http.Header       { return n.header }
func (nobody) Write(p []byte) (int, error) { return len(p), nil }
func (nobody) WriteHeader(int)             {}
