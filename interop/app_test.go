package interop

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
)

// visit is the session of one request, as its middleware implements it.
type visit interface {
	get(key string) string // "" if there is no such value
	set(key, value string)

	renew() error   // gives the session another ID
	destroy() error // ends the session
	save() error    // does nothing if the middleware saves by itself
}

// flasher is a visit whose middleware has flash messages of its own.
type flasher interface {
	addFlash(message string)
	flashes() []string // removes the messages that it returns
}

// app is the application that all sites run.
type app struct {
	// A slow request sends on arrived after it has read its session. Then it
	// waits until it receives from proceed.
	arrived, proceed chan struct{}
}

func newApp() *app { return &app{make(chan struct{}), make(chan struct{})} }

var errNoSuchPage = errors.New("no such page")

// serve handles a request for path and returns the response's body. Sites call
// it before they write to the response.
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
		message := query.Get("message")
		if f, ok := v.(flasher); ok {
			f.addFlash(message)
		} else {
			v.set("flash", strings.TrimPrefix(v.get("flash")+"\n"+message, "\n"))
		}
	case "/flashes":
		if f, ok := v.(flasher); ok {
			body = strings.Join(f.flashes(), ",")
		} else {
			body = strings.ReplaceAll(v.get("flash"), "\n", ",")
			v.set("flash", "")
		}
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
	v.get("user") // some middlewares read the session at the first access
	a.arrived <- struct{}{}
	<-a.proceed
}
