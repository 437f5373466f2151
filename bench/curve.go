package main

import (
	"fmt"
	"math"
	"time"

	"github.com/holdfast-go/holdfast/cache"
)

// curve is the part about Stats.Curve, the hit ratio that a cache predicts for
// other caps. The figures to compare with are those of caches with these caps.
func (b *bench) curve() section {
	sec := section{Title: "How large should the cap be?", Intro: `Stats.Curve estimates the hit ratio at a quarter, half, twice and four times the cap while the cache works. Here caches of
these five caps serve the same requests, and the curve of the middle one is compared with the hit ratios of all. A trace of few sessions is replayed by many sites at once, with sessions of their own, since a sample needs many.`}
	t := newTable("How far is the curve from the caches that it predicts?", "requests", nil,
		"Hits by requests, in per cent: of a cache with that cap, and in parentheses by the curve. A request whose session is not found stores it.",
		"Error: the mean distance of the five points, in percentage points. The middle point is the cache's own hit ratio.",
		"LRU: with Options.Protected negative, so that the curve's model and the cache have the same order of eviction.")
	t.Columns = append(t.Columns, "cap", "¼", "½", "1", "2", "4", "error")
	site := source{Name: "session traffic", Requests: pick(b, 200_000, 1_000_000), Seed: b.seed}
	for _, source := range append([]source{site}, b.traces...) {
		requests, err := attempt(source.load)
		if err != nil {
			sec.Missing = append(sec.Missing, err.Error())
			continue
		}
		requests = requests.bySites(pick(b, 20_000, 200_000))
		for _, policy := range []string{"", ", LRU"} {
			b.step("%s%s", source.Name, policy)
			o := cache.Options{MaxBytes: int64(requests.objects) / 10 * curveEntry, MaxValue: 4 << 10}
			if policy != "" {
				o.Protected = -1
			}
			t.row(append([]string{source.Name + policy, size(o.MaxBytes)}, predict(o, requests)...)...)
		}
	}
	sec.Tables = append(sec.Tables, t)
	return sec
}

// curveEntry is about the memory of one session in the cache.
const curveEntry = idLen + centreValueLen + 45

// predict returns the cells of the five caps, and of the mean error.
func predict(o cache.Options, t trace) (cells []string) {
	hits, curve := [5]float64{}, [5]cache.CurvePoint{}
	for i, factor := range []float64{0.25, 0.5, 1, 2, 4} {
		o := o
		o.MaxBytes = int64(float64(o.MaxBytes) * factor)
		stats := serveAll(o, t)
		if hits[i] = stats.HitRatio(); factor == 1 {
			curve = stats.Curve
		}
	}
	distance := 0.0
	for i, point := range curve {
		if point.MaxBytes == 0 {
			point.HitRatio = math.NaN() // too few requests for a curve
		}
		distance += 100 * math.Abs(point.HitRatio-hits[i]) / float64(len(curve))
		cells = append(cells, fmt.Sprintf("%s (%s)", number(100*hits[i]), number(100*point.HitRatio)))
	}
	return append(cells, number(distance))
}

// serveAll returns the numbers of a new cache after all requests.
func serveAll(o cache.Options, t trace) cache.Stats {
	c := must(cache.New(o))
	defer c.Close()
	value, buf, id := newValue(centreValueLen, 1), make([]byte, 0, centreValueLen), make([]byte, 0, idLen)
	for _, session := range t.requests {
		id = appendID(id[:0], uint64(session))
		if _, ok := c.Append(buf, string(id)); !ok {
			check(c.Set(string(id), value, 24*time.Hour))
		}
	}
	return c.Stats()
}

// bySites returns the requests of as many sites as are needed for so many
// sessions. Each site repeats the trace from another point on, with sessions of
// its own.
func (t trace) bySites(sessions int) trace {
	sites := (sessions + t.objects - 1) / t.objects
	all := trace{requests: make([]uint32, 0, sites*len(t.requests)), objects: sites * t.objects}
	for i := range t.requests {
		for site := range sites {
			at := (i + site*len(t.requests)/sites) % len(t.requests)
			all.requests = append(all.requests, t.requests[at]+uint32(site*t.objects))
		}
	}
	return all
}
