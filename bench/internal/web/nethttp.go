package web

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// handlerApp drives an http.Handler with a response writer that is used again
// and again. The request is fresh each time, since middlewares keep things in
// its context.
type handlerApp struct {
	handler http.Handler
	request *http.Request
	cookie  [1]string // the request's header, made once: it is no session's cost
	writer  discard
}

func newHandlerApp(h http.Handler) *handlerApp {
	return &handlerApp{
		handler: h,
		request: &http.Request{
			Method: http.MethodGet,
			URL:    &url.URL{},
			Proto:  "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			Header:     make(http.Header),
			Body:       http.NoBody,
			Host:       "localhost",
			RemoteAddr: "127.0.0.1:1024",
		},
		writer: discard{header: make(http.Header)},
	}
}

func (a *handlerApp) do(page, cookie string) string {
	r := a.request.WithContext(context.Background())
	r.URL.Path = page
	delete(r.Header, "Cookie")
	if cookie != "" {
		a.cookie[0] = cookie
		r.Header["Cookie"] = a.cookie[:]
	}
	clear(a.writer.header)
	a.writer.status = http.StatusOK
	a.handler.ServeHTTP(&a.writer, r)
	return cookiePair(a.writer.header.Get("Set-Cookie"))
}

// cookiePair cuts the attributes off a Set-Cookie header.
func cookiePair(setCookie string) string {
	pair, _, _ := strings.Cut(setCookie, ";")
	return pair
}

// discard is a response writer that keeps only the headers and the status.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(status int)      { d.status = status }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteString(s string) (int, error) {
	return len(s), nil
}

// pages is a handler of the pages; each of the functions does what its
// page is for, and fails where there is no session as it should be.
type pages struct {
	login, read, write func(http.ResponseWriter, *http.Request) error
}

func (p pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := p.page(r.URL.Path)(w, r); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	io.WriteString(w, body)
}

func (p pages) page(path string) func(http.ResponseWriter, *http.Request) error {
	switch path {
	case loginPage:
		return p.login
	case writePage:
		return p.write
	case otherPage:
		return nothing
	default:
		return p.read
	}
}

// expect checks what a page has read: a new visitor has nothing, everybody else
// what login stored.
func expect(r *http.Request, got string) error {
	if known := len(r.Header["Cookie"]) > 0; known == (got == "") {
		return fmt.Errorf("the user is %q, though the request has a cookie: %v", got, known)
	}
	return nil
}

func newBareHTTP() (app, error) {
	return newHandlerApp(pages{nothing, nothing, nothing}), nil
}

func nothing(http.ResponseWriter, *http.Request) error { return nil }
