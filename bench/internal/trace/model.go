package trace

import (
	"container/heap"
	"math"
	"math/rand/v2"
	"time"
)

// Model describes the visitors of a site.
//
// New visitors arrive as a Poisson process. A share of them, crawlers and
// people who leave at once, make one request and never return. The others make
// a geometric number of visits. A visit is a geometric number of clicks with
// exponential pauses, and between two visits lies a log-normal absence.
//
// A visitor's session has a TTL from its last request: a short one, or a long
// one for visitors who ticked "remember me". A visitor who returns after it
// gets a new session, which has a new ID in a cache.
type Model struct {
	NewVisitors float64 // a second
	OnceOnly    float64 // share of them

	Clicks float64       // mean of a visit
	Pause  time.Duration // mean between two clicks

	Visits        float64       // mean of a returning visitor
	Absence       time.Duration // median between two visits
	AbsenceSpread float64       // standard deviation of its logarithm

	ShortTTL, LongTTL time.Duration
	Remembered        float64 // share of visitors with the long TTL

	Length       int     // median length of a session's value in bytes
	LengthSpread float64 // standard deviation of its logarithm
}

// Site is the model that the benchmark uses.
var Site = Model{
	NewVisitors: 10, OnceOnly: 0.6,
	Clicks: 6, Pause: 30 * time.Second,
	Visits: 5, Absence: 4 * time.Hour, AbsenceSpread: 1.5,
	ShortTTL: 30 * time.Minute, LongTTL: 7 * 24 * time.Hour, Remembered: 0.4,
	Length: 256, LengthSpread: 0.8,
}

// MinLength and MaxLength bound a session's value in bytes.
const (
	MinLength = 64
	MaxLength = 8192
)

// visitor is a person or a crawler with a request to come.
type visitor struct {
	due     float64 // seconds since the site opened
	ends    float64 // when the session expires without a request
	session int     // -1 before the first request
	ttl     float64
	clicks  int // left in this visit
	visits  int // left after this one
}

// Generate returns the first requests of the site since its opening. The same
// seed gives the same requests.
func (m Model) Generate(requests int, seed uint64) Trace {
	g := generator{Model: m, rng: rand.New(rand.NewPCG(seed, 0))}
	g.due.before = func(a, b *visitor) bool { return a.due < b.due }
	arrival := 0.0
	for len(g.trace.Requests) < requests {
		for len(g.due.items) == 0 || arrival <= g.due.items[0].due {
			heap.Push(&g.due, g.arrive(arrival))
			arrival += g.rng.ExpFloat64() / m.NewVisitors
		}
		g.serve(heap.Pop(&g.due).(*visitor))
	}
	return g.trace
}

type generator struct {
	Model
	rng   *rand.Rand
	due   queue[*visitor]
	trace Trace
}

func (g *generator) arrive(at float64) *visitor {
	v := &visitor{due: at, session: -1, ttl: g.ShortTTL.Seconds(), clicks: 1}
	if g.rng.Float64() >= g.OnceOnly {
		v.clicks = g.geometric(g.Clicks)
		v.visits = g.geometric(g.Visits) - 1
	}
	if g.rng.Float64() < g.Remembered {
		v.ttl = g.LongTTL.Seconds()
	}
	return v
}

// serve makes the visitor's request and plans the next one.
func (g *generator) serve(v *visitor) {
	if v.session < 0 || v.due > v.ends {
		v.session = g.trace.Objects
		g.trace.Objects++
		length := float64(g.Length) * math.Exp(g.LengthSpread*g.rng.NormFloat64())
		g.trace.Lengths = append(g.trace.Lengths, uint16(min(max(length, MinLength), MaxLength)))
	}
	g.trace.Requests = append(g.trace.Requests, uint32(v.session))
	v.ends = v.due + v.ttl
	v.clicks--
	switch {
	case v.clicks > 0:
		v.due += g.rng.ExpFloat64() * g.Pause.Seconds()
	case v.visits > 0:
		v.visits--
		v.clicks = g.geometric(g.Clicks)
		v.due += g.Absence.Seconds() * math.Exp(g.AbsenceSpread*g.rng.NormFloat64())
	default:
		return
	}
	heap.Push(&g.due, v)
}

// geometric draws a number of 1 or more with that mean.
func (g *generator) geometric(mean float64) int {
	return 1 + int(math.Log(1-g.rng.Float64())/math.Log(1-1/mean))
}
