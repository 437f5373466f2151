package main

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"sync"
	"time"
)

// brim fills a peer that is capped to about so many sessions with half as many
// more: memory that a cache has reserved but not used must not count as the
// cost of its sessions. A peer without a cap keeps all. The figure is the
// growth of the resident set for each kept session, beyond ID and value.
type brim struct {
	Peer     string
	Sessions int
	ValueLen int
}

func (m brim) measure(*child) figures {
	entry := idLen + m.ValueLen
	before := settled()
	p := findPeer(m.Peer).open(config{
		Bytes: int64(m.Sessions) * int64(entry), Entries: m.Sessions, EntryLen: entry, MaxValue: m.ValueLen, TTL: time.Hour,
	})
	stored := m.Sessions + m.Sessions/2
	value := newValue(m.ValueLen, 1)
	for n := range stored {
		p.set(sessionID(n), value)
	}
	bytes := settled() - before
	kept := countKept(p, stored, m.ValueLen)
	return figures{"beyond": float64(bytes)/float64(kept) - float64(entry)}
}

// pressure stores more than the cap, from all processors. The figure is the
// peak of the resident set beyond that of the process without the cache, as a
// multiple of the cap.
type pressure struct {
	Peer string
	Cap  int64

	// Times is how often churn writes the cap, with values of up to Largest
	// bytes. If Times is 0, sessions grow.
	Times   int
	Largest int
}

const (
	// smallest is the length of the shortest value under churn. Most sessions
	// are small, but most bytes are in large ones.
	smallest = 64

	// The length of growing values, at first and in the end.
	growFrom = 512
	growTo   = 4096
)

// largestUnder returns the length of the longest value that every peer accepts
// with that cap: less than 64 KiB (fastcache), and a 1024th of the cap
// (freecache).
func largestUnder(capBytes int64) int { return int(min(60_000, capBytes/1100)) }

// mixedLen draws a length whose logarithm is uniform.
func mixedLen(rng *rand.Rand, largest int) int {
	return int(smallest * math.Pow(float64(largest)/smallest, rng.Float64()))
}

// mixedMean is the mean of mixedLen.
func mixedMean(largest int) int {
	return int(float64(largest-smallest) / math.Log(float64(largest)/smallest))
}

func (m pressure) measure(*child) figures {
	work, name, mean, longest := m.churn, "churn", mixedMean(m.Largest), m.Largest
	if m.Times == 0 {
		work, name, mean, longest = m.grow, "growth", growFrom, growTo
	}
	// A cap in entries follows from the mean length, as a user would set it.
	entry := idLen + mean
	before := settled()
	p := findPeer(m.Peer).open(config{
		Bytes: m.Cap, Entries: int(m.Cap / int64(entry)), EntryLen: entry, MaxValue: longest, TTL: time.Hour,
	})
	onAllProcs(func(worker, workers int) { work(p, entry, worker, workers) })
	return figures{name: float64(peakResident()-before) / float64(m.Cap)}
}

// churn stores sessions of mixed lengths, three times as many as fit, again and
// again in random order.
func (m pressure) churn(p peer, entry, worker, workers int) {
	rng := rand.New(rand.NewPCG(uint64(worker), 1))
	sessions := 3 * m.Cap / int64(entry)
	buf := newValue(m.Largest, uint64(worker))
	for left := int64(m.Times) * m.Cap / int64(workers); left > 0; {
		value := buf[:mixedLen(rng, m.Largest)]
		p.set(sessionID(int(rng.Int64N(sessions))), value)
		left -= int64(idLen + len(value))
	}
}

// grow fills the cache with small sessions and stores all of them several
// times, each time twice as long.
func (m pressure) grow(p peer, entry, worker, workers int) {
	buf := newValue(growTo, uint64(worker))
	for length := growFrom; length <= growTo; length *= 2 {
		for n := worker; n < int(m.Cap/int64(entry)); n += workers {
			p.set(sessionID(n), buf[:length])
		}
	}
}

// expiry fills a cache and lets all sessions expire. The figures are the bytes
// of the resident set, full and after Wait beyond the TTL without any call,
// beyond that of the process without the cache. Garbage is returned before
// both, so that a cache on Go's heap does not have to wait for a collection.
type expiry struct {
	Peer      string
	Sessions  int
	ValueLen  int
	TTL, Wait time.Duration
}

func (m expiry) measure(*child) figures {
	empty := settled()
	p := findPeer(m.Peer).open(roomy(m.Sessions, m.ValueLen, m.TTL))
	value := newValue(m.ValueLen, 1)
	for n := range m.Sessions {
		p.set(sessionID(n), value)
	}
	full := settled() - empty
	time.Sleep(m.TTL + m.Wait)
	after := settled() - empty
	p.close()
	// Less than a MiB is the process, not the cache.
	return figures{"full": float64(full), "after": float64(after), "remains": float64(max(after, 1<<20))}
}

// memoryPlan is the size of the memory part.
type memoryPlan struct {
	sessions int
	cap      int64
	times    int
	expiry   expiry // long enough for the slowest peer to fill before the first session expires
}

func (b *bench) memoryPlan() memoryPlan {
	return pick(b,
		memoryPlan{30_000, 32 << 20, 1, expiry{"", 10_000, centreValueLen, 2 * time.Second, 3 * time.Second}},
		memoryPlan{1_000_000, 256 << 20, 6, expiry{"", 200_000, centreValueLen, 10 * time.Second, 20 * time.Second}})
}

// footprints is the memory part. Sessions expire while it measures sizes; it
// measures the times of sets while nothing else runs.
func (b *bench) footprints() section {
	plan := b.memoryPlan()
	b.steps = 2 * len(b.peers) * b.longRounds()
	s, expired := samples{}, samples{}
	failed := make(chan error, 1)
	go func() { failed <- b.expire(plan.expiry, expired) }()
	b.eachPeer(s, b.longRounds(), func(peer string) []measurement {
		return []measurement{
			brim{peer, plan.sessions, centreValueLen},
			pressure{peer, plan.cap, plan.times, largestUnder(plan.cap)},
			pressure{peer, plan.cap, 0, 0},
		}
	})
	check(<-failed)
	b.eachPeer(s, b.longRounds(), func(peer string) []measurement {
		return []measurement{fill{Peer: peer, Sessions: plan.sessions, ValueLen: centreValueLen, TTL: time.Hour, Timed: true}}
	})
	maps.Copy(s, expired)
	return b.memorySection(plan, s)
}

// expire lets all peers wait together: it measures no times.
func (b *bench) expire(m expiry, s samples) error {
	var wg sync.WaitGroup
	var mu sync.Mutex
	var errs error
	for _, info := range b.peers {
		if !info.expires {
			continue
		}
		wg.Go(func() {
			own := m
			own.Peer = info.name
			f, err := attempt(func() figures { return b.alone(own) })
			mu.Lock()
			defer mu.Unlock()
			s.addAll(info.name, "", f)
			errs = errors.Join(errs, err)
		})
	}
	wg.Wait()
	return errs
}

func (b *bench) memorySection(plan memoryPlan, s samples) section {
	peers, bounded := b.peerNames(), b.bounded()
	full := newTable(
		fmt.Sprintf("What do sessions of %d bytes take beyond ID and value, and how long does storing %s of them hold one caller up?", centreValueLen, count(plan.sessions)),
		"peer", peers,
		fmt.Sprintf("Bytes beyond: growth of the resident set by kept session when the cache is full, garbage returned, less the %d bytes of ID and value. On Go's heap the process needs room for garbage besides, by default as much again as is live.", idLen+centreValueLen),
		"The longest single Set is the longest that one goroutine waited while it filled the cache from nothing, garbage collection and growth of tables included.")
	full.column("bytes beyond", s.spreads("beyond", 1, ""))
	full.column("kept", func(peer string) string { return percent(s.summary(peer, "kept").Median) })
	full.column("fill", s.spreads("seconds", 1, " s"))
	full.column("99.9 % of Sets", s.spreads("p999", 1e-3, " µs"))
	full.column("longest single Set", s.spreads("longest", 1e-6, " ms"))

	capped := newTable(
		fmt.Sprintf("How far does the process exceed a cap of %s?", size(plan.cap)), "peer", peers,
		"Peak of the resident set as a multiple of the cap. A cap in entries is the cap in bytes by the mean length of ID and value at the start, as a user would set it.",
		fmt.Sprintf("Churn: values of %d to %d bytes, their logarithm uniform, new sessions and old ones, as often as writes the cap %d times. Growing: sessions of %d bytes that fill the cap are stored again, each time with twice the length, up to %d bytes.",
			smallest, largestUnder(plan.cap), plan.times, growFrom, growTo),
		"A peer without a cap keeps everything, and is listed for comparison.")
	capped.column("its cap counts", func(peer string) string { return findPeer(peer).cap })
	capped.column("churn of mixed sizes", s.spreads("churn", 1, ""))
	capped.column("growing values", s.spreads("growth", 1, ""))

	x := plan.expiry
	returned := newTable("How much memory comes back after all sessions have expired?", "peer", peers,
		fmt.Sprintf("%s sessions of %d bytes with a TTL of %v; the second look is %v after the TTL, in which nobody called the cache. Before each look a collection returned the garbage.",
			count(x.Sessions), x.ValueLen, x.TTL, x.Wait))
	look := func(name, without string, cell func(full, after float64) string) {
		returned.column(name, func(peer string) string {
			if s.of(peer, "full") == nil {
				return without
			}
			return cell(s.summary(peer, "full").Median, max(0, s.summary(peer, "after").Median))
		})
	}
	look("full", none, func(full, _ float64) string { return size(full) })
	look("after", none, func(_, after float64) string { return size(after) })
	look("came back", "has no TTL", func(full, after float64) string { return percent(max(0, min(1, 1-after/full))) })

	sec := section{
		Title: "Memory",
		Intro: `Each figure is of a process of its own, and of its resident set: what the operating system
counts, on Go's heap or beside it, less what the process took before it had a cache. In parentheses stand the lowest
and the highest of several rounds, each with new processes.`,
		Tables: []table{full, capped, returned},
		Charts: []chart{barChart("memory-churn", fmt.Sprintf("A cap of %s under churn of mixed sizes", size(plan.cap)),
			"peak resident set, as a multiple of the cap", s, bounded, "churn", 1)},
	}
	sec.compare("bytes beyond ID and value", peers, s.ratiosTo(holdfastName, "beyond"))
	sec.compare("longest single Set while filling", peers, s.ratiosTo(holdfastName, "longest"))
	sec.compare("peak over cap under churn", bounded, s.ratiosTo(holdfastName, "churn"))
	sec.compare("peak over cap under growth", bounded, s.ratiosTo(holdfastName, "growth"))
	sec.compare("memory kept after expiry", peers, s.ratiosTo(holdfastName, "remains"))
	return sec
}
