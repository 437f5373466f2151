// Package web measures what a session costs an HTTP request, for Holdfast and
// for the session middlewares of the other frameworks.
package web

import "slices"

// app is a server with sessions, driven without a network. It has four pages:
//
//	/login   stores a session of four keys
//	/read    reads two of them
//	/write   reads one and changes it
//	/static  has nothing to do with sessions
//
// On a bare app, which has no sessions, they do nothing. Each page answers
// with a short body, and each app is used from one goroutine.
type app interface {
	// do requests the page with that Cookie header (empty: none) and returns
	// the cookie that the response sets, as the next request would send it.
	do(page, cookie string) (set string)
}

const (
	loginPage = "/login"
	readPage  = "/read"
	writePage = "/write"
	otherPage = "/static"

	body = "ok\n"
)

// What a session holds.
const (
	userKey, user   = "user", "ada@example.com"
	themeKey, theme = "theme", "dark"
	tokenKey, token = "csrf", "b7c1f0e2a94d4c5d8e6f7a8b9c0d1e2f"
	visitsKey       = "visits"
)

// framework is what an app is built on: the overhead of its sessions is what
// they add to a bare app of the same framework.
type framework string

const (
	netHTTP framework = "net/http"
	ginWeb  framework = "gin"
	fiberV3 framework = "fiber"
)

// candidate is an app to measure.
type candidate struct {
	name      string
	framework framework
	keeps     string // where its sessions are
	module    string
	new       func() (app, error)
}

// bareApps returns the apps without sessions.
func bareApps() []candidate {
	return []candidate{
		{"bare net/http", netHTTP, "", "", newBareHTTP},
		{"bare gin", ginWeb, "", "github.com/gin-gonic/gin", newBareGin},
		{"bare fiber", fiberV3, "", "github.com/gofiber/fiber/v3", newBareFiber},
	}
}

// bare returns the app without sessions of that framework.
func bare(f framework) candidate {
	all := bareApps()
	return all[slices.IndexFunc(all, func(c candidate) bool { return c.framework == f })]
}

// plugPrefix keeps a middleware's sessions apart in a cache that it has for
// itself here.
const plugPrefix = "bench"

// candidates returns the apps with sessions, Holdfast first, and behind each
// middleware the same one with its store replaced by ours.
func candidates() []candidate {
	return []candidate{
		{"holdfast", netHTTP, "memory", "github.com/holdfast-go/holdfast", newHoldfast},
		{"scs", netHTTP, "memory", "github.com/alexedwards/scs/v2", newSCS},
		{"scs on holdfast", netHTTP, "holdfast", "", newSCSOnHoldfast},
		{"gorilla", netHTTP, "cookie", "github.com/gorilla/sessions", newGorilla},
		{"gorilla on holdfast", netHTTP, "holdfast", "", newGorillaOnHoldfast},
		{"gin sessions", ginWeb, "memory", "github.com/gin-contrib/sessions", newGin},
		{"gin sessions on holdfast", ginWeb, "holdfast", "", newGinOnHoldfast},
		{"fiber session", fiberV3, "memory", "github.com/gofiber/fiber/v3", newFiber},
		{"fiber session on holdfast", fiberV3, "holdfast", "", newFiberOnHoldfast},
	}
}

// apps returns all that are measured.
func apps() []candidate { return append(candidates(), bareApps()...) }

// byName finds one of the apps.
func byName(name string) (candidate, bool) {
	for _, c := range apps() {
		if c.name == name {
			return c, true
		}
	}
	return candidate{}, false
}

// Modules returns the paths of the modules that are measured.
func Modules() []string {
	var paths []string
	for _, c := range apps() {
		if c.module != "" {
			paths = append(paths, c.module)
		}
	}
	return paths
}
