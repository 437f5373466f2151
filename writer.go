package holdfast

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
)

// responseWriter is the response writer that the handler gets. It stores the
// session before the first byte of the response is sent.
type responseWriter exchange

// begin is called before anything is sent. If the session cannot be stored, the
// ErrorHandler answers, and begin reports false.
func (w *responseWriter) begin() bool {
	if w.session.headerSent() {
		return w.failed == nil
	}
	if w.failed = w.session.sendHeader(w.inner.Header()); w.failed != nil {
		w.session.manager.answerError(w.inner, &w.session, w.failed)
	}
	return w.failed == nil
}

// finish is called when the handler has returned.
func (w *responseWriter) finish() {
	w.begin()
	if err := w.session.conclude(); err != nil && !errors.Is(err, w.failed) {
		w.session.manager.logError(&w.session.request, err)
	}
}

func (w *responseWriter) Header() http.Header { return w.inner.Header() }

func (w *responseWriter) WriteHeader(status int) {
	if isInformational(status) || w.begin() {
		w.inner.WriteHeader(status)
	}
}

func (w *responseWriter) Write(p []byte) (int, error) {
	if !w.begin() {
		return 0, w.failed
	}
	return w.inner.Write(p)
}

// isInformational reports whether another header follows the one with status.
func isInformational(status int) bool {
	return 100 <= status && status < 200 && status != http.StatusSwitchingProtocols
}

// WriteString and ReadFrom keep the fast paths of io.WriteString and io.Copy.

func (w *responseWriter) WriteString(s string) (int, error) {
	if !w.begin() {
		return 0, w.failed
	}
	return io.WriteString(w.inner, s)
}

func (w *responseWriter) ReadFrom(src io.Reader) (int64, error) {
	if !w.begin() {
		return 0, w.failed
	}
	return io.Copy(w.inner, src)
}

// http.ResponseController uses Unwrap and FlushError.

func (w *responseWriter) Unwrap() http.ResponseWriter { return w.inner }

// FlushError sends nothing if no writer below can flush. So the header can
// still change.
func (w *responseWriter) FlushError() error {
	if canFlush, _ := capabilities(w.inner); !canFlush {
		return fmt.Errorf("holdfast: flushing: %w", http.ErrNotSupported)
	}
	if !w.begin() {
		return w.failed
	}
	return http.NewResponseController(w.inner).Flush()
}

// hijack is Hijack for the types below. Like FlushError it sends nothing if it
// is not supported.
func (w *responseWriter) hijack() (net.Conn, *bufio.ReadWriter, error) {
	if _, canHijack := capabilities(w.inner); !canHijack {
		return nil, nil, fmt.Errorf("holdfast: hijacking: %w", http.ErrNotSupported)
	}
	if !w.begin() {
		return nil, nil, w.failed
	}
	return http.NewResponseController(w.inner).Hijack()
}

// A handler may find out by a type assertion whether it can flush or hijack. So
// a writer must not have these methods unless a writer below has them. These
// types are one pointer each, so converting them to an interface allocates
// nothing.
type (
	flushingWriter          struct{ *responseWriter }
	hijackingWriter         struct{ *responseWriter }
	flushingHijackingWriter struct{ *responseWriter }
)

func (w flushingWriter) Flush()          { _ = w.FlushError() }
func (w flushingHijackingWriter) Flush() { _ = w.FlushError() }

func (w hijackingWriter) Hijack() (net.Conn, *bufio.ReadWriter, error)         { return w.hijack() }
func (w flushingHijackingWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) { return w.hijack() }

// asCapable returns w with Flush and Hijack if a writer below has them.
func (w *responseWriter) asCapable() http.ResponseWriter {
	canFlush, canHijack := capabilities(w.inner)
	switch {
	case canFlush && canHijack:
		return flushingHijackingWriter{w}
	case canFlush:
		return flushingWriter{w}
	case canHijack:
		return hijackingWriter{w}
	}
	return w
}

// capabilities reports whether w, or a writer that it wraps, can flush, and
// whether one is an http.Hijacker. It looks where http.ResponseController
// looks.
func capabilities(w http.ResponseWriter) (flush, hijack bool) {
	for {
		switch w.(type) {
		case http.Flusher, interface{ FlushError() error }:
			flush = true
		}
		if !hijack {
			_, hijack = w.(http.Hijacker)
		}
		wrapper, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok || flush && hijack {
			return flush, hijack
		}
		w = wrapper.Unwrap()
	}
}

// Format prints the type alone, since writers end up in logs.
func (w *responseWriter) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "holdfast.ResponseWriter")
}
