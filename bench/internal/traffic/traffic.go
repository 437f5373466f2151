// Package traffic makes up the requests of a site with sessions, from a stated
// model and a seed.
package traffic

import (
	"cmp"
	"container/heap"
	"math"
	"math/rand/v2"
	"time"

	"github.com/holdfast-go/holdfast/bench/internal/trace"
)

// Model describes a site's visitors.
//
// New visitors arrive as a Poisson process. A share of them, crawlers and
// people who leave at once, make one request and are never seen again. The
// others click, with exponential pauses, until they have made one visit of a
// geometric number of clicks; after a log-normal absence they come back for
// another visit, for a geometric number of visits.
//
// A visitor's session has a TTL from its last request: short, or long for those
// who ticked "remember me". Who comes back after it has ended gets a new
// session, which to a cache is a new ID.
type Model struct {
	NewVisitors float64 // a second
	OnceOnly    float64 // share of them

	Clicks float64       // mean of a visit
	Pause  time.Duration // mean between two clicks

	Visits        float64       // mean of a visitor who is not once-only
	Absence       time.Duration // median between two visits
	AbsenceSpread float64       // standard deviation of its logarithm

	ShortTTL, LongTTL time.Duration
	Remembered        float64 // share of visitors with the long TTL

	Length       int     // median length of a session's value
	LengthSpread float64 // standard deviation of its logarithm
}

// Default is the model that the benchmark uses.
var Default = Model{
	NewVisitors:   10,
	OnceOnly:      0.6,
	Clicks:        6,
	Pause:         30 * time.Second,
	Visits:        5,
	Absence:       4 * time.Hour,
	AbsenceSpread: 1.5,
	ShortTTL:      30 * time.Minute,
	LongTTL:       7 * 24 * time.Hour,
	Remembered:    0.4,
	Length:        256,
	LengthSpread:  0.8,
}

// The shortest and the longest value of a session.
const (
	MinLength = 64
	MaxLength = 8192
)

// visitor is somebody whose next request is due.
type visitor struct {
	due      float64 // seconds
	ends     float64 // when the session ends unless it is used
	session  uint32
	hasOne   bool
	ttl      float64
	clicks   int // left in this visit
	visits   int // left after this one
	onceOnly bool
}

// Generate returns the first so many requests of the site, from its opening on.
func (m Model) Generate(requests int, seed uint64) trace.Trace {
	g := generator{Model: m, rng: rand.New(rand.NewPCG(seed, 0))}
	arrival := 0.0
	for len(g.trace.Requests) < requests {
		for len(g.due) == 0 || arrival <= g.due[0].due {
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
	due   queue
	trace trace.Trace
}

func (g *generator) arrive(at float64) *visitor {
	v := &visitor{due: at, ttl: g.ShortTTL.Seconds(), clicks: 1, visits: 0}
	v.onceOnly = g.rng.Float64() < g.OnceOnly
	if !v.onceOnly {
		v.clicks = g.geometric(g.Clicks)
		v.visits = g.geometric(g.Visits) - 1
	}
	if g.rng.Float64() < g.Remembered {
		v.ttl = g.LongTTL.Seconds()
	}
	return v
}

// serve makes the request that is due and plans the visitor's next one.
func (g *generator) serve(v *visitor) {
	if !v.hasOne || v.due > v.ends {
		v.session = uint32(g.trace.Objects)
		v.hasOne = true
		g.trace.Objects++
		g.trace.Lengths = append(g.trace.Lengths, g.length())
	}
	g.trace.Requests = append(g.trace.Requests, v.session)
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

func (g *generator) length() uint16 {
	n := float64(g.Length) * math.Exp(g.LengthSpread*g.rng.NormFloat64())
	return uint16(min(max(n, MinLength), MaxLength))
}

// queue is a heap.Interface, the visitor who is due first in front.
type queue []*visitor

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return cmp.Less(q[i].due, q[j].due) }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)        { *q = append(*q, x.(*visitor)) }
func (q *queue) Pop() any {
	last := len(*q) - 1
	x := (*q)[last]
	*q = (*q)[:last]
	return x
}
