package main

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"gonum.org/v1/plot/plotter"

	"github.com/holdfast-go/holdfast/bench/internal/trace"
)

// Caps mean different things to different libraries: bytes with or without
// bookkeeping, entries, megabytes of queues. So each peer's cap is adjusted
// until all hold the same number of sessions, the capacity.

// tolerated is the distance from the capacity up to which a peer is compared.
const tolerated = 0.1

// limits finds the configuration with which a peer holds so many sessions of
// the given lengths, and returns it with the number of sessions that the peer
// holds.
func limits(info peerInfo, capacity int, lengths lengths) (config, int) {
	const attempts, close = 6, 0.01
	c := config{
		Bytes: int64(capacity * (idLen + lengths.mean())), Entries: capacity,
		EntryLen: idLen + lengths.mean(), MaxValue: int(slices.Max(lengths)), TTL: longTTL,
	}
	if !info.bounded() {
		return c, capacity
	}
	best, held := c, 0
	for range attempts {
		n := holds(info.open(c), c, capacity, lengths)
		if off(n, capacity) < off(held, capacity) {
			best, held = c, n
		}
		if off(held, capacity) < close {
			break
		}
		factor := min(4, float64(capacity)/float64(max(n, 1)))
		c.Bytes = int64(float64(c.Bytes) * factor)
		c.Entries = int(math.Round(float64(c.Entries) * factor))
	}
	return best, held
}

// off is the relative distance of n from the target.
func off[N int | float64](n N, target int) float64 {
	return math.Abs(float64(n)-float64(target)) / float64(target)
}

// holds counts the sessions in a cache after three times its capacity has been
// stored, each session once.
func holds(p peer, c config, capacity int, lengths lengths) int {
	defer p.close()
	value := newValue(c.MaxValue, 1)
	for n := range 3 * capacity {
		p.set(sessionID(n), value[:lengths.of(n)])
	}
	waitForEviction()
	held := 0
	r := newReader(c.MaxValue)
	for n := range 3 * capacity {
		if p.get(sessionID(n), r) {
			held++
		}
	}
	return held
}

// waitForEviction gives caches time that evict in the background.
func waitForEviction() { time.Sleep(10 * time.Millisecond) }

// lengths are those of the sessions' values, used again from the first one on
// if there are more sessions. There is at least one.
type lengths []uint16

var plainLengths = lengths{centreValueLen}

func (l lengths) of(n int) int { return int(l[n%len(l)]) }

func (l lengths) mean() int {
	sum := 0
	for _, n := range l {
		sum += int(n)
	}
	return sum / len(l)
}

// flood gives half the capacity to users who visit three times, stores
// one-visit sessions while the users are away, and counts the users who lost
// their session. Each flood meets a new cache. The figures are the lost shares
// by flood, and the number of sessions that the cache holds.
type flood struct {
	Peer     string
	Capacity int
	Times    []int // the length of each flood, in capacities
}

func (m flood) measure(*child) figures {
	info := findPeer(m.Peer)
	c, held := limits(info, m.Capacity, plainLengths)
	f := figures{heldBy(m.Capacity): float64(held)}
	for _, times := range m.Times {
		p := info.open(c)
		f[strconv.Itoa(times)] = m.once(p, times)
		p.close()
	}
	return f
}

func (m flood) once(p peer, times int) float64 {
	users := m.Capacity / 2
	value, r := newValue(centreValueLen, 1), newReader(centreValueLen)
	for range 3 {
		for n := range users {
			if !p.get(sessionID(n), r) {
				p.set(sessionID(n), value)
			}
		}
	}
	waitForEviction()
	for n := range times * m.Capacity {
		p.set(sessionID(users+n), value)
	}
	waitForEviction()
	lost := 0
	for n := range users {
		if !p.get(sessionID(n), r) {
			lost++
		}
	}
	return float64(lost) / float64(users)
}

// replay requests a whole trace from a new cache of each capacity. A session
// that is not found is stored. The figures are the share of hits by capacity,
// and the number of sessions that each cache holds.
type replay struct {
	Peer       string
	Source     source
	Capacities []int
}

// source is a trace file or, with an empty File, the model of a site.
type source struct {
	File     string
	Requests int // of the model
	Seed     uint64
}

func (s source) load() (t trace.Trace, err error) {
	if s.File == "" {
		return trace.Site.Generate(s.Requests, s.Seed), nil
	}
	t, err = trace.Load(s.File)
	t.Lengths = plainLengths
	return t, err
}

func (s source) name() string {
	if s.File != "" {
		return filepath.Base(s.File)
	}
	return "session traffic"
}

func (m replay) measure(*child) figures {
	t := must(m.Source.load())
	info := findPeer(m.Peer)
	f := figures{}
	for _, capacity := range m.Capacities {
		c, held := limits(info, capacity, t.Lengths)
		p := info.open(c)
		value, r := newValue(c.MaxValue, 1), newReader(c.MaxValue)
		hits := 0
		for _, session := range t.Requests {
			id := sessionID(int(session))
			if p.get(id, r) {
				hits++
			} else {
				p.set(id, value[:lengths(t.Lengths).of(int(session))])
			}
		}
		p.close()
		f[strconv.Itoa(capacity)] = float64(hits) / float64(len(t.Requests))
		f[heldBy(capacity)] = float64(held)
	}
	return f
}

// heldBy names the figure of the sessions that the cache of a capacity holds.
func heldBy(capacity int) string { return fmt.Sprintf("held of %d", capacity) }

// survival is the part about the sessions that a full cache keeps.
func (b *bench) survival() section {
	sources := []source{{Requests: pick(b, 20_000, 2_000_000), Seed: b.seed}}
	for _, file := range b.traces {
		sources = append(sources, source{File: file})
	}
	b.steps = (1 + len(sources)) * len(b.peers)
	sec := section{Title: "Who survives", Intro: `Caps mean different things to different libraries, so here each peer's cap is first adjusted until it holds the stated
number of sessions; what is compared is whom it keeps. Nothing expires meanwhile.`}
	b.floods(&sec, flood{Capacity: pick(b, 1000, 120_000), Times: []int{1, 10, 100}})
	for _, source := range sources {
		b.replays(&sec, source)
	}
	return sec
}

// bounded are the peers with a cap, Holdfast first.
func (b *bench) bounded() (names []string) {
	for _, info := range b.peers {
		if info.bounded() {
			names = append(names, info.name)
		}
	}
	return names
}

// share returns a figure at a capacity, or NaN if the peer holds another number
// of sessions.
func (s samples) share(peer string, figure, capacity int) float64 {
	held := s.of(peer, heldBy(capacity))
	if held != nil && off(held[0], capacity) > tolerated {
		return math.NaN()
	}
	return s.of(peer, strconv.Itoa(figure))[0]
}

// compareShares compares shares; less is better. Below a tenth of a per cent
// they count as equal.
func (sec *section) compareShares(what string, peers []string, share func(peer string) float64) {
	const least = 0.001
	sec.compare(what, peers, func(peer string) summary {
		return ratios([]float64{max(least, share(peer))}, []float64{max(least, share(holdfastName))})
	})
}

func (b *bench) floods(sec *section, m flood) {
	s := samples{}
	b.eachPeer(s, 1, func(peer string) []measurement { return []measurement{flood{peer, m.Capacity, m.Times}} })
	t := newTable(
		fmt.Sprintf("Of the returning users, how many lose their session to a flood? Capacity %s sessions", count(m.Capacity)), "peer", b.peerNames(),
		"Half the capacity belongs to users who came three times. While they are away, sessions that nobody uses again are stored, so many times the capacity.",
		"A dash: the peer cannot be given that size. Peers without a cap lose nobody, and grow.")
	t.column("who goes first", func(peer string) string { return findPeer(peer).policy })
	for _, times := range m.Times {
		lost := func(peer string) float64 { return s.share(peer, times, m.Capacity) }
		t.column(fmt.Sprintf("lost after %d ×", times), func(peer string) string { return percent(lost(peer)) })
		sec.compareShares(fmt.Sprintf("users lost to a flood of %d times the capacity", times), b.bounded(), lost)
	}
	sec.Tables = append(sec.Tables, t)
}

// replays replays one source on all peers, and on the reference caches.
func (b *bench) replays(sec *section, source source) {
	requests := must(source.load())
	s := samples{}
	var capacities []int
	references := map[string]func([]uint32, int) int{"exact LRU": trace.LRU, "optimum": trace.Belady}
	for _, share := range pick(b, []float64{0.05, 0.25}, []float64{0.0025, 0.01, 0.025, 0.1, 0.25}) {
		capacity := max(1, int(share*float64(requests.Objects)))
		capacities = append(capacities, capacity)
		for name, hits := range references {
			s.add(name, strconv.Itoa(capacity), float64(hits(requests.Requests, capacity))/float64(len(requests.Requests)))
		}
	}
	b.eachPeer(s, 1, func(peer string) []measurement { return []measurement{replay{peer, source, capacities}} })
	t := newTable(
		fmt.Sprintf("Which share of the requests finds its session? %s, %s requests for %s sessions", source.name(), count(len(requests.Requests)), count(requests.Objects)),
		"cache of so many sessions", append([]string{"optimum", "exact LRU"}, b.peerNames()...),
		"Hits by requests, in per cent; a session's first request cannot hit. LRU is exact over the whole cache; optimum is Belady's, which knows the future. Both count sessions, whatever their length.",
		"A dash: the peer cannot be given that size. Peers without a cap keep everything.")
	drawing := chart{
		File:  "hits-" + strings.ReplaceAll(source.name(), " ", "-"),
		Title: "Requests that find their session: " + source.name(),
		X:     "sessions that the cache holds", Y: "per cent",
	}
	for _, name := range append(b.bounded(), "exact LRU", "optimum") {
		l := line{Label: name}
		for _, capacity := range capacities {
			if hits := s.share(name, capacity, capacity); !math.IsNaN(hits) {
				l.Points = append(l.Points, plotter.XY{X: float64(capacity), Y: 100 * hits})
			}
		}
		if l.Points != nil {
			drawing.Lines = append(drawing.Lines, l)
		}
	}
	for _, capacity := range capacities {
		hits := func(name string) float64 { return s.share(name, capacity, capacity) }
		t.column(count(capacity), func(name string) string { return number(100 * hits(name)) })
		sec.compareShares(fmt.Sprintf("misses of a cache of %s sessions, %s", count(capacity), source.name()), b.bounded(),
			func(peer string) float64 { return 1 - hits(peer) })
	}
	sec.Tables = append(sec.Tables, t)
	sec.Charts = append(sec.Charts, drawing)
}
