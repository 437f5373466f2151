// Package stock fills a peer with sessions, in a child process, and keeps it
// there for the measurements that follow.
package stock

import (
	"runtime"
	"sync"
	"time"

	"github.com/holdfast-go/holdfast/bench/internal/load"
	"github.com/holdfast-go/holdfast/bench/internal/peer"
	"github.com/holdfast-go/holdfast/bench/internal/stat"
)

// Task is the name of the child's task that fills a peer: its argument is an
// Order, its result a Receipt.
const Task = "fill"

// Order says what to fill with what.
type Order struct {
	Peer     string
	Sessions int
	ValueLen int
	TTL      time.Duration

	// Timed has one goroutine fill and time each Set. Otherwise all processors
	// fill together.
	Timed bool

	// Twice stores every session a second time. After that the heap has grown
	// to what it will be, and a ring of bytes is written and not new any more:
	// what is then measured goes on for as long as the server runs.
	Twice bool
}

// Receipt says what came of it.
type Receipt struct {
	Kept    int // sessions that could be read back afterwards
	Seconds float64

	// Of single Sets, if timed: the longest, and the one in a thousand.
	Longest, P999 time.Duration
}

// Stock is a peer with its sessions. There is one in a child, filled by Task.
type Stock struct {
	Peer  peer.Peer
	Order Order
}

// Roomy returns a configuration in which nothing is evicted: room for the
// sessions, a tenth more entries since shards fill unevenly, and generous bytes
// for bookkeeping.
func Roomy(sessions, valueLen int, ttl time.Duration) peer.Config {
	const (
		bookkeeping = 256
		spare       = 64 << 20
	)
	entry := load.IDLen + valueLen
	return peer.Config{
		Bytes:    spare + int64(sessions)*int64(entry+bookkeeping)*5/4,
		Entries:  sessions + sessions/10 + 1024,
		EntryLen: entry,
		MaxValue: valueLen,
		TTL:      ttl,
	}
}

// Fill carries out an order.
func (s *Stock) Fill(o Order) (Receipt, error) {
	p, err := peer.Open(o.Peer, Roomy(o.Sessions, o.ValueLen, o.TTL))
	if err != nil {
		return Receipt{}, err
	}
	s.Peer, s.Order = p, o

	var r Receipt
	start := time.Now()
	if o.Timed {
		r.Longest, r.P999 = s.fillTimed()
	} else {
		s.share(func(first, step int) { s.fill(first, step, nil) })
	}
	r.Seconds = time.Since(start).Seconds()
	if o.Twice {
		s.share(func(first, step int) { s.fill(first, step, nil) })
	}
	r.Kept = s.count()
	return r, nil
}

func (s *Stock) fillTimed() (longest, p999 time.Duration) {
	var l stat.Latencies
	s.fill(0, 1, &l)
	return l.Max(), l.Quantile(0.999)
}

// fill stores every step-th session.
func (s *Stock) fill(first, step int, times *stat.Latencies) {
	value := load.Value(s.Order.ValueLen, uint64(first))
	var id []byte
	for n := first; n < s.Order.Sessions; n += step {
		id = load.AppendID(id[:0], uint64(n))
		if times == nil {
			s.Peer.Set(string(id), value)
			continue
		}
		key := string(id)
		start := time.Now()
		s.Peer.Set(key, value)
		times.Record(time.Since(start))
	}
}

// count returns how many of the sessions can be read back.
func (s *Stock) count() int {
	var mu sync.Mutex
	total := 0
	s.share(func(first, step int) {
		r := peer.NewReader(s.Order.ValueLen)
		kept := 0
		for n := first; n < s.Order.Sessions; n += step {
			if s.Peer.Get(load.ID(uint64(n)), r) {
				kept++
			}
		}
		mu.Lock()
		total += kept
		mu.Unlock()
	})
	return total
}

// share runs f on each processor, with its share of the numbers.
func (s *Stock) share(f func(first, step int)) {
	var wg sync.WaitGroup
	step := runtime.GOMAXPROCS(0)
	for first := range step {
		wg.Go(func() { f(first, step) })
	}
	wg.Wait()
}
