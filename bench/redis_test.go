package main

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/holdfast-go/holdfast/internal/testserver"
)

func TestRedisApps(t *testing.T) {
	testDatabaseApps(t, testserver.Run(t, testserver.Redis).URL())
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
	if trips := during(counter.count, func() { request(); request(); request() }); trips != 3 {
		t.Errorf("three requests made %v trips", trips)
	}
	if trips := medianDuring(counter.count, request); trips != 1 {
		t.Errorf("a request made %v trips", trips)
	}
}

func TestRedis_missing(t *testing.T) {
	t.Setenv("PATH", "")
	sec := newBench(t).redis()
	if len(sec.Tables) != 0 || len(sec.Missing) != 1 || !strings.Contains(sec.Missing[0], "install") {
		t.Errorf("without a server: %+v", sec)
	}
}

func TestSharingTable(t *testing.T) {
	s := samples{}
	s.addAll(holdfastName, "", figures{"read, copy": 0, "read, no copy": 1, "partition": 9e8, "seen, median": 5e4})
	s.add(holdfastName, "partition", 1e9)
	text := fmt.Sprint(sharingTable(s))
	for _, want := range []string{"0 / 1]", "[a write is seen: median / 99 % / 99.9 % / longest 99 % < 1 ms 0.05 / – / – / – ms]", "1.00 s]"} {
		if !strings.Contains(text, want) {
			t.Errorf("the table lacks %q: %v", want, text)
		}
	}
}
