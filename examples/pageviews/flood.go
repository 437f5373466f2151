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

// flood sends visitors who keep no cookies, as crawlers do. Each of their
// requests begins a session, and none uses one again.
type flood struct {
	underWay sync.Mutex
	arrived  atomic.Int64
	pause    time.Duration // slows the flood down, so that one can watch it
}

// startFlood answers when the flood is over, with a redirect to the page. It
// reads the session of the visitor who pressed the button, but counts no visit.
// Reading it counts as coming back: the cache protects sessions that are used
// again.
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

// run sends the visitors to the handler to until all have come or stop is done.
// It returns how many came.
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

// nobody is the http.ResponseWriter of a visitor who drops the answer and its
// cookie.
type nobody struct{ header http.Header }

func (n nobody) Header() http.Header       { return n.header }
func (nobody) Write(p []byte) (int, error) { return len(p), nil }
func (nobody) WriteHeader(int)             {}
