package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alexedwards/scs/goredisstore"
	"github.com/boj/redistore"
	"github.com/gofiber/fiber/v3/middleware/session"
	fiberredis "github.com/gofiber/storage/redis/v3"
	goredis "github.com/redis/go-redis/v9"
	"github.com/valyala/fasthttp"
	"golang.org/x/sync/errgroup"

	"github.com/holdfast-go/holdfast/internal/testserver"
	redisstore "github.com/holdfast-go/holdfast/store/redis"
	"github.com/holdfast-go/holdfast/tier"
)

const cachedName = "holdfast, Cached"

// redisApps are the apps with sessions in a Redis, Holdfast's default first.
// Express is a program of its own.
func redisApps(addr string) []appInfo {
	return []appInfo{
		{cachedName, "net/http", "Redis, local copies", "github.com/holdfast-go/holdfast/store/redis", func() app { return newHoldfastApp(openRedis(addr, tier.Cached)) }},
		{"holdfast, Verified", "net/http", "Redis, verified copies", "", func() app { return newHoldfastApp(openRedis(addr, tier.Verified)) }},
		{"holdfast, Direct", "net/http", "Redis", "", func() app { return newHoldfastApp(openRedis(addr, tier.Direct)) }},
		{"scs goredisstore", "net/http", "Redis", "github.com/alexedwards/scs/goredisstore", func() app {
			return newSCSApp(goredisstore.New(goredis.NewClient(&goredis.Options{Addr: addr})))
		}},
		{"gorilla redistore", "net/http", "Redis", "github.com/boj/redistore", func() app {
			return newGorillaApp(must(redistore.NewRediStore(slices.Max(crowds), "tcp", addr, "", "", signingKey)))
		}},
		{"fiber redis", "fiber", "Redis", "github.com/gofiber/storage/redis/v3", func() app {
			return fiberSessionApp(session.Config{Storage: fiberredis.New(fiberredis.Config{Addrs: []string{addr}})})
		}},
		{"express", "express", "Redis", "", nil},
	}
}

// openRedis opens a store that is patient: a slow machine makes no request
// fail.
func openRedis(addr string, mode tier.Mode) *redisstore.Store {
	patient := tier.Options{Mode: mode, Timeout: time.Second, Logger: slog.New(slog.DiscardHandler)}
	return must(redisstore.New(redisstore.Options{URL: "redis://" + addr, Check: true, Tier: patient}))
}

// findApp returns an app with its sessions in memory or in the Redis.
func findApp(name, redis string) appInfo { return find(append(redisApps(redis), allApps...), name) }

// crowds are the numbers of clients that make requests at the same time.
var crowds = []int{16, 64}

// redisKinds are the requests of this part.
var redisKinds = []string{reads, writes, anonymous}

// appServer starts a server of an app on the loopback interface. It ends with
// the child. The figure is its port.
type appServer struct{ App, Redis string }

func (m appServer) measure(*child) figures {
	a := findApp(m.App, m.Redis).open()
	listener := must(net.Listen("tcp", "127.0.0.1:0"))
	switch a := a.(type) {
	case *handlerApp:
		go http.Serve(listener, a.handler)
	case *fiberApp:
		go fasthttp.Serve(listener, a.handler)
	}
	return figures{"port": float64(listener.Addr().(*net.TCPAddr).Port)}
}

// redis is the part about sessions in Redis.
func (b *bench) redis() section {
	kind, version, err := installedRedis()
	if err != nil {
		return section{Title: redisTitle, Missing: []string{err.Error()}}
	}
	server := must(testserver.Start(kind))
	defer server.Close()
	apps := append([]appInfo{find(sessionApps, holdfastName)}, redisApps(server.Addr())...)
	_, noNode := b.nodeProgram()
	if noNode != nil {
		apps = apps[:len(apps)-1]
	}
	s := samples{}
	b.addTrips(apps, server.Addr(), s)
	b.addCosts(apps, server.Addr(), s)
	b.addRates(apps, server.Addr(), s)
	for round := range pick(b, 1, b.rounds) {
		b.step("instances, round %d", round+1)
		child := start(b.ctx, holdfastName)
		s.addAll(holdfastName, "", child.run(pick(b, sharing{server.Addr(), 300, 10, 1}, sharing{server.Addr(), 5000, 200, 2})))
		child.close()
	}
	sec := redisSection(apps, s, version)
	if noNode != nil {
		sec.Missing = append(sec.Missing, "sessions in Redis under Express: "+noNode.Error())
	}
	return sec
}

// installedRedis returns the Redis or else the Valkey of this machine.
func installedRedis() (kind testserver.Kind, version string, err error) {
	kind = testserver.Redis
	path, err := kind.Find()
	if err != nil {
		if other, none := testserver.Valkey.Find(); none == nil {
			kind, path, err = testserver.Valkey, other, nil
		}
	}
	output, _ := exec.Command(path, "--version").Output()
	version, _, _ = strings.Cut(string(output), " sha=")
	return kind, version, err
}

// serveApps starts a server of each app, until ctx ends, and returns their
// ports.
func (b *bench) serveApps(ctx context.Context, apps []appInfo, redis string) (ports []string) {
	for _, a := range apps {
		b.step("starting %s", a.name)
		if a.open == nil {
			ports = append(ports, startNode(ctx, b.nodeDir, "redis://"+redis))
		} else {
			ports = append(ports, fmt.Sprint(start(ctx, a.name).run(appServer{a.name, redis})["port"]))
		}
	}
	return ports
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

// addTrips counts the round trips of a request.
func (b *bench) addTrips(apps []appInfo, redis string, s samples) {
	counter := countTrips(redis)
	defer counter.listener.Close()
	ctx, stop := context.WithCancel(b.ctx)
	defer stop()
	for i, port := range b.serveApps(ctx, apps, counter.addr()) {
		v := newBrowsers(port, 1)[0]
		for _, kind := range redisKinds {
			s.add(apps[i].name, kind+": trips", counter.median(func() { check(v.visit(kind)) }))
		}
	}
}

// addCosts measures the time that a session adds to a request in process.
func (b *bench) addCosts(apps []appInfo, redis string, s samples) {
	inProcess := slices.DeleteFunc(slices.Clone(apps), func(a appInfo) bool { return a.open == nil })
	children := append(names(inProcess), bare+"net/http", bare+"fiber")
	for round := range pick(b, 1, b.rounds) {
		took := b.visitAll(round, children, redisKinds, pick(b, 1, 3), visit{Redis: redis, For: pick(b, 20*time.Millisecond, 70*time.Millisecond)})
		s.addBeyondBare(inProcess, redisKinds, took)
	}
}

// addRates measures servers: requests a second, lost changes, and the time that
// a session adds under Express.
func (b *bench) addRates(apps []appInfo, redis string, s samples) {
	ctx, stop := context.WithCancel(b.ctx)
	defer stop()
	driveTime := pick(b, 40*time.Millisecond, 150*time.Millisecond)
	ports := b.serveApps(ctx, apps, redis)
	var browsers [][]*browser
	for i := range apps {
		browsers = append(browsers, newBrowsers(ports[i], slices.Max(crowds)))
	}
	rate := func(app, clients int, kind string, d time.Duration) float64 {
		b.step("%s, %d clients, %s", apps[app].name, clients, kind)
		return must(drive(browsers[app][:clients], d, func(v *browser, _ int) error { return v.visit(kind) }))
	}
	for i := range apps {
		rate(i, slices.Max(crowds), writes, pick(b, 200*time.Millisecond, 500*time.Millisecond)) // all log in, and Node compiles the program
	}
	for round := range pick(b, 1, b.rounds) {
		for k, kind := range redisKinds {
			for c, clients := range crowds {
				for _, i := range b.order(len(apps), round*100+k*10+c) {
					s.add(apps[i].name, rateOf(kind, clients), rate(i, clients, kind, driveTime))
				}
			}
		}
		for i, a := range apps {
			s.add(a.name, "lost", lostChanges(ports[i]))
			if a.open == nil {
				base := 1e9 / rate(i, 1, untouched, driveTime)
				for _, kind := range redisKinds {
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
	count := func() float64 {
		check(first.get(countPage))
		return must(strconv.ParseFloat(string(first.response.Body()), 64))
	}
	check(first.get(loginPage))
	before := count()
	var clients errgroup.Group
	for _, v := range newBrowsers(port, simultaneous) {
		v.cookie = first.cookie
		clients.Go(func() error { return v.get(countPage) })
	}
	check(clients.Wait())
	return before + simultaneous + 1 - count()
}

const redisTitle = "Sessions in Redis"

func redisSection(apps []appInfo, s samples, version string) section {
	sec := section{Title: redisTitle, Intro: `The pages are those of the section before. One server on the loopback interface has the sessions and stores nothing on
disk. The row "holdfast" keeps them in the process, for comparison. Holdfast's own figures come from two instances on that server.`}
	rows := names(apps)
	costs := newTable("What does a session in Redis add to a request?", "sessions", rows,
		version+". Microseconds beyond the bare handler of the framework, in process and from one goroutine; of Express over loopback, by one client, beyond a page without a session.",
		"Trips: how often a request waits for the server, the median of some requests; counted by a proxy that sees when a client sends something after an answer.")
	costs.column("kept in", func(app string) string { return find(apps, app).keeps })
	rates := newTable("How many requests a second, and how many lost changes?", "sessions", rows,
		"Over loopback, from the given number of clients, each with a session of its own. Client, app and database share the processors.",
		fmt.Sprintf("Lost: of %d requests that one client makes at the same time, each of which raises a number by 1. Holdfast does that by Update; the others have no such call.", simultaneous))
	// Without Holdfast in the process, which has no trips, and its other modes.
	peers := append([]string{cachedName}, rows[4:]...)
	for _, kind := range redisKinds {
		costs.column(kind+" µs", s.spreads(kind+": ns", 1e-3, ""))
		costs.column("trips", func(app string) string { return fmt.Sprint(s.median(app, kind+": trips")) })
		sec.compare("time that a session in Redis adds to a request: "+kind, peers, s.ratiosTo(cachedName, kind+": cost"))
		for _, clients := range crowds {
			name := rateOf(kind, clients)
			rates.column(name, s.spreads(name, 1, ""))
			sec.compare("time of a request with sessions in Redis: "+name, peers, func(peer string) summary {
				return ratios(s.of(cachedName, name), s.of(peer, name))
			})
		}
		sec.Charts = append(sec.Charts, barChart("redis-"+kind, "What a session in Redis adds to a request: "+kind,
			"microseconds beyond the bare handler (median, lowest and highest round)", s, rows, kind+": ns", 1e-3))
	}
	rates.column("lost", s.spreads("lost", 1, ""))
	sec.Charts = sec.Charts[:2]
	sec.Tables = []table{costs, rates, sharingTable(s)}
	return sec
}
