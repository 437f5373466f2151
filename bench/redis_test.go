package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/holdfast-go/holdfast/internal/testserver"
)

func TestRedisApps(t *testing.T) {
	apps := redisApps(testserver.Run(t, testserver.Redis).Addr())
	testApps(t, apps[:len(apps)-1]) // without Express
}

// Two instances need as many trips as the design says, and a partition does not
// hide a write for ever.
func TestSharing(t *testing.T) {
	f := sharing{testserver.Run(t, testserver.Redis).Addr(), 20, 3, 1}.measure(nil)
	for name, want := range map[string]float64{
		"read, copy": 0, "read, no copy": 1, "change, copy": 1, "change, no copy": 2, "login": 3, "logout": 1,
	} {
		if f[name] != want {
			t.Errorf("%s: %v trips, want %v", name, f[name], want)
		}
	}
	for _, name := range []string{"seen, median", "seen, longest", "partition", "seen in a tight loop, median", "local copy", "embedded"} {
		if !(f[name] > 0) { // NaN is not enough
			t.Errorf("%s: %v", name, f[name])
		}
	}
	if _, ok := f["ended, median"]; !ok {
		t.Errorf("Ended was not measured: %v", f)
	}
}

// The server answers once it has two bytes, so two writes are one trip.
func TestTripCounter(t *testing.T) {
	server := must(net.Listen("tcp", "127.0.0.1:0"))
	defer server.Close()
	go func() {
		conn := must(server.Accept())
		for pair := make([]byte, 2); ; {
			if _, err := io.ReadFull(conn, pair); err != nil {
				return
			}
			conn.Write([]byte("."))
		}
	}()
	counter := countTrips(server.Addr().String())
	defer counter.listener.Close()
	conn := must(net.Dial("tcp", counter.addr()))
	defer conn.Close()
	request := func() {
		for range 2 {
			must(conn.Write([]byte("a")))
		}
		must(io.ReadFull(conn, make([]byte, 1)))
	}
	if trips := counter.during(func() { request(); request(); request() }); trips != 3 {
		t.Errorf("three requests made %v trips", trips)
	}
	if trips := counter.median(request); trips != 1 {
		t.Errorf("a request made %v trips", trips)
	}
}

func TestLostChanges(t *testing.T) {
	if lost := lostChanges(fmt.Sprint(appServer{App: holdfastName}.measure(nil)["port"])); lost != 0 {
		t.Errorf("Holdfast lost %v changes", lost)
	}
	forgetful := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "7") }))
	defer forgetful.Close()
	if lost := lostChanges(must(url.Parse(forgetful.URL)).Port()); lost != simultaneous+1 {
		t.Errorf("a server that always answers 7 lost %v changes", lost)
	}
}

func TestRedis_missing(t *testing.T) {
	t.Setenv("PATH", "")
	sec := newBench(t).redis()
	if len(sec.Tables) != 0 || len(sec.Missing) != 1 || !strings.Contains(sec.Missing[0], "install") {
		t.Errorf("without a server: %+v", sec)
	}
}

func TestRedisSection(t *testing.T) {
	apps := append([]appInfo{find(sessionApps, holdfastName)}, redisApps("")...)
	s := samples{}
	for i, app := range names(apps) {
		for _, kind := range redisKinds {
			s.addAll(app, kind+": ", figures{"ns": 1000 * float64(i), "cost": 1000 * float64(i), "trips": float64(i)})
			for _, clients := range crowds {
				s.add(app, rateOf(kind, clients), 100*float64(i))
			}
		}
		s.add(app, "lost", float64(i))
	}
	s.addAll(holdfastName, "", figures{"read, copy": 0, "read, no copy": 1, "partition": 9e8, "seen, median": 5e4})
	s.add(holdfastName, "partition", 1e9)
	sec := redisSection(apps, s, "Redis")
	text := fmt.Sprint(sec.Tables)
	for _, want := range []string{
		"[scs goredisstore Redis 4.00 4 4.00 4 4.00 4]", "[express 700 700 700 700 700 700 7.00]",
		"0 / 1]", "[a write is seen: median / 99 % / 99.9 % / longest 99 % < 1 ms 0.05 / – / – / – ms]", "1.00 s]",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the tables lack %q: %v", want, text)
		}
	}
	for _, c := range sec.Comparisons {
		want := map[bool]float64{true: 4, false: 0.25}[strings.HasPrefix(c.What, "time that")]
		if c.Peer == "scs goredisstore" && c.Ratio.Median != want {
			t.Errorf("%s: %v, want %v", c.What, c.Ratio, want)
		}
	}
	if n := len(sec.Comparisons); n != 4*len(redisKinds)*(1+len(crowds)) {
		t.Errorf("%d comparisons, want each of four peers with Cached", n)
	}
	if !slices.ContainsFunc(sec.Charts, func(c chart) bool { return c.File == "redis-read" && len(c.Bars) == len(apps) }) {
		t.Errorf("the charts are %v", sec.Charts)
	}
}
