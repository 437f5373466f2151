package main

import (
	"bufio"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

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
		s := sessions.Session(r)
		views, _ := holdfast.Get[int](s, "views")
		s.Set("views", views+1)
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprintf(w, "You visited this page %d times\n", views+1)
	}
	server := &http.Server{Handler: sessions.Handler(http.HandlerFunc(page)), ReadHeaderTimeout: time.Minute}
	go server.Serve(listener)
	return figures{"port": float64(listener.Addr().(*net.TCPAddr).Port)}
}

//go:embed express/app.js express/package.json express/package-lock.json
var express embed.FS

// installNode installs the Node program in a new directory, with the versions
// of its lock file. The error is a text for the report.
func installNode(ctx context.Context, patience time.Duration) (dir string, err error) {
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			return "", errors.New(tool + " is not installed")
		}
	}
	if dir, err = os.MkdirTemp("", "holdfast-bench-"); err != nil {
		return "", err
	}
	program, err := fs.Sub(express, "express")
	if err == nil {
		err = os.CopyFS(dir, program)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	npm := exec.CommandContext(ctx, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline")
	npm.Dir = dir
	if err == nil && npm.Run() != nil {
		err = fmt.Errorf("npm ci could not install it within %v: is the registry within reach?", patience)
	}
	if err != nil {
		os.RemoveAll(dir)
	}
	return dir, err
}

// startNode starts the program on a store, and returns its port.
func startNode(ctx context.Context, dir, store string) (port string, stop func()) {
	node := exec.CommandContext(ctx, "node", "app.js")
	node.Dir = dir
	node.Env = append(os.Environ(), "NODE_ENV=production", "STORE="+store)
	out := must(node.StdoutPipe())
	check(node.Start())
	port, err := bufio.NewReader(out).ReadString('\n')
	stop = func() { node.Process.Kill(); node.Wait() }
	if err != nil {
		stop()
		panic(fmt.Errorf("the Node program did not start: %w", err))
	}
	return strings.TrimSpace(port), stop
}

func (b *bench) serverSteps() int { return 1 + 4*(1+pick(b, 1, b.rounds)) }

// servers drives the same page under Holdfast and under Express. Without Node
// it measures nothing, and notes the reason.
func (b *bench) servers(sec *section) {
	b.next("npm ci")
	dir, err := installNode(b.ctx, pick(b, 15*time.Second, 2*time.Minute))
	if err != nil {
		sec.Missing = append(sec.Missing, "page views under Express: "+err.Error())
		return
	}
	defer os.RemoveAll(dir)
	var names, ports []string
	for _, processors := range []int{procs(), 1} {
		child := start(b.ctx, fmt.Sprintf("holdfast, GOMAXPROCS %d", processors))
		defer child.close()
		names, ports = append(names, child.name), append(ports, fmt.Sprint(child.run(viewServer{processors})["port"]))
	}
	for _, store := range []string{"MemoryStore", "memorystore"} {
		port, stop := startNode(b.ctx, dir, store)
		defer stop()
		names, ports = append(names, "express, "+store), append(ports, port)
	}
	for i, name := range names {
		b.next("warm up %s", name) // Node compiles the program
		must(drive(b.ctx, ports[i], pick(b, 700*time.Millisecond, 5*time.Second)))
	}
	s := samples{}
	driveTime := pick(b, 300*time.Millisecond, 2*time.Second)
	for round := range pick(b, 1, b.rounds) {
		for _, i := range b.order(len(names), round) {
			b.next("%s, round %d", names[i], round+1)
			s.add(names[i], "rate", must(drive(b.ctx, ports[i], driveTime)))
		}
	}
	version, _ := exec.Command("node", "--version").Output()
	t := newTable("How many page views a second, compared with Express?", "server", names, fmt.Sprintf(
		"The page view counter over loopback, %d connections, a new visitor after %d pages, %v a server and round; Node %s. The client shares the processors with the server and is what limits the faster one.",
		connections, pagesPerVisitor, driveTime, strings.TrimSpace(string(version))))
	t.column("requests a second", s.spreads("rate", 1, ""))
	t.column("Holdfast's multiple", func(name string) string { return spread(ratios(s.of(names[0], "rate"), s.of(name, "rate"))) })
	sec.Tables = append(sec.Tables, t)
}

const (
	connections     = 4
	pagesPerVisitor = 10 // the next visitor comes without a cookie
)

// drive requests the page over all connections for a time, and returns the
// requests a second.
func drive(ctx context.Context, port string, d time.Duration) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	var wg sync.WaitGroup
	var total atomic.Int64
	errs := make([]error, connections)
	start := time.Now()
	for i := range connections {
		wg.Go(func() {
			n, err := client(ctx, port)
			total.Add(int64(n))
			errs[i] = err
		})
	}
	wg.Wait()
	return float64(total.Load()) / time.Since(start).Seconds(), errors.Join(errs...)
}

// client requests the page over one connection until ctx ends. It writes HTTP
// itself, because it shares the processors with the server.
func client(ctx context.Context, port string) (requests int, err error) {
	conn, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return 0, err
	}
	in := bufio.NewReader(conn)
	for header := ""; ctx.Err() == nil; requests++ {
		if requests%pagesPerVisitor == 0 {
			header = ""
		}
		if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: localhost\r\n"+header+"\r\n"); err != nil {
			return requests, err
		}
		r, err := http.ReadResponse(in, nil)
		if err != nil {
			return requests, err
		}
		_, err = io.Copy(io.Discard, r.Body)
		r.Body.Close()
		if err != nil || r.StatusCode != http.StatusOK {
			return requests, fmt.Errorf("request %d: %s, %w", requests+1, r.Status, err)
		}
		if set := cookiePair(r.Header.Get("Set-Cookie")); set != "" {
			header = "Cookie: " + set + "\r\n"
		}
	}
	return requests, nil
}
