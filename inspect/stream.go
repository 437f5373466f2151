package inspect

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"time"
)

// frame is the parts of the page that change, as HTML by the ID of their
// element. A frame is never changed after it was made.
type frame struct {
	made  time.Time
	parts map[string]string
}

const (
	maxViewers = 16
	writeTime  = 10 * time.Second // for one update to one viewer
)

// refresh makes a frame and wakes the viewers. The caller has the lock.
func (p *Page) refresh(n numbers) {
	p.count(n.Time)
	p.frame = frame{made: n.Time, parts: p.render(n)}
	close(p.changed)
	p.changed = make(chan struct{})
}

// latest returns a frame that is at most an interval old, and a channel that is
// closed when there is a newer one.
func (p *Page) latest() (frame, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.frame.made) >= interval {
		p.refresh(p.read())
	}
	return p.frame, p.changed
}

// enter reports whether there is room for one more viewer.
func (p *Page) enter() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.viewers == maxViewers {
		return false
	}
	p.viewers++
	return true
}

func (p *Page) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.viewers--
}

// serveStream sends the frame, and then the parts that changed, as server-sent
// events. A slow viewer misses frames, never parts.
func (p *Page) serveStream(w http.ResponseWriter, r *http.Request) {
	if !p.enter() {
		w.Header().Set("Retry-After", "10")
		http.Error(w, "Too many pages are open. This one can be read, but is not live.", http.StatusServiceUnavailable)
		return
	}
	defer p.leave()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would keep events back
	control := http.NewResponseController(w)
	var sent map[string]string
	for {
		frame, newer := p.latest()
		// A writer without deadlines is bounded by its server.
		_ = control.SetWriteDeadline(time.Now().Add(writeTime))
		if _, err := w.Write(message(sent, frame.parts)); err != nil {
			return
		}
		if err := control.Flush(); err != nil {
			return
		}
		sent = frame.parts
		select {
		case <-newer:
		case <-r.Context().Done():
			return
		case <-p.open.Done():
			return
		}
	}
}

// message returns the parts of now that differ from before, as one event.
func message(before, now map[string]string) []byte {
	changed := maps.Clone(now)
	maps.DeleteFunc(changed, func(id, html string) bool {
		old, ok := before[id]
		return ok && old == html
	})
	var b bytes.Buffer
	b.WriteString("data: ")
	encoder := json.NewEncoder(&b) // ends with a newline and has no other
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(changed)
	b.WriteByte('\n')
	return b.Bytes()
}
