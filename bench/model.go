package main

import (
	"container/heap"
	"math"
	"math/rand/v2"
	"time"
)

// model describes the visitors of a site.
//
// New visitors arrive as a Poisson process. A share of them, crawlers and
// people who leave at once, make one request and never return. The others make
// a geometric number of visits. A visit is a geometric number of clicks with
// exponential pauses, and between two visits lies a log-normal absence.
//
// A visitor's session has a TTL from its last request: a short one, or a long
// one for visitors who ticked "remember me". A visitor who returns after it
// gets a new session, which has a new ID in a cache.
type model struct {
	newVisitors float64 // a second
	onceOnly    float64 // share of them

	clicks float64       // mean of a visit
	pause  time.Duration // mean between two clicks

	visits        float64       // mean of a returning visitor
	absence       time.Duration // median between two visits
	absenceSpread float64       // standard deviation of its logarithm

	shortTTL, longTTL time.Duration
	remembered        float64 // share of visitors with the long TTL
}

// site is the model that the benchmark uses.
var site = model{
	newVisitors: 2.5, onceOnly: 0.6,
	clicks: 6, pause: 30 * time.Second,
	visits: 5, absence: 4 * time.Hour, absenceSpread: 1.5,
	shortTTL: 30 * time.Minute, longTTL: 7 * 24 * time.Hour, remembered: 0.4,
}

// visitor is a person or a crawler with a request to come.
type visitor struct {
	due     float64 // seconds since the site opened
	ends    float64 // when the session expires without a request
	session int     // -1 before the first request
	ttl     float64
	clicks  int // left in this visit
	visits  int // left after this one
}

// generate returns the first requests of the site since its opening. The same
// seed gives the same requests.
func (m model) generate(requests int, seed uint64) trace {
	g := generator{model: m, rng: rand.New(rand.NewPCG(seed, 0))}
	g.due.before = func(a, b *visitor) bool { return a.due < b.due }
	arrival := 0.0
	for len(g.trace.requests) < requests {
		for len(g.due.items) == 0 || arrival <= g.due.items[0].due {
			heap.Push(&g.due, g.arrive(arrival))
			arrival += g.rng.ExpFloat64() / m.newVisitors
		}
		g.serve(heap.Pop(&g.due).(*visitor))
	}
	return g.trace
}

type generator struct {
	model
	rng   *rand.Rand
	due   queue[*visitor]
	trace trace
}

func (g *generator) arrive(at float64) *visitor {
	v := &visitor{due: at, session: -1, ttl: g.shortTTL.Seconds(), clicks: 1}
	if g.rng.Float64() >= g.onceOnly {
		v.clicks = g.geometric(g.clicks)
		v.visits = g.geometric(g.visits) - 1
	}
	if g.rng.Float64() < g.remembered {
		v.ttl = g.longTTL.Seconds()
	}
	return v
}

// serve makes the visitor's request and plans the next one.
func (g *generator) serve(v *visitor) {
	if v.session < 0 || v.due > v.ends {
		v.session = g.trace.objects
		g.trace.objects++
	}
	g.trace.requests = append(g.trace.requests, uint32(v.session))
	v.ends = v.due + v.ttl
	v.clicks--
	switch {
	case v.clicks > 0:
		v.due += g.rng.ExpFloat64() * g.pause.Seconds()
	case v.visits > 0:
		v.visits--
		v.clicks = g.geometric(g.clicks)
		v.due += g.absence.Seconds() * math.Exp(g.absenceSpread*g.rng.NormFloat64())
	default:
		return
	}
	heap.Push(&g.due, v)
}

// geometric draws a number of 1 or more with that mean.
func (g *generator) geometric(mean float64) int {
	return 1 + int(math.Log(1-g.rng.Float64())/math.Log(1-1/mean))
}
