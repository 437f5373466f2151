package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// pressure stores more than the cap, from all processors. The figure is the
// peak of the resident set beyond that of the process without the cache, as a
// multiple of the cap.
type pressure struct {
	Peer string
	Cap  int64

	// Times is how often churn writes the cap. If it is 0, sessions grow.
	Times int
}

const (
	// smallest is the length of the shortest value under churn. Most sessions
	// are small, but most bytes are in large ones.
	smallest = 64

	growFrom, growTo = 512, 4096 // the length of growing values
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
	work, mean, longest := m.churn, mixedMean(largestUnder(m.Cap)), largestUnder(m.Cap)
	if m.Times == 0 {
		work, mean, longest = m.grow, growFrom, growTo
	}
	// A cap in entries follows from the mean length, as a user would set it.
	c := capped(int(m.Cap/int64(idLen+mean)), mean, longest)
	before := settled()
	p := find(allPeers, m.Peer).open(c)
	onAllProcs(func(worker, workers int) { work(p, c, newValue(longest, uint64(worker)), worker, workers) })
	return figures{"peak": float64(peakResident()-before) / float64(m.Cap)}
}

// churn stores sessions of mixed lengths, three times as many as fit, again and
// again in random order.
func (m pressure) churn(p peer, c config, value []byte, worker, workers int) {
	rng := rand.New(rand.NewPCG(uint64(worker), 1))
	for left := int64(m.Times) * m.Cap / int64(workers); left > 0; {
		length := mixedLen(rng, len(value))
		p.set(sessionID(rng.IntN(3*c.Entries)), value[:length])
		left -= int64(idLen + length)
	}
}

// grow fills the cache with small sessions and stores all of them several
// times, each time twice as long.
func (m pressure) grow(p peer, c config, value []byte, worker, workers int) {
	for length := growFrom; length <= growTo; length *= 2 {
		for n := worker; n < c.Entries; n += workers {
			p.set(sessionID(n), value[:length])
		}
	}
}

// remainder is measured after all sessions of the filled peer have expired
// without any call. The figure is the growth of the resident set since before
// the peer was opened.
type remainder struct{}

func (remainder) measure(c *child) figures {
	after := float64(settled() - c.empty)
	// Less than a MiB is the process, not the cache.
	return figures{"after": after, "remains": max(after, 1<<20)}
}

// memoryPlan is the size of the memory part.
type memoryPlan struct {
	sessions  int
	cap       int64
	times     int           // that churn writes the cap
	expiring  int           // sessions
	ttl, wait time.Duration // of them; the slowest peer fills within the TTL
}

func (b *bench) memoryPlan() memoryPlan {
	return pick(b,
		memoryPlan{30_000, 32 << 20, 1, 10_000, 2 * time.Second, 3 * time.Second},
		memoryPlan{1_000_000, 256 << 20, 6, 200_000, 10 * time.Second, 20 * time.Second})
}

// footprints is the memory part. A peer fills to the brim, with half as many
// sessions more than its cap has room for: memory that it has reserved but not
// used must not count as the cost of its sessions.
func (b *bench) footprints() section {
	plan, s, rounds := b.memoryPlan(), samples{}, b.longRounds()
	n, valueLen, peers := plan.sessions, centreValueLen, names(b.peers)
	b.eachPeer(peers, s, rounds, "brim ", func(peer string) measurement { return fill{peer, capped(n, valueLen, valueLen), n + n/2, valueLen, 0} })
	b.eachPeer(peers, s, 1, "churn ", func(peer string) measurement { return pressure{peer, plan.cap, plan.times} })
	b.eachPeer(peers, s, 1, "growth ", func(peer string) measurement { return pressure{peer, plan.cap, 0} })
	b.eachPeer(peers, s, rounds, "", func(peer string) measurement { return fill{peer, roomy(n, valueLen), n, valueLen, 0} })
	b.expire(plan, s)
	return b.memorySection(plan, s)
}

// expire fills all peers that have a TTL, and lets them wait together.
func (b *bench) expire(plan memoryPlan, s samples) {
	peers := slices.DeleteFunc(slices.Clone(b.peers), func(p peerInfo) bool { return !p.expires })
	children, stop := b.startAll(names(peers))
	defer stop()
	c := roomy(plan.expiring, centreValueLen)
	c.TTL = plan.ttl
	for _, child := range children {
		s.addAll(child.name, "expiry ", child.run(fill{child.name, c, plan.expiring, centreValueLen, 0}))
	}
	b.step("waiting for expiry")
	select {
	case <-b.ctx.Done(): // the next measurement fails
	case <-time.After(plan.ttl + plan.wait):
	}
	for _, child := range children {
		s.addAll(child.name, "expiry ", child.run(remainder{}))
	}
}

func (b *bench) memorySection(plan memoryPlan, s samples) section {
	peers, bounded := names(b.peers), b.bounded()
	full := newTable(
		fmt.Sprintf("What do sessions of %d bytes take beyond ID and value, and how long does storing %s of them hold one caller up?", centreValueLen, count(plan.sessions)),
		"peer", peers,
		fmt.Sprintf("Bytes beyond: growth of the resident set by kept session when the cache is full, garbage returned, less the %d bytes of ID and value. On Go's heap the process needs room for garbage besides, by default as much again as is live.", idLen+centreValueLen),
		"The longest single Set is the longest that one goroutine waited while it filled the cache from nothing, garbage collection and growth of tables included.")
	full.column("bytes beyond", s.spreads("brim beyond", 1, ""))
	full.column("kept", func(peer string) string { return percent(s.median(peer, "kept")) })
	full.column("fill", s.spreads("seconds", 1, " s"))
	full.column("99.9 % of Sets", s.spreads("p999", 1e-3, " µs"))
	full.column("longest single Set", s.spreads("longest", 1e-6, " ms"))

	capped := newTable(
		fmt.Sprintf("How far does the process exceed a cap of %s?", size(plan.cap)), "peer", peers,
		"Peak of the resident set as a multiple of the cap. A cap in entries is the cap in bytes by the mean length of ID and value at the start, as a user would set it.",
		fmt.Sprintf("Churn: values of %d to %d bytes, their logarithm uniform, new sessions and old ones, as often as writes the cap %d times. Growing: sessions of %d bytes that fill the cap are stored again, each time with twice the length, up to %d bytes.",
			smallest, largestUnder(plan.cap), plan.times, growFrom, growTo),
		"A peer without a cap keeps everything, and is listed for comparison.")
	capped.column("its cap counts", func(peer string) string { return find(allPeers, peer).cap })
	capped.column("churn of mixed sizes", s.spreads("churn peak", 1, ""))
	capped.column("growing values", s.spreads("growth peak", 1, ""))

	before := func(peer string) float64 { return s.median(peer, "expiry full") }
	after := func(peer string) float64 { return max(0, s.median(peer, "expiry after")) }
	returned := newTable("How much memory comes back after all sessions have expired?", "peer", peers,
		fmt.Sprintf("%s sessions of %d bytes with a TTL of %v; the second look is at least %v after the TTL, in which nobody called the cache. Before each look a collection returned the garbage.",
			count(plan.expiring), centreValueLen, plan.ttl, plan.wait))
	returned.column("full", func(peer string) string { return size(before(peer)) })
	returned.column("after", func(peer string) string { return size(after(peer)) })
	returned.column("came back", func(peer string) string {
		if !find(allPeers, peer).expires {
			return "has no TTL"
		}
		return percent(max(0, min(1, 1-after(peer)/before(peer))))
	})

	sec := section{
		Title: "Memory",
		Intro: `Each figure is of a process of its own, and of its resident set: what the operating system
counts, on Go's heap or beside it, less what the process took before it had a cache. In parentheses stand the lowest
and the highest of several rounds, each with new processes.`,
		Tables: []table{full, capped, returned},
		Charts: []chart{barChart("memory-churn", fmt.Sprintf("A cap of %s under churn of mixed sizes", size(plan.cap)),
			"peak resident set, as a multiple of the cap", s, bounded, "churn peak", 1)},
	}
	sec.compare("bytes beyond ID and value", peers, s.ratiosTo(holdfastName, "brim beyond"))
	sec.compare("longest single Set while filling", peers, s.ratiosTo(holdfastName, "longest"))
	sec.compare("peak over cap under churn", bounded, s.ratiosTo(holdfastName, "churn peak"))
	sec.compare("peak over cap under growth", bounded, s.ratiosTo(holdfastName, "growth peak"))
	sec.compare("memory kept after expiry", peers, s.ratiosTo(holdfastName, "expiry remains"))
	return sec
}
