package main

import (
	_ "embed"
	"fmt"
	"net/http"
	"time"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/examples/internal/frame"
)

const nameKey = "name" // a string: the visitor's name

type site struct {
	sessions *holdfast.Manager
	every    time.Duration   // between two events
	stop     <-chan struct{} // closed at the stop, which waits for the streams
}

func (s *site) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.home)
	mux.HandleFunc("POST /enter", s.enter)
	mux.HandleFunc("POST /leave", s.leave)
	mux.HandleFunc("GET /events", s.events)
	return http.NewCrossOriginProtection().Handler(s.sessions.Handler(mux))
}

func (s *site) home(w http.ResponseWriter, r *http.Request) {
	session := s.sessions.Session(r)
	name, _ := holdfast.Get[string](session, nameKey)
	frame.Show(w, http.StatusOK, page, name)
}

func (s *site) enter(w http.ResponseWriter, r *http.Request) {
	session := s.sessions.Session(r)
	if name := r.PostFormValue("name"); name != "" {
		session.Set(nameKey, name)
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (s *site) leave(w http.ResponseWriter, r *http.Request) {
	session := s.sessions.Session(r)
	if err := session.Destroy(); err != nil {
		http.Error(w, "That did not work. Please try again.", http.StatusServiceUnavailable)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// events sends the time of day until the visitor closes the page, the session
// ends or the server stops.
func (s *site) events(w http.ResponseWriter, r *http.Request) {
	session := s.sessions.Session(r)
	if _, entered := holdfast.Get[string](session, nameKey); !entered {
		w.WriteHeader(http.StatusNoContent) // stops the browser from reconnecting
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	stream := stream{w, http.NewResponseController(w)}

	ended := session.Ended()
	tick := time.NewTicker(s.every)
	defer tick.Stop()
	for stream.send("time", timeOfDay()) == nil {
		select {
		case <-tick.C:
			// The visitor looks at the page without making requests. Touch
			// keeps the session from expiring meanwhile.
			if session.Touch() == nil {
				continue
			}
		case <-ended:
		case <-s.stop:
			return
		case <-r.Context().Done():
			return
		}
		_ = stream.send("ended", "the session has ended")
		return
	}
}

func timeOfDay() string { return time.Now().Format(time.TimeOnly) }

// stream sends each event at once. Its data must be one line.
type stream struct {
	http.ResponseWriter
	*http.ResponseController
}

func (s stream) send(event, data string) error {
	if _, err := fmt.Fprintf(s, "event: %s\ndata: %s\n\n", event, data); err != nil {
		return err
	}
	return s.Flush()
}

//go:embed page.html
var pageHTML string

var page = frame.Page(pageHTML)
