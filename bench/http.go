package main

import (
	"cmp"
	"runtime"
	"slices"
	"time"
)

// The kinds of requests.
const (
	reads     = "read"
	writes    = "write"
	anonymous = "anonymous" // reads, without a cookie
	untouched = "untouched" // has no cookie and a page that ignores the session
)

var kinds = []string{reads, writes, anonymous, untouched}

// visit requests one page of an app for some time. Its figures are the
// nanoseconds, bytes and allocations of a request.
type visit struct {
	App  string
	Kind string
	For  time.Duration
}

// visited is an app with the cookie that its login set.
type visited struct {
	app    app
	cookie string
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
	at, ok := c.apps[v.App]
	if !ok {
		at.app = findApp(v.App).open()
		at.cookie = cmp.Or(at.app.do(loginPage, ""), bareCookie)
		c.apps[v.App] = at
		c.ballast = make([]byte, ballast)
	}
	page, cookie := readPage, at.cookie
	switch v.Kind {
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
	for ; took < v.For; took = time.Since(start) {
		for range unwatched {
			if set := at.app.do(page, cookie); set != "" && v.Kind == writes {
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
	b.steps = b.rounds*b.visits()*len(kinds)*(len(sessionApps)+len(bareApps)) + b.serverSteps()
	costs := samples{}
	for round := range b.rounds {
		costs.addBeyondBare(b.visitAll(round))
	}
	sec := costSection(costs)
	b.servers(&sec)
	return sec
}

// visits is the number of visits to an app in a round.
func (b *bench) visits() int { return pick(b, 1, 5) }

// visitAll measures one round of all apps, each in a new child. A visit has a
// time and no number of requests: otherwise the fastest app would end just
// before or after a collection of its heap.
func (b *bench) visitAll(round int) samples {
	var children []*process
	for _, a := range slices.Concat(sessionApps, bareApps) {
		child := start(b.ctx, a.name)
		defer child.close()
		children = append(children, child)
	}
	return b.inPasses(children, round, b.visits(), kinds, func(i, _ int, app string) measurement {
		return visit{app, kinds[i], pick(b, 20*time.Millisecond, 200*time.Millisecond)}
	})
}

// addBeyondBare adds the cost of a round beyond the bare app: the median of the
// differences in the same visit.
func (s samples) addBeyondBare(took samples) {
	for _, a := range sessionApps {
		bare := bareApps[slices.IndexFunc(bareApps, func(b appInfo) bool { return b.framework == a.framework })]
		for _, kind := range kinds {
			for _, figure := range []string{": ns", ": bytes", ": allocs"} {
				var beyond []float64
				for i, v := range took.of(a.name, kind+figure) {
					beyond = append(beyond, v-took.of(bare.name, kind+figure)[i])
				}
				s.add(a.name, kind+figure, median(beyond))
			}
		}
	}
}

func costSection(s samples) section {
	sec := section{Title: "Sessions over HTTP", Intro: `A session holds four keys: three strings and a number. A read reads two of them, a write changes the number, and an
anonymous request, without a cookie, reads and finds nothing. An untouched one has no cookie either, and its page does not ask
for the session. Each figure is beyond the bare handler of the same framework,
measured in the same round; requests are made in process, without a network, from one goroutine. In each round all
processes are started anew, each with 64 MiB of other data on its heap, as a server has, and visited five times for a
fifth of a second (a quick run: once, for a fiftieth); of a round's five figures the median counts.`}
	var names []string
	for _, a := range sessionApps {
		names = append(names, a.name)
	}
	t := newTable("What does a session add to a request?", "sessions", names,
		"Microseconds (median of the rounds, lowest and highest), bytes and allocations, beyond the bare handler of the framework.")
	t.column("framework", func(app string) string { return findApp(app).framework })
	t.column("kept in", func(app string) string { return findApp(app).keeps })
	for _, kind := range kinds {
		t.column(kind+" µs", s.spreads(kind+": ns", 1e-3, ""))
		t.column("bytes", s.medians(kind+": bytes"))
		t.column("allocations", s.medians(kind+": allocs"))
		sec.compare("time that a session adds to a request: "+kind, names, func(app string) summary {
			return ratios(s.aboveNoise(app, kind), s.aboveNoise(holdfastName, kind))
		})
	}
	sec.Tables = []table{t}
	for _, kind := range []string{reads, writes} {
		sec.Charts = append(sec.Charts, barChart("http-"+kind, "What a session adds to a request: "+kind,
			"microseconds beyond the bare handler (median, lowest and highest round)", s, names, kind+": ns", 1e-3))
	}
	return sec
}

// aboveNoise returns the nanoseconds, at least the noise between two visits: a
// ratio of smaller differences means nothing.
func (s samples) aboveNoise(name, kind string) (all []float64) {
	const noise = 100
	for _, ns := range s.of(name, kind+": ns") {
		all = append(all, max(ns, noise))
	}
	return all
}
