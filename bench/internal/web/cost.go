package web

import (
	"cmp"
	"fmt"
	"runtime"
	"time"

	"github.com/holdfast-go/holdfast/bench/internal/proc"
)

const costTask = "web.cost"

// kind is what a request does.
type kind string

const (
	reads     kind = "read"
	writes    kind = "write"
	anonymous kind = "anonymous"
	untouched kind = "untouched"
)

func kinds() []kind { return []kind{reads, writes, anonymous, untouched} }

// Visit says what to request of whom, and for how long.
type Visit struct {
	App  string
	Kind kind
	For  time.Duration
}

// unwatched is how many requests are made between two looks at the clock.
const unwatched = 200

// Cost is what one request takes, on average.
type Cost struct{ Nanos, Bytes, Allocs float64 }

// Tasks are what a child needs to be able to do.
func Tasks() proc.Tasks {
	v := &visitor{apps: make(map[string]visited)}
	return proc.Tasks{costTask: proc.Handle(v.cost), serveTask: proc.Handle(serve)}
}

// bareCookie is what a bare app gets in place of a session's cookie, so that what
// is measured beyond it is not the sending of one.
const bareCookie = "session=0123456789abcdefghijklmnopqrstuvwxyz0123456"

// ballast is the data of its own that a server has on the heap. Without it the
// heap is so small that it is collected every few thousand requests, and what is
// measured is the collector.
const ballast = 64 << 20

// visitor keeps the apps it has visited, and the cookies it got.
type visitor struct {
	apps    map[string]visited
	ballast []byte
}

type visited struct {
	app    app
	cookie string
}

// cost is measured from one goroutine. A session that the response moves to
// another cookie is followed there, as a browser would.
func (v *visitor) cost(visit Visit) (Cost, error) {
	at, err := v.at(visit.App)
	if err != nil {
		return Cost{}, err
	}
	if v.ballast == nil {
		v.ballast = make([]byte, ballast)
	}
	page, cookie := readPage, at.cookie
	switch visit.Kind {
	case writes:
		page = writePage
	case anonymous:
		cookie = ""
	case untouched:
		page, cookie = otherPage, ""
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	requests, took, start := 0, time.Duration(0), time.Now()
	for ; took < visit.For; took = time.Since(start) {
		for range unwatched {
			if set := at.app.do(page, cookie); set != "" && visit.Kind == writes {
				cookie = set
			}
		}
		requests += unwatched
	}
	runtime.ReadMemStats(&after)
	n := float64(requests)
	return Cost{
		Nanos:  float64(took.Nanoseconds()) / n,
		Bytes:  float64(after.TotalAlloc-before.TotalAlloc) / n,
		Allocs: float64(after.Mallocs-before.Mallocs) / n,
	}, nil
}

// at logs in, the first time.
func (v *visitor) at(name string) (visited, error) {
	if at, ok := v.apps[name]; ok {
		return at, nil
	}
	c, ok := byName(name)
	if !ok {
		return visited{}, fmt.Errorf("no app is called %q", name)
	}
	a, err := c.new()
	if err != nil {
		return visited{}, err
	}
	at := visited{a, cmp.Or(a.do(loginPage, ""), bareCookie)}
	v.apps[name] = at
	return at, nil
}
