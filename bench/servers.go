package main

import (
	"bufio"
	"cmp"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
	"golang.org/x/sync/errgroup"

	"github.com/holdfast-go/holdfast"
)

// viewServer starts a server of the page view counter on the loopback
// interface, on so many processors. It ends with the child. The figure is its
// port.
type viewServer struct{ Processors int }

func (m viewServer) measure(*child) figures {
	sessions := must(holdfast.New(holdfast.Options{}))
	listener := must(net.Listen("tcp", "127.0.0.1:0"))
	runtime.GOMAXPROCS(m.Processors)
	page := func(w http.ResponseWriter, r *http.Request) {
		views, _ := holdfast.Update(sessions.Session(r), "views", func(n int) int { return n + 1 })
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprintf(w, "You visited this page %d times\n", views)
	}
	go http.Serve(listener, sessions.Handler(http.HandlerFunc(page)))
	return figures{"port": float64(listener.Addr().(*net.TCPAddr).Port)}
}

//go:embed express/app.js express/package.json express/package-lock.json
var express embed.FS

// installNode installs the Node program in dir, with the versions of its lock
// file.
func installNode(ctx context.Context, dir string, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	npm := exec.CommandContext(ctx, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline")
	npm.Dir = filepath.Join(dir, "express")
	if err := cmp.Or(os.CopyFS(dir, express), npm.Run()); err != nil {
		return fmt.Errorf("npm ci needs Node and its registry, and may take %v: %w", patience, err)
	}
	return nil
}

// nodeVersions returns the versions of the Node program's modules.
func nodeVersions() (facts []fact) {
	var pinned struct{ Dependencies map[string]string }
	check(json.Unmarshal(must(express.ReadFile("express/package.json")), &pinned))
	for _, name := range slices.Sorted(maps.Keys(pinned.Dependencies)) {
		facts = append(facts, fact{name + " (Node)", pinned.Dependencies[name]})
	}
	return facts
}

// nodeProgram installs the Node program once in a run. The end of the run
// removes it.
func (b *bench) nodeProgram() (dir string, err error) {
	if b.nodeDir == "" {
		b.step("npm ci")
		b.nodeDir = must(os.MkdirTemp("", "holdfast-bench-"))
		b.nodeErr = installNode(b.ctx, b.nodeDir, pick(b, 15*time.Second, 2*time.Minute))
	}
	return b.nodeDir, b.nodeErr
}

// startNode starts the program on a store. It runs until stop or the end of ctx
// kills it.
func startNode(ctx context.Context, dir, store string) (port string, stop func()) {
	ctx, kill := context.WithCancel(ctx)
	node := exec.CommandContext(ctx, "node", "app.js")
	node.Dir = filepath.Join(dir, "express")
	node.Env = append(os.Environ(), "NODE_ENV=production", "STORE="+store)
	out := must(node.StdoutPipe())
	check(node.Start())
	return strings.TrimSpace(must(bufio.NewReader(out).ReadString('\n'))), func() {
		kill()
		node.Wait()
	}
}

// servers drives the same page under Holdfast and under Express. Without Node
// it measures nothing, and notes the reason.
func (b *bench) servers(sec *section) {
	ctx, stop := context.WithCancel(b.ctx)
	defer stop()
	dir, err := b.nodeProgram()
	if err != nil {
		sec.Missing = append(sec.Missing, "page views under Express: "+err.Error())
		return
	}
	var servers, ports []string
	for _, processors := range []int{procs(), 1} {
		child := start(ctx, fmt.Sprintf("holdfast, GOMAXPROCS %d", processors))
		servers, ports = append(servers, child.name), append(ports, fmt.Sprint(child.run(viewServer{processors})["port"]))
	}
	for _, store := range []string{"MemoryStore", "memorystore"} {
		port, _ := startNode(ctx, dir, store)
		servers, ports = append(servers, "express, "+store), append(ports, port)
	}
	for _, port := range ports {
		b.step("warming up") // Node compiles the program
		must(drive(newBrowsers(port, connections), pick(b, 700*time.Millisecond, 5*time.Second), viewPage))
	}
	s := samples{}
	driveTime := pick(b, 300*time.Millisecond, 2*time.Second)
	for round := range pick(b, 1, b.rounds) {
		for _, i := range b.order(len(servers), round) {
			b.step("%s, round %d", servers[i], round+1)
			s.add(servers[i], "rate", must(drive(newBrowsers(ports[i], connections), driveTime, viewPage)))
		}
	}
	version, _ := exec.Command("node", "--version").Output()
	t := newTable("How many page views a second, compared with Express?", "server", servers, fmt.Sprintf(
		"The page view counter over loopback, %d connections, a new visitor after %d pages, %v a server and round; Node %s. The client shares the processors with the server and is what limits the faster one.",
		connections, pagesPerVisitor, driveTime, strings.TrimSpace(string(version))))
	t.column("requests a second", s.spreads("rate", 1, ""))
	t.column("Holdfast's multiple", func(server string) string { return spread(ratios(s.of(servers[0], "rate"), s.of(server, "rate"))) })
	sec.Tables = append(sec.Tables, t)
}

const (
	connections     = 4
	pagesPerVisitor = 10 // the next visitor comes without a cookie
)

// viewPage is the n-th page view of a client, which is a new visitor after some
// pages.
func viewPage(b *browser, n int) error {
	if n%pagesPerVisitor == 0 {
		b.cookie = ""
	}
	return b.get("/")
}

// browser is a client of a server. It keeps its cookie.
type browser struct {
	server   *fasthttp.HostClient
	cookie   string
	request  fasthttp.Request
	response fasthttp.Response
}

// newBrowsers returns browsers that have no cookies.
func newBrowsers(port string, n int) (all []*browser) {
	server := &fasthttp.HostClient{Addr: "127.0.0.1:" + port, MaxConns: n, ReadTimeout: time.Minute}
	for range n {
		all = append(all, &browser{server: server})
	}
	return all
}

// get requests a page. Its text is the body of b.response.
func (b *browser) get(page string) error {
	b.request.SetRequestURI("http://localhost" + page)
	if b.request.Header.Del("Cookie"); b.cookie != "" {
		b.request.Header.Set("Cookie", b.cookie)
	}
	if err := b.server.Do(&b.request, &b.response); err != nil {
		return err
	}
	if b.response.StatusCode() != http.StatusOK {
		return fmt.Errorf("%s: status %d: %s", page, b.response.StatusCode(), b.response.Body())
	}
	if set := b.response.Header.Peek("Set-Cookie"); set != nil {
		b.cookie = cookiePair(string(set))
	}
	return nil
}

// drive lets the browsers make requests for a time, and returns the requests a
// second. request makes the n-th request of a browser.
func drive(browsers []*browser, d time.Duration, request func(b *browser, n int) error) (float64, error) {
	defer browsers[0].server.CloseIdleConnections()
	var clients errgroup.Group
	var total atomic.Int64
	start := time.Now()
	for _, b := range browsers {
		clients.Go(func() error {
			for n := 0; time.Since(start) < d; n++ {
				if err := request(b, n); err != nil {
					return err
				}
				total.Add(1)
			}
			return nil
		})
	}
	err := clients.Wait()
	return float64(total.Load()) / time.Since(start).Seconds(), err
}
