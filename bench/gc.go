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

	// Each of PerSecond requests gets a session (one in ten sets it) and leaves
	// Garbage bytes, as an HTTP request does. The stream lasts for Cycles
	// collections, at least AtLeast and at most AtMost.
	PerSecond       int
	Garbage         int
	Cycles          int
	AtLeast, AtMost time.Duration
}

func (m collecting) measure(c *child) figures {
	fill{Peer: m.Peer, Sessions: m.Sessions, ValueLen: centreValueLen, TTL: longTTL}.measure(c)
	runtime.GC() // also sweeps the garbage of filling
	var seconds []float64
	for range 3 {
		start := time.Now()
		runtime.GC()
		seconds = append(seconds, time.Since(start).Seconds())
	}
	f := m.stream(m.requests(c.peer))
	f["collection"] = median(seconds)
	return f
}

// stream returns the collector's share in cores, and the collections a second,
// from the end of one collection to the end of the last one. The figures are
// NaN if there was none.
func (m collecting) stream(request func()) figures {
	runtime.GC()
	start := time.Now()
	firstCycle, firstBusy := collector()
	last := firstCycle
	f := figures{"cores": math.NaN(), "cycles": math.NaN()}
	ticks := time.NewTicker(time.Millisecond)
	defer ticks.Stop()
	for served, until := 0, 0.0; last-firstCycle < float64(m.Cycles) || until < m.AtLeast.Seconds(); {
		elapsed := (<-ticks.C).Sub(start)
		if elapsed > m.AtMost {
			break
		}
		for due := int(elapsed.Seconds() * float64(m.PerSecond)); served < due; served++ {
			request()
		}
		if cycle, busy := collector(); cycle != last {
			last, until = cycle, time.Since(start).Seconds()
			f["cores"] = (busy - firstBusy) / until
			f["cycles"] = (cycle - firstCycle) / until
		}
	}
	return f
}

// requests returns a function that serves one request.
func (m collecting) requests(p peer) func() {
	picker := newPicker(zipf, m.Sessions, 1)
	rng := rand.New(rand.NewPCG(1, 1))
	reader, value := newReader(centreValueLen), newValue(centreValueLen, 1)
	var id []byte
	return func() {
		runtime.KeepAlive(make([]byte, m.Garbage))
		id = appendID(id[:0], picker.pick())
		if rng.IntN(10) == 0 {
			p.set(string(id), value)
		} else {
			p.get(string(id), reader)
		}
	}
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
	stream := pick(b,
		collecting{PerSecond: 20_000, Garbage: 8 << 10, Cycles: 3, AtLeast: 200 * time.Millisecond, AtMost: 500 * time.Millisecond},
		collecting{PerSecond: 100_000, Garbage: 8 << 10, Cycles: 3, AtLeast: 2 * time.Second, AtMost: 30 * time.Second})
	sizes := pick(b, []int{30_000}, []int{1_000_000, 8_000_000})
	rounds := func(sessions int) int {
		if sessions > centreSessions {
			return 1 // filling takes minutes
		}
		return b.longRounds()
	}
	for _, n := range sizes {
		b.steps += len(b.peers) * rounds(n)
	}
	sec := section{Title: "Garbage collection", Intro: `Caches on Go's heap are walked by each garbage collection; those whose memory holds no pointers, or lies
outside the heap, are not. But the heap's size also sets the pace: with little on it, collections are cheap and frequent.`}
	for _, n := range sizes {
		if childSize(n, centreValueLen) > b.memory {
			sec.Missing = append(sec.Missing, count(n)+" sessions, for want of memory")
			continue
		}
		s := samples{}
		b.eachPeer(s, rounds(n), func(peer string) []measurement {
			m := stream
			m.Peer, m.Sessions = peer, n
			return []measurement{m}
		})
		b.addCollections(&sec, stream, n, s)
	}
	return sec
}

func (b *bench) addCollections(sec *section, m collecting, sessions int, s samples) {
	peers, with := b.peerNames(), " with "+count(sessions)+" sessions"
	t := newTable(
		fmt.Sprintf("What does garbage collection cost%s of %d bytes?", with, centreValueLen), "peer", peers,
		"One collection: time of runtime.GC(), all processors free to help. In parentheses the lowest and the highest round, if there was more than one; each round has a new process.",
		fmt.Sprintf("Cores: processor time of the collector, idle-time marking included, by elapsed time, at %d requests a second of which one in ten sets; each leaves %s of garbage.", m.PerSecond, size(m.Garbage)))
	t.column("one collection", s.spreads("collection", 1e3, " ms"))
	t.column("cores busy collecting", s.spreads("cores", 1, ""))
	t.column("collections a second", s.medians("cycles"))
	sec.Tables = append(sec.Tables, t)
	sec.Charts = append(sec.Charts, barChart(fmt.Sprintf("gc-%d", sessions), "One garbage collection"+with,
		"milliseconds (median, lowest and highest round)", s, peers, "collection", 1e3))
	sec.compare("one collection"+with, peers, s.ratiosTo(holdfastName, "collection"))
	sec.compare("collector's share"+with, peers, s.ratiosTo(holdfastName, "cores"))
}
