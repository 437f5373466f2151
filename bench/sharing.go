package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/internal/faultproxy"
	redisstore "github.com/holdfast-go/holdfast/store/redis"
	"github.com/holdfast-go/holdfast/tier"
)

// sharing measures two instances of Holdfast, a and b, that share a Redis. The
// figures are round trips, nanoseconds and ratios.
type sharing struct {
	Redis      string
	Writes     int // each is timed until the other instance sees it
	Logouts    int
	Partitions int
}

func (m sharing) measure(*child) figures {
	f := figures{}
	m.trips(f)
	m.writes(f, "seen", false)
	m.writes(f, "seen in a tight loop", true)
	m.logouts(f)
	m.partitions(f)
	m.localReads(f)
	return f
}

const signInPage, signOutPage, waitPage = "/signin", "/signout", "/wait"

// newInstance returns an app whose sessions have users. Its waitPage sends to
// waiting, and answers when the session has ended.
func newInstance(redis string, waiting chan<- struct{}) *handlerApp {
	manager := must(holdfast.New(holdfast.Options{Store: openRedis(redis, tier.Cached)}))
	return newHandlerApp(manager.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		switch s := manager.Session(r); r.URL.Path {
		case loginPage:
			s.Set(visitsKey, 1)
		case readPage:
			holdfast.Get[int](s, visitsKey)
		case writePage:
			must(holdfast.Update(s, visitsKey, func(n int) int { return n + 1 }))
		case signInPage:
			check(s.Login("ada"))
		case signOutPage:
			check(s.Destroy())
		case waitPage:
			ended := s.Ended()
			waiting <- struct{}{}
			<-ended
		}
	})))
}

// trips counts the round trips of requests.
func (m sharing) trips(f figures) {
	counter := countTrips(m.Redis)
	defer counter.listener.Close()
	a, b := newInstance(counter.addr(), nil), newInstance(counter.addr(), nil)
	s := samples{}
	count := func(name string, on *handlerApp, page, cookie string) (set string) {
		s.add("", name, during(counter.count, func() { set = on.do(page, cookie) }))
		f[name] = s.median("", name)
		return set
	}
	for range repetitions {
		cookie, other := a.do(loginPage, ""), a.do(loginPage, "")
		count("read, copy", a, readPage, cookie)
		count("read, no copy", b, readPage, cookie)
		count("change, copy", a, writePage, cookie)
		count("change, no copy", b, writePage, other)
		count("logout", a, signOutPage, count("login", a, signInPage, cookie))
	}
}

// shared is the ID of the one entry that both instances use.
const shared = "shared"

// sees reports whether a read of the shared entry returns the value.
func sees(s *redisstore.Store, value string) (bool, error) {
	got, _, err := s.Get(context.Background(), shared, holdfast.ReadUse)
	return string(got) == value, err
}

func write(s *redisstore.Store, value string) {
	check(s.Set(context.Background(), shared, []byte(value), time.Hour))
}

// writes measures how long after the answer to a write on a a read on b returns
// the new value. The reader of a tight loop takes a processor from the server
// and the notification; the other one sleeps until the notification.
func (m sharing) writes(f figures, name string, tight bool) {
	a, b := openRedis(m.Redis, tier.Cached), openRedis(m.Redis, tier.Cached)
	defer a.Close()
	defer b.Close()
	notified := make(chan struct{}, 1)
	defer b.Watch(shared, func() {
		select {
		case notified <- struct{}{}:
		default:
		}
	})()
	var all []time.Duration
	for n := range m.Writes {
		value := name + strconv.Itoa(n)
		write(a, value)
		start := time.Now()
		for !must(sees(b, value)) {
			if !tight {
				<-notified
			}
		}
		all = append(all, time.Since(start))
	}
	addLatencies(f, name, all)
}

func addLatencies(f figures, name string, all []time.Duration) {
	for i, latency := range latencies {
		f[name+", "+latency] = quantile(all, quantiles[i])
	}
}

// logouts measures how long after the answer to a logout on a the channel of
// Ended is closed on b.
func (m sharing) logouts(f figures) {
	waiting, ended := make(chan struct{}), make(chan time.Time)
	a, b := newInstance(m.Redis, nil), newInstance(m.Redis, waiting)
	var all []time.Duration
	for range m.Logouts {
		cookie := a.do(loginPage, "")
		go func() {
			b.do(waitPage, cookie)
			ended <- time.Now()
		}()
		<-waiting
		time.Sleep(2 * time.Millisecond) // until Ended watches
		a.do(signOutPage, cookie)
		answered := time.Now()
		all = append(all, max(0, (<-ended).Sub(answered)))
	}
	addLatencies(f, "ended", all)
}

// partitions measures how long after the answer to a write on a a read on b
// still returns the old value, at most, while the network between b and Redis
// swallows all bytes.
func (m sharing) partitions(f figures) {
	proxy := must(faultproxy.New(m.Redis))
	defer proxy.Close()
	a, b := openRedis(m.Redis, tier.Cached), openRedis(proxy.Addr(), tier.Cached)
	defer a.Close()
	defer b.Close()
	swallow := func(on bool) {
		proxy.Swallow(faultproxy.ToServer, on)
		proxy.Swallow(faultproxy.ToClient, on)
	}
	for n := range m.Partitions {
		before, after := fmt.Sprint("before ", n), fmt.Sprint("after ", n)
		for write(a, before); ; {
			if ok, err := sees(b, before); ok && err == nil {
				break
			}
			time.Sleep(time.Millisecond) // b may be reconnecting
		}
		swallow(true)
		write(a, after)
		for start := time.Now(); ; {
			if old, err := sees(b, before); !old || err != nil {
				break
			}
			f["partition"] = max(f["partition"], float64(time.Since(start)))
		}
		swallow(false)
		proxy.Cut()
	}
}

// localReads compares a read of a local copy with one of the embedded cache:
// Get and Touch, as a request makes them.
func (m sharing) localReads(f figures) {
	const entries, passes, operations = 1000, 9, 20_000
	ctx, embedded, tiered := context.Background(), newCache(), openRedis(m.Redis, tier.Cached)
	defer tiered.Close()
	defer embedded.Close()
	var ids [entries]string
	for n := range ids {
		ids[n] = sessionID(n)
		check(cmp.Or(embedded.Set(ids[n], newValue(256, 1), time.Hour), tiered.Set(ctx, ids[n], newValue(256, 1), time.Hour)))
	}
	took := samples{}
	timed := func(name string, read func(id string) bool) {
		start := time.Now()
		for n := range operations {
			if !read(ids[n%entries]) {
				check(errors.New("an entry is missing"))
			}
		}
		took.add("", name, float64(time.Since(start))/operations)
		f[name] = took.median("", name)
	}
	for range passes {
		timed("local copy", func(id string) bool {
			_, found, err := tiered.Get(ctx, id, holdfast.ReadUse)
			touched, failed := tiered.Touch(ctx, id, time.Hour)
			return found && touched && cmp.Or(err, failed) == nil
		})
		timed("embedded", func(id string) bool {
			_, found := embedded.Get(id)
			return found && embedded.Touch(id, time.Hour)
		})
	}
}

// sharingTable compares Holdfast's figures with its design's.
func sharingTable(s samples) table {
	t := table{
		Question: "Does Holdfast reach its design's figures?",
		Columns:  []string{"figure", "to reach", "measured"},
		Notes: []string{
			"Two instances. Trips are counted as above. Besides, each instance asks the server for a sign of life three times a second.",
			"A write is seen when a read on the other instance has returned the new value, after the answer to the write. The reader sleeps until its instance is notified; in a tight loop it takes one of the two processors from the server and the notification. In a partition the network to the other instance swallows all bytes; it may return the old value for MaxStale, a second.",
			"Medians of the rounds; longest in a partition is the longest of all rounds.",
		},
		prose: true,
	}
	trips := func(name string) string { return fmt.Sprint(s.median(holdfastName, name)) }
	times := func(name string) string {
		var all []string
		for _, latency := range latencies {
			all = append(all, number(s.median(holdfastName, name+", "+latency)/1e6))
		}
		return strings.Join(all, " / ") + " ms"
	}
	t.row("trips of a read: local copy / none", "0 / 1", trips("read, copy")+" / "+trips("read, no copy"))
	t.row("trips of a change: local copy / none", "1 / 2", trips("change, copy")+" / "+trips("change, no copy"))
	t.row("trips of a login / logout", "3 / 1", trips("login")+" / "+trips("logout"))
	t.row("a write is seen: median / 99 % / 99.9 % / longest", "99 % < 1 ms", times("seen"))
	t.row("the same by a reader in a tight loop", "", times("seen in a tight loop"))
	t.row("Ended on the other instance: median / 99 % / 99.9 % / longest", "99 % < 50 ms", times("ended"))
	t.row("the old value in a partition, longest", "≤ 1 s and a delay of the scheduler", number(s.summary(holdfastName, "partition").High/1e9)+" s")
	t.row("Get and Touch of a local copy: nanoseconds, multiple of the embedded cache's", "≤ 1.5",
		number(s.median(holdfastName, "local copy"))+", "+spread(ratios(s.of(holdfastName, "local copy"), s.of(holdfastName, "embedded"))))
	t.row("a session in a request that reads, multiple of the embedded one's", "≤ 1.5", spread(ratios(s.of(cachedName, reads+": ns"), s.of(holdfastName, reads+": ns"))))
	return t
}

// tripCounter is a proxy that counts round trips: how often a client sends
// something first or after an answer. A batch of commands is one trip.
type tripCounter struct {
	listener net.Listener
	trips    atomic.Int64
}

func countTrips(server string) *tripCounter {
	c := &tripCounter{listener: must(net.Listen("tcp", "127.0.0.1:0"))}
	go func() {
		for {
			client, err := c.listener.Accept()
			if err != nil {
				return
			}
			target, err := net.Dial("tcp", server)
			if err != nil {
				client.Close()
				continue
			}
			var waiting atomic.Bool // for an answer
			go forward(client, target, func() {
				if !waiting.Swap(true) {
					c.trips.Add(1)
				}
			})
			go forward(target, client, func() { waiting.Store(false) })
		}
	}()
	return c
}

// forward calls each before it passes bytes on.
func forward(from, to net.Conn, each func()) {
	defer to.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		each()
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func (c *tripCounter) addr() string { return c.listener.Addr().String() }

func (c *tripCounter) count() float64 { return float64(c.trips.Load()) }

// during returns by how much f raises a count.
func during(count func() float64, f func()) float64 {
	before := count()
	f()
	return count() - before
}

// repetitions is how often a request is made for the median of its count. Few
// repetitions contain something else.
const repetitions = 50

// medianDuring returns the median of during.
func medianDuring(count func() float64, f func()) float64 {
	var all []float64
	for range repetitions {
		all = append(all, during(count, f))
	}
	return median(all)
}
