package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"runtime/metrics"
	"time"
)

// collecting fills a peer and measures the garbage collector: the seconds of
// one collection, the median of three, and its share of the processor time
// under a steady stream of requests.
type collecting struct {
	Peer     string
	Sessions int

	// The stream lasts for three collections, at least AtLeast and at most
	// AtMost. There is none if PerSecond is 0.
	PerSecond       int
	AtLeast, AtMost time.Duration
}

// garbageLen is the number of bytes that a request leaves. If it were constant,
// they would be on the stack.
var garbageLen = 8 << 10

func (m collecting) measure(c *child) figures {
	fill{m.Peer, roomy(m.Sessions, centreValueLen), m.Sessions, centreValueLen, 1}.measure(c)
	runtime.GC() // also sweeps the garbage of filling
	var seconds []float64
	for range 3 {
		start := time.Now()
		runtime.GC()
		seconds = append(seconds, time.Since(start).Seconds())
	}
	f := figures{}
	if m.PerSecond > 0 {
		f = m.stream(c.peer)
	}
	f["collection"] = median(seconds)
	return f
}

// stream returns the collector's share in cores, and the collections a second,
// from the end of one collection to the end of the last one. The figures are
// NaN if there was none.
func (m collecting) stream(p peer) figures {
	picker, rng := newPicker(zipf, m.Sessions, 1), rand.New(rand.NewPCG(1, 1))
	reader, value := newReader(centreValueLen), newValue(centreValueLen, 1)
	ticks := time.NewTicker(time.Millisecond)
	defer ticks.Stop()
	runtime.GC()
	start := time.Now()
	firstCycle, firstBusy := collector()
	last := firstCycle
	f := figures{"cores": math.NaN(), "cycles": math.NaN()}
	for served, until := 0, 0.0; last-firstCycle < 3 || until < m.AtLeast.Seconds(); {
		elapsed := (<-ticks.C).Sub(start)
		if elapsed > m.AtMost {
			break
		}
		for due := int(elapsed.Seconds() * float64(m.PerSecond)); served < due; served++ {
			runtime.KeepAlive(make([]byte, garbageLen))
			if id := sessionID(int(picker.pick())); rng.IntN(10) == 0 {
				p.set(id, value)
			} else {
				p.get(id, reader)
			}
		}
		if cycle, busy := collector(); cycle != last {
			last, until = cycle, time.Since(start).Seconds()
			f["cores"] = (busy - firstBusy) / until
			f["cycles"] = (cycle - firstCycle) / until
		}
	}
	return f
}

// collector returns the collections so far, and the seconds of processor time
// that they took.
func collector() (cycles, seconds float64) {
	samples := []metrics.Sample{{Name: "/gc/cycles/total:gc-cycles"}, {Name: "/cpu/classes/gc/total:cpu-seconds"}}
	metrics.Read(samples)
	return float64(samples[0].Value.Uint64()), samples[1].Value.Float64()
}

// collections is the garbage collection part.
func (b *bench) collections() section {
	peers := names(b.peers)
	sec := section{Title: "Garbage collection", Intro: `Caches on Go's heap are walked by each garbage collection; those whose memory holds no pointers, or lies
outside the heap, are not. But the heap's size also sets the pace: with little on it, collections are cheap and frequent.`}
	for _, n := range pick(b, []int{30_000}, []int{1_000_000, 4_000_000}) {
		if childSize(n, centreValueLen) > b.memory {
			sec.Missing = append(sec.Missing, count(n)+" sessions, for want of memory")
			continue
		}
		m := pick(b, collecting{"", n, 20_000, 200 * time.Millisecond, 500 * time.Millisecond}, collecting{"", n, 100_000, 2 * time.Second, 10 * time.Second})
		if n > centreSessions {
			m.PerSecond = 0 // a collection would take many seconds of requests
		}
		s := samples{}
		b.eachPeer(peers, s, 1, "", func(peer string) measurement { m.Peer = peer; return m })
		with := " with " + count(n) + " sessions"
		t := newTable(fmt.Sprintf("What does garbage collection cost%s of %d bytes?", with, centreValueLen), "peer", peers,
			"One collection: time of runtime.GC(), all processors free to help.")
		t.column("one collection", s.spreads("collection", 1e3, " ms"))
		if m.PerSecond > 0 {
			t.Notes = append(t.Notes, fmt.Sprintf("Cores: processor time of the collector, idle-time marking included, by elapsed time, at %d requests a second, of which one in ten sets; each leaves %s of garbage.", m.PerSecond, size(garbageLen)))
			t.column("cores busy collecting", s.spreads("cores", 1, ""))
			t.column("collections a second", s.medians("cycles"))
		}
		sec.Tables = append(sec.Tables, t)
		sec.Charts = append(sec.Charts, barChart(fmt.Sprintf("gc-%d", n), "One garbage collection"+with,
			"milliseconds (median of three)", s, peers, "collection", 1e3))
		sec.compare("one collection"+with, peers, s.ratiosTo(holdfastName, "collection"))
		sec.compare("collector's share"+with, peers, s.ratiosTo(holdfastName, "cores"))
	}
	return sec
}
