package holdfast

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
)

// writer is the exchange as its handler's response writer. It stores the session
// before the first byte of the response leaves.
type writer exchange

// begin is called before anything is sent. It reports false if the session
// could not be stored and the client has been told so instead.
func (w *writer) begin() bool {
	if w.session.headerSent() {
		return w.failed == nil
	}
	if w.failed = w.session.beforeHeader(w.inner.Header()); w.failed != nil {
		w.session.manager.fail(w.inner, &w.session, w.failed)
	}
	return w.failed == nil
}

// finish is called when the handler has returned.
func (w *writer) finish() {
	if !w.begin() {
		return
	}
	if err := w.session.afterResponse(); err != nil {
		w.session.manager.logError(&w.session.request, err)
	}
}

// Header, WriteHeader and Write make writer an http.ResponseWriter.

func (w *writer) Header() http.Header { return w.inner.Header() }

func (w *writer) WriteHeader(status int) {
	if isInformational(status) || w.begin() {
		w.inner.WriteHeader(status)
	}
}

func (w *writer) Write(p []byte) (int, error) {
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

func (w *writer) WriteString(s string) (int, error) {
	if !w.begin() {
		return 0, w.failed
	}
	return io.WriteString(w.inner, s)
}

func (w *writer) ReadFrom(src io.Reader) (int64, error) {
	if !w.begin() {
		return 0, w.failed
	}
	return io.Copy(w.inner, src)
}

// Unwrap and FlushError are what http.ResponseController looks for; hijack is
// Hijack of the writers below.

func (w *writer) Unwrap() http.ResponseWriter { return w.inner }

// A flush or a hijack that the writers below cannot do sends nothing, so the
// header can still change.

func (w *writer) FlushError() error {
	if canFlush, _ := capabilities(w.inner); !canFlush {
		return fmt.Errorf("holdfast: flushing: %w", http.ErrNotSupported)
	}
	if !w.begin() {
		return w.failed
	}
	return http.NewResponseController(w.inner).Flush()
}

func (w *writer) hijack() (net.Conn, *bufio.ReadWriter, error) {
	if _, canHijack := capabilities(w.inner); !canHijack {
		return nil, nil, fmt.Errorf("holdfast: hijacking: %w", http.ErrNotSupported)
	}
	if !w.begin() {
		return nil, nil, w.failed
	}
	return http.NewResponseController(w.inner).Hijack()
}

// A handler may ask by type assertion whether it can flush or hijack, so a
// writer must not have those methods unless what it wraps has them. These
// types are a pointer each, which makes them free to convert to an interface.
type (
	flushingWriter          struct{ *writer }
	hijackingWriter         struct{ *writer }
	flushingHijackingWriter struct{ *writer }
)

func (w flushingWriter) Flush()          { _ = w.FlushError() }
func (w flushingHijackingWriter) Flush() { _ = w.FlushError() }

func (w hijackingWriter) Hijack() (net.Conn, *bufio.ReadWriter, error)         { return w.hijack() }
func (w flushingHijackingWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) { return w.hijack() }

// asCapable returns w with Flush and Hijack where the wrapped writer has them,
// or one that it wraps.
func (w *writer) asCapable() http.ResponseWriter {
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

// capabilities reports whether w, or one that it wraps, can flush, and whether
// one is an http.Hijacker. It looks where http.ResponseController does.
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
