package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/alexedwards/scs/v2"
	"github.com/gin-contrib/sessions/memstore"
	"github.com/gofiber/fiber/v3/middleware/session"
	"github.com/gorilla/sessions"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/plug"
	ginplug "github.com/holdfast-go/holdfast/plug/gin"
	"github.com/holdfast-go/holdfast/plug/gorilla"
)

// app is a server with sessions, driven from one goroutine and without a
// network. On a bare app, which has no sessions, the pages do nothing.
type app interface {
	// do requests the page with that Cookie header (empty: none), and returns
	// the cookie that the response sets, as the next request would send it.
	do(page, cookie string) (set string)
}

// The pages.
const (
	loginPage = "/login"  // stores a session of four keys
	readPage  = "/read"   // reads two of them
	writePage = "/write"  // reads one and changes it
	otherPage = "/static" // does not look at the session

	body = "ok\n"
)

// loggedIn is the content of a session after login.
var loggedIn = map[string]any{userKey: "ada@example.com", "theme": "dark", "csrf": "b7c1f0e2a94d4c5d8e6f7a8b9c0d1e2f", visitsKey: 1}

const (
	userKey, visitsKey = "user", "visits"
	cookieName         = "session"
	plugPrefix         = "bench"
)

// signingKey signs cookies. It protects nothing but a benchmark.
var signingKey = []byte("0123456789abcdef0123456789abcdef")

// appInfo describes an app. The cost of its sessions is its cost beyond the
// bare app of the same framework.
type appInfo struct {
	name      string
	framework string
	keeps     string // the place of its sessions
	module    string
	open      func() app
}

var bareApps = []appInfo{
	{"bare net/http", "net/http", "", "", func() app { return newHandlerApp(pages{}) }},
	{"bare gin", "gin", "", "github.com/gin-gonic/gin", func() app { return newGinApp(nil) }},
	{"bare fiber", "fiber", "", "github.com/gofiber/fiber/v3", func() app { return newFiberApp(nil) }},
}

// sessionApps are the apps with sessions, Holdfast first. Each middleware also
// runs on Holdfast as its store.
var sessionApps = []appInfo{
	{"holdfast", "net/http", "memory", "github.com/holdfast-go/holdfast", newHoldfastApp},
	{"scs", "net/http", "memory", "github.com/alexedwards/scs/v2", func() app { return newSCSApp(scs.New()) }},
	{"scs on holdfast", "net/http", "holdfast", "", func() app {
		manager := scs.New()
		manager.Store = plug.SCS(newCache(), plugPrefix)
		return newSCSApp(manager)
	}},
	{"gorilla", "net/http", "cookie", "github.com/gorilla/sessions", func() app { return newGorillaApp(sessions.NewCookieStore(signingKey)) }},
	{"gorilla on holdfast", "net/http", "holdfast", "", func() app { return newGorillaApp(must(gorilla.NewStore(newCache(), plugPrefix, signingKey))) }},
	{"gin sessions", "gin", "memory", "github.com/gin-contrib/sessions", func() app { return ginSessionApp(memstore.NewStore(signingKey)) }},
	{"gin sessions on holdfast", "gin", "holdfast", "", func() app { return ginSessionApp(must(ginplug.NewStore(newCache(), plugPrefix, signingKey))) }},
	{"fiber session", "fiber", "memory", "github.com/gofiber/fiber/v3", func() app { return fiberSessionApp(session.Config{}) }},
	{"fiber session on holdfast", "fiber", "holdfast", "", func() app { return fiberSessionApp(session.Config{Storage: plug.Fiber(newCache(), plugPrefix)}) }},
}

func newCache() *cache.Cache { return must(cache.New(cache.Options{})) }

func findApp(name string) appInfo {
	all := slices.Concat(sessionApps, bareApps)
	i := slices.IndexFunc(all, func(a appInfo) bool { return a.name == name })
	if i < 0 {
		panic(fmt.Errorf("unknown app %q", name))
	}
	return all[i]
}

// handlerApp drives an http.Handler with one response writer. The request is
// new each time, because middlewares keep values in its context.
type handlerApp struct {
	handler http.Handler
	request *http.Request
	cookie  [1]string // the request's header; its creation is no session's cost
	header  http.Header
	status  int
}

func newHandlerApp(h http.Handler) *handlerApp {
	return &handlerApp{
		handler: h,
		request: &http.Request{
			Method: http.MethodGet, URL: &url.URL{}, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			Header: make(http.Header), Body: http.NoBody, Host: "localhost", RemoteAddr: "127.0.0.1:1024",
		},
		header: make(http.Header),
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
	clear(a.header)
	a.status = http.StatusOK
	a.handler.ServeHTTP(a, r)
	return cookiePair(a.header.Get("Set-Cookie"))
}

// Header, WriteHeader, Write and WriteString make the app its own response
// writer, which drops the body.
func (a *handlerApp) Header() http.Header               { return a.header }
func (a *handlerApp) WriteHeader(status int)            { a.status = status }
func (a *handlerApp) Write(p []byte) (int, error)       { return len(p), nil }
func (a *handlerApp) WriteString(s string) (int, error) { return len(s), nil }

// cookiePair cuts the attributes off a Set-Cookie header.
func cookiePair(setCookie string) string {
	pair, _, _ := strings.Cut(setCookie, ";")
	return pair
}

// pages is a handler of the pages. A page fails if there is no session as it
// should be. A path without a page does nothing.
type pages map[string]func(http.ResponseWriter, *http.Request) error

func (p pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if page := p[r.URL.Path]; page != nil {
		if err := page(w, r); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	}
	io.WriteString(w, body)
}

// expect checks the user that a page has read: a request with a cookie has one.
func expect(user string, hasCookie bool) error {
	if hasCookie == (user == "") {
		return fmt.Errorf("the user is %q, though the request has a cookie: %v", user, hasCookie)
	}
	return nil
}

func newHoldfastApp() app {
	sessions := must(holdfast.New(holdfast.Options{}))
	return newHandlerApp(sessions.Handler(pages{
		loginPage: func(_ http.ResponseWriter, r *http.Request) error {
			for key, value := range loggedIn {
				sessions.Session(r).Set(key, value)
			}
			return nil
		},
		readPage: func(_ http.ResponseWriter, r *http.Request) error {
			s := sessions.Session(r)
			user, _ := holdfast.Get[string](s, userKey)
			holdfast.Get[int](s, visitsKey)
			return expect(user, len(r.Header["Cookie"]) > 0)
		},
		writePage: func(_ http.ResponseWriter, r *http.Request) error {
			s := sessions.Session(r)
			visits, _ := holdfast.Get[int](s, visitsKey)
			s.Set(visitsKey, visits+1)
			return nil
		},
	}))
}

func newSCSApp(manager *scs.SessionManager) app {
	return newHandlerApp(manager.LoadAndSave(pages{
		loginPage: func(_ http.ResponseWriter, r *http.Request) error {
			for key, value := range loggedIn {
				manager.Put(r.Context(), key, value)
			}
			return nil
		},
		readPage: func(_ http.ResponseWriter, r *http.Request) error {
			user := manager.GetString(r.Context(), userKey)
			manager.GetInt(r.Context(), visitsKey)
			return expect(user, len(r.Header["Cookie"]) > 0)
		},
		writePage: func(_ http.ResponseWriter, r *http.Request) error {
			manager.Put(r.Context(), visitsKey, manager.GetInt(r.Context(), visitsKey)+1)
			return nil
		},
	}))
}

func newGorillaApp(store sessions.Store) app {
	// with opens the session for a page, which returns whether to save it.
	with := func(page func(r *http.Request, values map[any]any) (save bool, err error)) func(http.ResponseWriter, *http.Request) error {
		return func(w http.ResponseWriter, r *http.Request) error {
			s, err := store.Get(r, cookieName)
			if err != nil {
				return err
			}
			if save, err := page(r, s.Values); err != nil || !save {
				return err
			}
			return s.Save(r, w)
		}
	}
	return newHandlerApp(pages{
		loginPage: with(func(_ *http.Request, values map[any]any) (bool, error) {
			for key, value := range loggedIn {
				values[key] = value
			}
			return true, nil
		}),
		readPage: with(func(r *http.Request, values map[any]any) (bool, error) {
			user, _ := values[userKey].(string)
			return false, expect(user, len(r.Header["Cookie"]) > 0)
		}),
		writePage: with(func(_ *http.Request, values map[any]any) (bool, error) {
			visits, _ := values[visitsKey].(int)
			values[visitsKey] = visits + 1
			return true, nil
		}),
	})
}
