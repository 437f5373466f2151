package main

import (
	"fmt"
	"math"
	"slices"
	"sync/atomic"
)

// Caps mean different things to different libraries: bytes with or without
// bookkeeping, entries, megabytes of queues. So each peer's cap is adjusted
// until all hold the same number of sessions, the capacity. All values have one
// length: with several, a cap in bytes would have room for another number of
// sessions than a cap in entries.

// tolerated is the share of the capacity that a compared peer may lack.
const tolerated = 0.05

// ofCapacity returns a peer whose cap makes it hold as many sessions as
// possible up to the capacity, and reports false if there is no such cap.
func ofCapacity(name string, capacity int) (p peer, ok bool) {
	info := find(allPeers, name)
	c, best := capped(capacity, centreValueLen, centreValueLen), config{}
	most := max(1, int((1-tolerated)*float64(capacity)))
	for range 8 {
		held, err := attempt(func() int { return holds(info.open(c), 3*capacity) })
		if held >= most && held <= capacity {
			best, most = c, held
		}
		factor := min(4, float64(capacity)/float64(max(1, held)))
		if err != nil { // the library refuses so small a cap
			factor = 2
		}
		if 0.99*factor <= 1 && factor >= 1 {
			break
		}
		c.Bytes = max(1, int64(float64(c.Bytes)*factor)) // fastcache panics at 0
		c.Entries = max(1, int(math.Round(float64(c.Entries)*factor)))
	}
	if best.Bytes == 0 {
		return p, false
	}
	return waiting(info.open(best)), true
}

// holds counts the sessions in a peer after so many have been stored, each
// once, and closes it.
func holds(p peer, sessions int) int {
	defer p.close()
	p = waiting(p)
	value := newValue(centreValueLen, 1)
	for n := range sessions {
		p.set(sessionID(n), value)
	}
	return countKept(p, sessions, centreValueLen)
}

// waiting returns a peer that holds no more than its cap after each set, and
// whose policy sees each get. Calls without a pause between them would starve a
// policy that works in another goroutine.
func waiting(p peer) peer {
	const unseen = 8 // gets; otter drops them if 16 are waiting
	set, get, wait := p.set, p.get, p.wait
	if wait != nil {
		var gets atomic.Uint64
		p.set = func(id string, value []byte) { set(id, value); wait() }
		p.get = func(id string, r *reader) bool {
			found := get(id, r)
			if gets.Add(1)%unseen == 0 {
				wait()
			}
			return found
		}
	}
	return p
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
	p, ok := ofCapacity(m.Peer, m.Capacity)
	if !ok {
		return figures{"share": math.NaN()}
	}
	defer p.close()
	users := m.Capacity / 2
	value, r := newValue(centreValueLen, 1), newReader(centreValueLen)
	for visit := range 3 * users {
		request(p, visit%users, value, r)
	}
	for n := range m.Times * m.Capacity {
		p.set(sessionID(users+n), value)
	}
	return figures{"share": 1 - float64(countKept(p, users, centreValueLen))/float64(users)}
}

// survival is the part about the sessions that a full cache keeps.
func (b *bench) survival() section {
	sec := section{Title: "Floods and hit ratios", Intro: `Caps mean different things to different libraries, so here each peer's cap is first adjusted until it holds the stated
number of sessions, or up to 5 % less; the comparison is of the sessions that it keeps. Nothing expires meanwhile. The benchmark waits for policies that work in
the background. All values have 256 bytes.`}
	b.floods(&sec, pick(b, 1000, 30_000))
	b.replays(&sec, source{Name: "session traffic", Requests: pick(b, 20_000, 500_000), Seed: b.seed})
	return sec
}

// bounded are the peers with a cap, Holdfast first.
func (b *bench) bounded() []string {
	return names(slices.DeleteFunc(slices.Clone(b.peers), func(p peerInfo) bool { return !p.bounded() }))
}

// compareShares compares shares of losses. Below a tenth of a per cent they
// count as equal.
func (sec *section) compareShares(what string, peers []string, share func(peer string) float64) {
	of := func(peer string) []float64 { return []float64{max(0.001, share(peer))} }
	sec.compare(what, peers, func(peer string) summary { return ratios(of(peer), of(holdfastName)) })
}

func (b *bench) floods(sec *section, capacity int) {
	t := newTable(
		fmt.Sprintf("Of the returning users, how many lose their session to a flood? Capacity %s sessions", count(capacity)), "peer", b.bounded(),
		"Half the capacity belongs to users who came three times. While they are away, sessions that nobody uses again are stored, so many times the capacity.",
		"A dash: the peer cannot be given that size.")
	t.column("eviction", func(peer string) string { return find(allPeers, peer).policy })
	for _, times := range []int{1, 10, 100} {
		s := samples{}
		b.eachPeer(b.bounded(), s, 1, "", func(peer string) measurement { return flood{peer, capacity, times} })
		lost := func(peer string) float64 { return s.median(peer, "share") }
		t.column(fmt.Sprintf("lost after %d ×", times), func(peer string) string { return percent(lost(peer)) })
		sec.compareShares(fmt.Sprintf("users lost to a flood of %d times the capacity", times), b.bounded(), lost)
	}
	sec.Tables = append(sec.Tables, t)
}
