package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Caps mean different things to different libraries: bytes with or without
// bookkeeping, entries, megabytes of queues. So each peer's cap is adjusted
// until all hold the same number of sessions, the capacity.

// tolerated is the distance from the capacity up to which a peer is compared.
const tolerated = 0.1

// ofCapacity returns a peer whose cap makes it hold so many sessions of the
// given lengths, as nearly as possible, and the relative distance of the number
// that it holds.
func ofCapacity(name string, capacity int, lengths lengths) (p peer, off float64) {
	info := find(allPeers, name)
	c := capped(capacity, lengths.mean(), lengths.max())
	if !info.bounded() {
		return info.open(c), 0
	}
	best, off := c, math.Inf(1)
	for range 6 {
		factor := float64(capacity) / float64(max(1, holds(info.open(c), 3*capacity, lengths)))
		if distance := math.Abs(1/factor - 1); distance < off {
			best, off = c, distance
		}
		if off < 0.01 {
			break
		}
		factor = min(4, factor)
		c.Bytes = int64(float64(c.Bytes) * factor)
		c.Entries = int(math.Round(float64(c.Entries) * factor))
	}
	return info.open(best), off
}

// holds counts the sessions in a cache after so many have been stored, each
// once.
func holds(p peer, sessions int, lengths lengths) int {
	defer p.close()
	value := newValue(lengths.max(), 1)
	for n := range sessions {
		p.set(sessionID(n), value[:lengths.of(n)])
	}
	waitForEviction()
	return countKept(p, sessions, lengths.max())
}

// waitForEviction gives caches time that evict in the background.
func waitForEviction() { time.Sleep(10 * time.Millisecond) }

// lengths are those of the sessions' values, used again from the first one on
// if there are more sessions. There is at least one.
type lengths []uint16

var plainLengths = lengths{centreValueLen}

func (l lengths) of(n int) int { return int(l[n%len(l)]) }
func (l lengths) max() int     { return int(slices.Max(l)) }

func (l lengths) mean() int {
	sum := 0
	for _, n := range l {
		sum += int(n)
	}
	return sum / len(l)
}

// request gets the session, and stores it if it is not found.
func request(p peer, n int, value []byte, r *reader) (found bool) {
	id := sessionID(n)
	if found = p.get(id, r); !found {
		p.set(id, value)
	}
	return found
}

// flood gives half the capacity to users who visit three times, and stores
// one-visit sessions while the users are away. The figure is the share of users
// who lost their session; NaN if the peer cannot be given that capacity.
type flood struct {
	Peer     string
	Capacity int
	Times    int // the length of the flood, in capacities
}

func (m flood) measure(*child) figures {
	p, off := ofCapacity(m.Peer, m.Capacity, plainLengths)
	if off > tolerated {
		return figures{"share": math.NaN()}
	}
	defer p.close()
	users := m.Capacity / 2
	value, r := newValue(centreValueLen, 1), newReader(centreValueLen)
	for visit := range 3 * users {
		request(p, visit%users, value, r)
	}
	waitForEviction()
	for n := range m.Times * m.Capacity {
		p.set(sessionID(users+n), value)
	}
	waitForEviction()
	return figures{"share": 1 - float64(countKept(p, users, centreValueLen))/float64(users)}
}

// replay requests a whole trace from a new cache. The figure is the share of
// requests that miss; NaN if the peer cannot be given that capacity.
type replay struct {
	Peer     string
	Source   source
	Capacity int
}

// source is a trace file or, with an empty File, the model of a site.
type source struct {
	Name     string
	File     string
	Requests int // of the model
	Seed     uint64
}

func (s source) load() trace {
	if s.File == "" {
		return site.generate(s.Requests, s.Seed)
	}
	file := must(os.Open(s.File))
	defer file.Close()
	return must(readARC(file))
}

func (m replay) measure(*child) figures {
	t := m.Source.load()
	p, off := ofCapacity(m.Peer, m.Capacity, t.lengths)
	if off > tolerated {
		return figures{"share": math.NaN()}
	}
	defer p.close()
	value, r := newValue(t.lengths.max(), 1), newReader(t.lengths.max())
	misses := 0
	for _, session := range t.requests {
		if !request(p, int(session), value[:t.lengths.of(int(session))], r) {
			misses++
		}
	}
	return figures{"share": float64(misses) / float64(len(t.requests))}
}

// survival is the part about the sessions that a full cache keeps.
func (b *bench) survival() section {
	sec := section{Title: "Who survives", Intro: `Caps mean different things to different libraries, so here each peer's cap is first adjusted until it holds the stated
number of sessions; what is compared is whom it keeps. Nothing expires meanwhile.`}
	b.floods(&sec, pick(b, 1000, 120_000))
	b.replays(&sec, source{"session traffic", "", pick(b, 20_000, 2_000_000), b.seed})
	for _, file := range b.traces {
		b.replays(&sec, source{Name: filepath.Base(file), File: file})
	}
	return sec
}

// bounded are the peers with a cap, Holdfast first.
func (b *bench) bounded() []string {
	return names(slices.DeleteFunc(slices.Clone(b.peers), func(p peerInfo) bool { return !p.bounded() }))
}

// compareShares compares shares of losses. Below a tenth of a per cent they
// count as equal.
func (sec *section) compareShares(what string, peers []string, s samples) {
	share := func(peer string) []float64 { return []float64{max(0.001, s.median(peer, "share"))} }
	sec.compare(what, peers, func(peer string) summary { return ratios(share(peer), share(holdfastName)) })
}

func (b *bench) floods(sec *section, capacity int) {
	t := newTable(
		fmt.Sprintf("Of the returning users, how many lose their session to a flood? Capacity %s sessions", count(capacity)), "peer", names(b.peers),
		"Half the capacity belongs to users who came three times. While they are away, sessions that nobody uses again are stored, so many times the capacity.",
		"A dash: the peer cannot be given that size. Peers without a cap lose nobody, and grow.")
	t.column("who goes first", func(peer string) string { return find(allPeers, peer).policy })
	for _, times := range []int{1, 10, 100} {
		s := samples{}
		b.eachPeer(s, 1, "", func(peer string) measurement { return flood{peer, capacity, times} })
		t.column(fmt.Sprintf("lost after %d ×", times), func(peer string) string { return percent(s.median(peer, "share")) })
		sec.compareShares(fmt.Sprintf("users lost to a flood of %d times the capacity", times), b.bounded(), s)
	}
	sec.Tables = append(sec.Tables, t)
}

// replays replays one source on all peers, and on the reference caches.
func (b *bench) replays(sec *section, source source) {
	requests := source.load()
	t := newTable(
		fmt.Sprintf("Which share of the requests finds its session? %s, %s requests for %s sessions", source.Name, count(len(requests.requests)), count(requests.objects)),
		"cache of so many sessions", append([]string{"optimum", "exact LRU"}, names(b.peers)...),
		"Hits by requests, in per cent; a session's first request cannot hit. LRU is exact over the whole cache; optimum is Belady's, which knows the future. Both count sessions, whatever their length.",
		"A dash: the peer cannot be given that size. Peers without a cap keep everything.")
	drawing := chart{
		File:  "hits-" + strings.ReplaceAll(source.Name, " ", "-"),
		Title: "Requests that find their session: " + source.Name,
		X:     "per cent over sessions that the cache holds",
	}
	for _, name := range append(b.bounded(), "exact LRU", "optimum") {
		drawing.Lines = append(drawing.Lines, line{Label: name})
	}
	for _, share := range pick(b, []float64{0.05, 0.25}, []float64{0.0025, 0.01, 0.025, 0.1, 0.25}) {
		capacity := max(1, int(share*float64(requests.objects)))
		s := samples{}
		for name, hits := range map[string]func([]uint32, int) int{"exact LRU": exactLRU, "optimum": belady} {
			s.add(name, "share", 1-float64(hits(requests.requests, capacity))/float64(len(requests.requests)))
		}
		b.eachPeer(s, 1, "", func(peer string) measurement { return replay{peer, source, capacity} })
		percent := func(name string) float64 { return 100 * (1 - s.median(name, "share")) }
		t.column(count(capacity), func(name string) string { return number(percent(name)) })
		drawing.Marks = append(drawing.Marks, capacity)
		for i, l := range drawing.Lines {
			drawing.Lines[i].Percents = append(l.Percents, percent(l.Label))
		}
		sec.compareShares(fmt.Sprintf("misses of a cache of %s sessions, %s", count(capacity), source.Name), b.bounded(), s)
	}
	sec.Tables = append(sec.Tables, t)
	sec.Charts = append(sec.Charts, drawing)
}
