package main

import (
	"cmp"
	"fmt"
	"runtime"
	"strings"
	"time"
)

// The kinds of requests. Anonymous and untouched ones have no cookie.
const reads, writes, anonymous, untouched = "read", "write", "anonymous", "untouched"

var (
	kinds = []string{reads, writes, anonymous, untouched}
	pages = map[string]string{reads: readPage, writes: writePage, anonymous: readPage, untouched: otherPage}
)

// visit requests one page of an app for some time. Its figures are the
// nanoseconds, bytes and allocations of a request.
type visit struct {
	App      string
	Database string // its URL, for the apps that need it
	Kind     string
	For      time.Duration
}

const (
	// bareCookie is sent to a bare app, so that the cost of sessions does not
	// contain the sending of a cookie.
	bareCookie = "session=0123456789abcdefghijklmnopqrstuvwxyz0123456"

	// ballast is other data on the heap, as in a server. A smaller heap would
	// be collected every few thousand requests, and the figure would be the
	// collector's.
	ballast = 64 << 20

	// unwatched is the number of requests between two readings of the clock.
	unwatched = 200
)

// measure follows a session that the response moves to another cookie, as a
// browser would.
func (v visit) measure(c *child) figures {
	if c.app == nil {
		c.app = findApp(v.App, v.Database).open()
		if c.cookie = c.app.do(loginPage, ""); c.cookie == "" && !strings.HasPrefix(v.App, bare) {
			check(fmt.Errorf("%s: login set no cookie", v.App))
		}
		c.cookie = cmp.Or(c.cookie, bareCookie)
		c.ballast = make([]byte, ballast)
	}
	page, cookie := pages[v.Kind], c.cookie
	if v.Kind == anonymous || v.Kind == untouched {
		cookie = ""
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	requests, took, start := 0, time.Duration(0), time.Now()
	for ; took < v.For; took = time.Since(start) {
		for range unwatched {
			if set := c.app.do(page, cookie); set != "" && v.Kind == writes {
				cookie = set
			}
		}
		requests += unwatched
	}
	runtime.ReadMemStats(&after)
	n := float64(requests)
	return figures{
		"ns":     float64(took) / n,
		"bytes":  float64(after.TotalAlloc-before.TotalAlloc) / n,
		"allocs": float64(after.Mallocs-before.Mallocs) / n,
	}
}

// http is the part about sessions over HTTP.
func (b *bench) http() section {
	costs := samples{}
	for round := range b.rounds {
		took := b.visitAll(round, names(allApps), kinds, pick(b, 1, 5), visit{For: pick(b, 20*time.Millisecond, 200*time.Millisecond)})
		costs.addBeyondBare(sessionApps, kinds, took)
	}
	sec := costSection(costs)
	b.servers(&sec)
	return sec
}

// visitAll measures one round of apps, each in a new child. A visit has a time
// and no number of requests: otherwise the fastest app would end just before or
// after a collection of its heap.
func (b *bench) visitAll(round int, apps, kinds []string, passes int, v visit) samples {
	children, stop := b.startAll(apps)
	defer stop()
	return b.inPasses(children, round, passes, kinds, func(i, _ int, app string) measurement {
		v.App, v.Kind = app, kinds[i]
		return v
	})
}

// betweenVisits is the noise between two visits, in nanoseconds. A ratio of
// smaller differences means nothing.
const betweenVisits = 100

// addBeyondBare adds the cost of a round beyond the bare app: the median of the
// differences in the same visit.
func (s samples) addBeyondBare(apps []appInfo, kinds []string, took samples) {
	for _, a := range apps {
		for _, kind := range kinds {
			for _, figure := range []string{": ns", ": bytes", ": allocs"} {
				base := took.of(bare+a.framework, kind+figure)
				var beyond []float64
				for i, v := range took.of(a.name, kind+figure) {
					beyond = append(beyond, v-base[i])
				}
				s.add(a.name, kind+figure, median(beyond))
			}
			ns := s.of(a.name, kind+": ns")
			s.add(a.name, kind+": cost", max(betweenVisits, ns[len(ns)-1]))
		}
	}
}

func costSection(s samples) section {
	sec := section{Title: "Sessions over HTTP", Intro: `A session holds three strings and a number. A read reads two of them, a write changes the number, an anonymous
request, without a cookie, reads and finds nothing, and an untouched one has no cookie and a page that does not ask for the session.
Each figure is beyond the bare handler of the same framework in the same round. Requests are made in process, from one goroutine. In each
round all processes are started anew, each with 64 MiB of other data on its heap, and visited five times for a fifth of a second
(a quick run: once, for a fiftieth); the median counts.`}
	apps := names(sessionApps)
	t := newTable("What does a session add to a request?", "sessions", apps,
		"Microseconds (median of the rounds, lowest and highest), bytes and allocations, beyond the bare handler of the framework.")
	t.column("framework", func(app string) string { return find(allApps, app).framework })
	t.column("kept in", func(app string) string { return find(allApps, app).keeps })
	for _, kind := range kinds {
		t.column(kind+" µs", s.spreads(kind+": ns", 1e-3, ""))
		t.column("bytes", s.medians(kind+": bytes"))
		t.column("allocations", s.medians(kind+": allocs"))
		sec.compare("time that a session adds to a request: "+kind, apps, s.ratiosTo(holdfastName, kind+": cost"))
	}
	sec.Tables = []table{t}
	for _, kind := range []string{reads, writes} {
		sec.Charts = append(sec.Charts, barChart("http-"+kind, "What a session adds to a request: "+kind,
			"microseconds beyond the bare handler (median, lowest and highest round)", s, apps, kind+": ns", 1e-3))
	}
	return sec
}
