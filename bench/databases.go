package main

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"
	"golang.org/x/sync/errgroup"

	"github.com/holdfast-go/holdfast/tier"
)

// database is a place of sessions outside the process.
type database struct {
	name    string
	intro   string
	version string
	url     string    // by which the apps open it
	apps    []appInfo // that have their sessions in it, Holdfast's default first

	unit    string                       // that is counted: trips or statements
	counted string                       // the URL by which count sees the apps
	count   func(of *appProcess) float64 // units since the start of the database
	counter string                       // describes count
}

// patient returns options for Holdfast with which a slow machine makes no
// request fail.
func patient(mode tier.Mode) tier.Options {
	return tier.Options{Mode: mode, Timeout: 30 * time.Second, Logger: slog.New(slog.DiscardHandler)}
}

// appsOn returns the apps with sessions in the database of a URL.
func appsOn(url string) []appInfo {
	switch scheme, rest, _ := strings.Cut(url, "://"); scheme {
	case "redis":
		return redisApps(rest)
	case "postgres":
		return postgresApps(url)
	case "sqlite":
		return sqliteApps(rest)
	}
	return nil
}

// findApp returns an app with its sessions in memory or in the database.
func findApp(name, database string) appInfo { return find(append(appsOn(database), allApps...), name) }

// crowds are the numbers of clients that make requests at the same time.
var crowds = []int{16, 64}

// databaseKinds are the requests of the parts about databases.
var databaseKinds = []string{reads, writes, anonymous}

// appServer starts a server of an app on the loopback interface. It ends with
// the child. The figure is its port.
type appServer struct{ App, Database string }

func (m appServer) measure(*child) figures {
	a := findApp(m.App, m.Database).open()
	listener := must(net.Listen("tcp", "127.0.0.1:0"))
	switch a := a.(type) {
	case *handlerApp:
		go http.Serve(listener, a.handler)
	case *fiberApp:
		go fasthttp.Serve(listener, a.handler)
	}
	return figures{"port": float64(listener.Addr().(*net.TCPAddr).Port)}
}

// appProcess is an app that serves in a process of its own, which stop kills.
type appProcess struct {
	port  string
	child *process // nil for Node
	stop  func()
}

// serve starts a server of an app.
func (b *bench) serve(a appInfo, database string) *appProcess {
	b.step("starting %s", a.name)
	if a.open == nil {
		port, stop := startNode(b.ctx, b.nodeDir, database)
		return &appProcess{port: port, stop: stop}
	}
	child := start(b.ctx, a.name)
	return &appProcess{fmt.Sprint(child.run(appServer{a.name, database})["port"]), child, child.close}
}

// visit makes a request of a kind. The first one that needs a session logs in.
func (b *browser) visit(kind string) error {
	if kind == anonymous {
		defer func(cookie string) { b.cookie = cookie }(b.cookie)
		b.cookie = ""
	} else if b.cookie == "" {
		if err := b.get(loginPage); err != nil {
			return err
		}
	}
	return b.get(pages[kind])
}

// raise raises the visits of the session by 1 and returns them.
func (b *browser) raise() float64 {
	check(b.get(countPage))
	return must(strconv.ParseFloat(string(b.response.Body()), 64))
}

// in measures sessions in a database, and adds the figures to s.
func (b *bench) in(d database, s samples) section {
	var missing []string
	if slices.ContainsFunc(d.apps, isNode) {
		if _, err := b.nodeProgram(); err != nil {
			missing = []string{"sessions in " + d.name + " under Express: " + err.Error()}
			d.apps = slices.DeleteFunc(d.apps, isNode)
		}
	}
	b.addCounts(d, s)
	d.apps = append([]appInfo{find(sessionApps, holdfastName)}, d.apps...) // for comparison
	for _, kind := range databaseKinds {
		s.add(holdfastName, kind+": "+d.unit, 0)
	}
	b.addCosts(d, s)
	b.addRates(d, s)
	sec := d.section(s)
	sec.Missing = missing
	return sec
}

func isNode(a appInfo) bool { return a.open == nil }

// addCounts counts the units of a request. Then it kills the app: the session
// must be in the database.
func (b *bench) addCounts(d database, s samples) {
	for _, a := range d.apps {
		first := b.serve(a, d.counted)
		v := newBrowsers(first.port, 1)[0]
		for _, kind := range databaseKinds {
			check(v.visit(kind)) // log in, and prepare statements
			s.add(a.name, kind+": "+d.unit, medianDuring(func() float64 { return d.count(first) }, func() { check(v.visit(kind)) }))
		}
		visits := v.raise()
		first.stop()
		second := b.serve(a, d.counted)
		again := newBrowsers(second.port, 1)[0]
		again.cookie = v.cookie
		if now := again.raise(); now != visits+1 {
			check(fmt.Errorf("%s: a session had %v visits; after the app was killed and started again, the next one was number %v", a.name, visits, now))
		}
		second.stop()
	}
}

// addCosts measures the time that a session adds to a request in process.
func (b *bench) addCosts(d database, s samples) {
	inProcess := slices.DeleteFunc(slices.Clone(d.apps), isNode)
	children := append(names(inProcess), bare+"net/http", bare+"fiber")
	for round := range pick(b, 1, b.rounds) {
		took := b.visitAll(round, children, databaseKinds, pick(b, 1, 3), visit{Database: d.url, For: pick(b, 20*time.Millisecond, 70*time.Millisecond)})
		s.addBeyondBare(inProcess, databaseKinds, took)
	}
}

// addRates measures servers: requests a second, lost changes, and the time that
// a session adds under Express.
func (b *bench) addRates(d database, s samples) {
	driveTime := pick(b, 40*time.Millisecond, 150*time.Millisecond)
	var servers []*appProcess
	var browsers [][]*browser
	for _, a := range d.apps {
		server := b.serve(a, d.url)
		defer server.stop()
		servers = append(servers, server)
		browsers = append(browsers, newBrowsers(server.port, slices.Max(crowds)))
	}
	rate := func(app, clients int, kind string, long time.Duration) float64 {
		b.step("%s, %d clients, %s", d.apps[app].name, clients, kind)
		return must(drive(browsers[app][:clients], long, func(v *browser, _ int) error { return v.visit(kind) }))
	}
	for i := range d.apps {
		rate(i, slices.Max(crowds), writes, pick(b, 200*time.Millisecond, 500*time.Millisecond)) // all log in, and Node compiles the program
	}
	for round := range pick(b, 1, b.rounds) {
		for k, kind := range databaseKinds {
			for c, clients := range crowds {
				for _, i := range b.order(len(d.apps), round*100+k*10+c) {
					s.add(d.apps[i].name, rateOf(kind, clients), rate(i, clients, kind, driveTime))
				}
			}
		}
		for i, a := range d.apps {
			s.add(a.name, "lost", lostChanges(servers[i].port))
			if isNode(a) {
				base := 1e9 / rate(i, 1, untouched, driveTime)
				for _, kind := range databaseKinds {
					ns := 1e9/rate(i, 1, kind, driveTime) - base
					s.add(a.name, kind+": ns", ns)
					s.add(a.name, kind+": cost", max(betweenVisits, ns))
				}
			}
		}
	}
}

func rateOf(kind string, clients int) string { return fmt.Sprintf("%s, %d clients", kind, clients) }

// simultaneous is the number of requests of one client that change its session
// at the same time.
const simultaneous = 200

// lostChanges returns how many of simultaneous changes are lost: each raises a
// number by 1.
func lostChanges(port string) float64 {
	first := newBrowsers(port, 1)[0]
	check(first.get(loginPage))
	before := first.raise()
	var clients errgroup.Group
	for _, v := range newBrowsers(port, simultaneous) {
		v.cookie = first.cookie
		clients.Go(func() error { return v.get(countPage) })
	}
	check(clients.Wait())
	return before + simultaneous + 1 - first.raise()
}

// section makes the tables, charts and comparisons. The first app has its
// sessions in memory.
func (d database) section(s samples) section {
	sec := section{Title: "Sessions in " + d.name, Intro: "The pages are those of sessions over HTTP. " + d.intro + `
The row "holdfast" keeps them in the process, for comparison. Before an app is measured, it is killed after a change and started again:
if the session were not there as it was, the run would fail.`}
	rows := names(d.apps)
	costs := newTable("What does a session in "+d.name+" add to a request?", "sessions", rows,
		d.version+". Microseconds beyond the bare handler of the framework, in process and from one goroutine; of Express over loopback, by one client, beyond a page without a session.",
		d.counter)
	costs.column("kept in", func(app string) string { return find(d.apps, app).keeps })
	rates := newTable("How many requests a second with sessions in "+d.name+", and how many lost changes?", "sessions", rows,
		"Over loopback, from the given number of clients, each with a session of its own. Client, app and database share the processors.",
		fmt.Sprintf("Lost: of %d requests that one client makes at the same time, each of which raises a number by 1. Holdfast does that by Update; the others have no such call.", simultaneous))
	// Without Holdfast in the process and its other modes.
	own := rows[1]
	peers := slices.DeleteFunc(slices.Clone(rows), func(row string) bool { return row != own && strings.HasPrefix(row, holdfastName) })
	for _, kind := range databaseKinds {
		costs.column(kind+" µs", s.spreads(kind+": ns", 1e-3, ""))
		costs.column(d.unit, func(app string) string { return fmt.Sprint(s.median(app, kind+": "+d.unit)) })
		sec.compare("time that a session in "+d.name+" adds to a request: "+kind, peers, s.ratiosTo(own, kind+": cost"))
		for _, clients := range crowds {
			name := rateOf(kind, clients)
			rates.column(name, s.spreads(name, 1, ""))
			sec.compare("time of a request with sessions in "+d.name+": "+name, peers, func(peer string) summary {
				return ratios(s.of(own, name), s.of(peer, name))
			})
		}
		if kind != anonymous {
			sec.Charts = append(sec.Charts, barChart(strings.ToLower(d.name)+"-"+kind, "What a session in "+d.name+" adds to a request: "+kind,
				"microseconds beyond the bare handler (median, lowest and highest round)", s, rows, kind+": ns", 1e-3))
		}
	}
	rates.column("lost", s.spreads("lost", 1, ""))
	sec.Tables = []table{costs, rates}
	return sec
}
