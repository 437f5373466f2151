package interop

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
)

// visit is one request's session, as its middleware offers it.
type visit interface {
	get(key string) string // "" if there is no such value
	set(key, value string)
	addFlash(message string)
	flashes() []string // and forgets them

	renew() error   // gives the session another ID
	destroy() error // ends it
	save() error    // does nothing where the middleware saves by itself
}

// app is the application that all sites run.
type app struct {
	// A slow request announces in arrived that it has read its session, and
	// goes on when it may receive from proceed.
	arrived, proceed chan struct{}
}

func newApp() *app { return &app{make(chan struct{}), make(chan struct{})} }

var errNoSuchPage = errors.New("no such page")

// serve answers the request for path and returns the response's body. Sites
// call it before they write anything.
func (a *app) serve(v visit, path string, query url.Values) (body string, err error) {
	switch path {
	case "/views":
		views, _ := strconv.Atoi(v.get("page_views"))
		body = strconv.Itoa(views + 1)
		v.set("page_views", body)
	case "/login":
		if err := v.renew(); err != nil {
			return "", err
		}
		v.set("user", query.Get("user"))
	case "/whoami":
		return v.get("user"), nil
	case "/logout":
		err = v.destroy()
	case "/renew":
		err = v.renew()
	case "/flash":
		v.addFlash(query.Get("message"))
	case "/flashes":
		body = strings.Join(v.flashes(), ",")
	case "/fill":
		n, _ := strconv.Atoi(query.Get("bytes"))
		v.set("fill", strings.Repeat("x", n))
	case "/slow":
		a.waitAfterReading(v)
		v.set("late", "yes")
	case "/slow-read":
		a.waitAfterReading(v)
		return "", nil
	default:
		err = errNoSuchPage
	}
	if err != nil {
		return "", err
	}
	return body, v.save()
}

func (a *app) waitAfterReading(v visit) {
	v.get("user") // some middlewares read no session before it is asked for
	a.arrived <- struct{}{}
	<-a.proceed
}
