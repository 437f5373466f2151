package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/alexedwards/scs/v2"
	ginsessions "github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/memstore"
	"github.com/gin-gonic/gin"
	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/session"
	"github.com/gorilla/sessions"
	"github.com/valyala/fasthttp"

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

// appInfo describes an app. The cost of its sessions is its cost beyond the
// bare app of the same framework.
type appInfo struct {
	name      string
	framework string
	keeps     string // the place of its sessions
	module    string
	open      func() app
}

func (a appInfo) String() string { return a.name }

const bare = "bare "

var bareApps = []appInfo{
	{bare + "net/http", "net/http", "", "", func() app { return newHandlerApp(httpPages(nil)) }},
	{bare + "gin", "gin", "", "github.com/gin-gonic/gin", func() app { return newGinApp(nil) }},
	{bare + "fiber", "fiber", "", "github.com/gofiber/fiber/v3", func() app { return newFiberApp(nil) }},
}

// sessionApps are the apps with sessions, Holdfast first. Each middleware also
// runs on Holdfast as its store.
var sessionApps = []appInfo{
	{"holdfast", "net/http", "memory", "github.com/holdfast-go/holdfast", func() app { return newHoldfastApp(nil) }},
	{"scs", "net/http", "memory", "github.com/alexedwards/scs/v2", func() app { return newSCSApp(scs.New().Store) }},
	{"scs on holdfast", "net/http", "holdfast", "", func() app { return newSCSApp(plug.SCS(newCache(), plugPrefix)) }},
	{"gorilla", "net/http", "cookie", "github.com/gorilla/sessions", func() app { return newGorillaApp(sessions.NewCookieStore(signingKey)) }},
	{"gorilla on holdfast", "net/http", "holdfast", "", func() app { return newGorillaApp(must(gorilla.NewStore(newCache(), plugPrefix, signingKey))) }},
	{"gin sessions", "gin", "memory", "github.com/gin-contrib/sessions", func() app { return ginSessionApp(memstore.NewStore(signingKey)) }},
	{"gin sessions on holdfast", "gin", "holdfast", "", func() app { return ginSessionApp(must(ginplug.NewStore(newCache(), plugPrefix, signingKey))) }},
	{"fiber session", "fiber", "memory", "github.com/gofiber/fiber/v3", func() app { return fiberSessionApp(session.Config{}) }},
	{"fiber session on holdfast", "fiber", "holdfast", "", func() app { return fiberSessionApp(session.Config{Storage: plug.Fiber(newCache(), plugPrefix)}) }},
}

const cookieName, plugPrefix = "session", "bench"

// signingKey signs cookies. It protects nothing but a benchmark.
var signingKey = []byte("0123456789abcdef0123456789abcdef")

func newCache() *cache.Cache { return must(cache.New(cache.Options{})) }

var allApps = slices.Concat(sessionApps, bareApps)

// The pages.
const (
	loginPage = "/login"  // stores a session of four keys
	readPage  = "/read"   // reads two of them
	writePage = "/write"  // reads one and changes it
	countPage = "/count"  // raises one by 1 and shows it
	otherPage = "/static" // does not look at the session

	body = "ok\n"
)

var allPages = []string{loginPage, readPage, writePage, countPage, otherPage}

const userKey, visitsKey = "user", "visits"

// loggedIn is the content of a session after login.
var loggedIn = map[string]any{userKey: "ada@example.com", "theme": "dark", "csrf": "b7c1f0e2a94d4c5d8e6f7a8b9c0d1e2f", visitsKey: 1}

// library is how the pages use a session of type S.
type library[S any] struct {
	user   func(S) string
	visits func(S) int
	set    func(s S, key, value any)
	raise  func(S) (int, error) // raises the visits atomically; nil if the library has no such way
	save   func(S) error        // nil if a change needs no call to be saved
}

// visit does the work of a page and returns its text. It fails if there is no
// session as it should be: a request with a cookie has a user.
func (l library[S]) visit(page string, s S, hasCookie bool) (text string, err error) {
	text = body
	switch page {
	case loginPage:
		for key, value := range loggedIn {
			l.set(s, key, value)
		}
	case readPage:
		user := l.user(s)
		l.visits(s)
		if hasCookie == (user == "") {
			return "", fmt.Errorf("the user is %q, though the request has a cookie: %v", user, hasCookie)
		}
		return text, nil
	case writePage:
		l.set(s, visitsKey, l.visits(s)+1)
	case countPage:
		if l.raise != nil {
			n, err := l.raise(s)
			return strconv.Itoa(n), err
		}
		l.set(s, visitsKey, l.visits(s)+1)
		text = strconv.Itoa(l.visits(s))
	}
	if l.save == nil {
		return text, nil
	}
	return text, l.save(s)
}

// httpPages is a handler that calls itself, if not nil, on the pages that look
// at the session.
type httpPages func(http.ResponseWriter, *http.Request) (text string, err error)

func (p httpPages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text := body
	if p != nil && r.URL.Path != otherPage {
		var err error
		if text, err = p(w, r); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	}
	io.WriteString(w, text)
}

func hasCookie(r *http.Request) bool { return len(r.Header["Cookie"]) > 0 }

func newHoldfastApp(store holdfast.Store) app {
	manager := must(holdfast.New(holdfast.Options{Store: store}))
	l := library[*holdfast.Session]{
		user:   func(s *holdfast.Session) string { v, _ := holdfast.Get[string](s, userKey); return v },
		visits: func(s *holdfast.Session) int { v, _ := holdfast.Get[int](s, visitsKey); return v },
		set:    func(s *holdfast.Session, key, value any) { s.Set(key.(string), value) },
		raise: func(s *holdfast.Session) (int, error) {
			return holdfast.Update(s, visitsKey, func(n int) int { return n + 1 })
		},
	}
	return newHandlerApp(manager.Handler(httpPages(func(_ http.ResponseWriter, r *http.Request) (string, error) {
		return l.visit(r.URL.Path, manager.Session(r), hasCookie(r))
	})))
}

func newSCSApp(store scs.Store) app {
	manager := scs.New()
	manager.Store = store
	l := library[context.Context]{
		user:   func(c context.Context) string { return manager.GetString(c, userKey) },
		visits: func(c context.Context) int { return manager.GetInt(c, visitsKey) },
		set:    func(c context.Context, key, value any) { manager.Put(c, key.(string), value) },
	}
	return newHandlerApp(manager.LoadAndSave(httpPages(func(_ http.ResponseWriter, r *http.Request) (string, error) {
		return l.visit(r.URL.Path, r.Context(), hasCookie(r))
	})))
}

func newGorillaApp(store sessions.Store) app {
	type opened struct {
		*sessions.Session
		w http.ResponseWriter
		r *http.Request
	}
	l := library[opened]{
		user:   func(s opened) string { v, _ := s.Values[userKey].(string); return v },
		visits: func(s opened) int { v, _ := s.Values[visitsKey].(int); return v },
		set:    func(s opened, key, value any) { s.Values[key] = value },
		save:   func(s opened) error { return s.Save(s.r, s.w) },
	}
	return newHandlerApp(httpPages(func(w http.ResponseWriter, r *http.Request) (string, error) {
		s, err := store.Get(r, cookieName)
		if err != nil {
			return "", err
		}
		return l.visit(r.URL.Path, opened{s, w, r}, hasCookie(r))
	}))
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

// newGinApp returns an engine without the logger and the recovery of
// gin.Default. It calls page, if not nil, on the pages that look at the
// session.
func newGinApp(page func(path string, c *gin.Context) (text string, err error), use ...gin.HandlerFunc) app {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.Use(use...)
	for _, path := range allPages {
		engine.GET(path, func(c *gin.Context) {
			text := body
			if page != nil && path != otherPage {
				var err error
				if text, err = page(path, c); err != nil {
					c.String(http.StatusInternalServerError, err.Error())
					return
				}
			}
			c.String(http.StatusOK, text)
		})
	}
	return newHandlerApp(engine)
}

func ginSessionApp(store ginsessions.Store) app {
	l := library[ginsessions.Session]{
		user:   func(s ginsessions.Session) string { v, _ := s.Get(userKey).(string); return v },
		visits: func(s ginsessions.Session) int { v, _ := s.Get(visitsKey).(int); return v },
		set:    ginsessions.Session.Set,
		save:   ginsessions.Session.Save,
	}
	return newGinApp(func(path string, c *gin.Context) (string, error) {
		return l.visit(path, ginsessions.Default(c), hasCookie(c.Request))
	}, ginsessions.Sessions(cookieName, store))
}

// fiberApp drives fiber with one request context, as its server does.
type fiberApp struct {
	handler fasthttp.RequestHandler
	ctx     fasthttp.RequestCtx
}

func (a *fiberApp) do(page, cookie string) string {
	a.ctx.Request.Reset()
	a.ctx.Response.Reset()
	a.ctx.Request.Header.SetMethod(fiber.MethodGet)
	a.ctx.Request.SetRequestURI(page)
	a.ctx.Request.Header.SetHost("localhost")
	if cookie != "" {
		a.ctx.Request.Header.Set(fiber.HeaderCookie, cookie)
	}
	a.handler(&a.ctx)
	return cookiePair(string(a.ctx.Response.Header.Peek(fiber.HeaderSetCookie)))
}

func newFiberApp(page func(path string, c fiber.Ctx) (text string, err error), use ...any) app {
	f := fiber.New()
	if len(use) > 0 {
		f.Use(use...)
	}
	for _, path := range allPages {
		f.Get(path, func(c fiber.Ctx) error {
			text := body
			if page != nil && path != otherPage {
				var err error
				if text, err = page(path, c); err != nil {
					return err
				}
			}
			return c.SendString(text)
		})
	}
	return &fiberApp{handler: f.Handler()}
}

func fiberSessionApp(config session.Config) app {
	l := library[*session.Middleware]{
		user:   func(s *session.Middleware) string { v, _ := s.Get(userKey).(string); return v },
		visits: func(s *session.Middleware) int { v, _ := s.Get(visitsKey).(int); return v },
		set:    (*session.Middleware).Set,
	}
	return newFiberApp(func(path string, c fiber.Ctx) (string, error) {
		return l.visit(path, session.FromContext(c), len(c.Request().Header.Peek(fiber.HeaderCookie)) > 0)
	}, session.New(config))
}
