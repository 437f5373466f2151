package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// replay requests a whole trace from a new peer of each capacity. The figures
// of a capacity are "misses", the share of requests that miss, and "held", the
// sessions in the peer at the end by the capacity. They are NaN if the peer
// cannot be given that capacity.
type replay struct {
	Peer       string
	Source     source
	Capacities []int
}

func (m replay) measure(*child) figures {
	t, f := m.Source.load(), figures{}
	value, r := newValue(centreValueLen, 1), newReader(centreValueLen)
	for _, capacity := range m.Capacities {
		key := count(capacity)
		f["misses "+key], f["held "+key] = math.NaN(), math.NaN()
		p, ok := ofCapacity(m.Peer, capacity)
		if !ok {
			continue
		}
		misses := 0
		for _, session := range t.requests {
			if !request(p, int(session), value, r) {
				misses++
			}
		}
		f["misses "+key] = float64(misses) / float64(len(t.requests))
		f["held "+key] = float64(countKept(p, t.objects, centreValueLen)) / float64(capacity)
		p.close()
	}
	return f
}

// realTraces is the part about recorded requests.
func (b *bench) realTraces() section {
	sec := section{Title: "Real traces", Intro: `Recorded requests instead of the model of a site, with caches of several sizes, in per cent of the trace's keys. Measured as in the section before.`}
	if b.traces == nil {
		sec.Missing = append(sec.Missing, "recorded requests: no -trace names a file or a directory")
	}
	for _, source := range b.traces {
		b.replays(&sec, source)
	}
	return sec
}

// replays replays one source on all peers with a cap, and on the references.
func (b *bench) replays(sec *section, source source) {
	t, err := attempt(source.load)
	if err != nil {
		sec.Missing = append(sec.Missing, err.Error())
		return
	}
	s, peers, bounds := samples{}, b.bounded(), []string{optimum}
	var capacities []int
	for _, percent := range b.capacities {
		capacity := max(1, int(percent*float64(t.objects)/100))
		if slices.Contains(capacities, capacity) {
			continue
		}
		capacities = append(capacities, capacity)
		add := func(name string, hits int) {
			s.add(name, "misses "+count(capacity), 1-float64(hits)/float64(len(t.requests)))
		}
		add(optimum, belady(t.requests, capacity))
		for _, r := range references {
			add(r.name, hits(r.open(capacity), t.requests))
		}
	}
	for _, r := range references {
		bounds = append(bounds, r.name)
	}
	b.eachPeer(peers, s, 1, "", func(peer string) measurement { return replay{peer, source, capacities} })

	sec.addHits(source, t, capacities, bounds, peers, s)
}

const optimum = "optimum"

// addHits adds the table, the chart and the comparisons of a replay.
func (sec *section) addHits(source source, t trace, capacities []int, bounds, peers []string, s samples) {
	hits := newTable(
		fmt.Sprintf("Which share of the requests finds its session? %s, %s requests for %s sessions", source.Name, count(len(t.requests)), count(t.objects)),
		"cache of so many sessions", slices.Concat(bounds, peers),
		"Hits by requests, in per cent; a session's first request cannot hit. The first rows are simulations: Belady's optimum, which knows the future, and published policies.",
		"A dash: the peer cannot be given that size. An exclamation mark: the peer has more hits than the optimum, or holds over 1 % more sessions than the capacity, and is not compared.")
	drawing := chart{
		File:  "hits-" + strings.ReplaceAll(source.Name, " ", "-"),
		Title: "Requests that find their session: " + source.Name,
		X:     "per cent over sessions that the cache holds",
		Marks: capacities,
	}
	for _, row := range slices.Concat(peers, bounds) {
		drawing.Lines = append(drawing.Lines, line{Label: row})
	}
	for _, capacity := range capacities {
		key := count(capacity)
		misses := func(row string) float64 { return s.median(row, "misses "+key) }
		exceeds := func(row string) bool {
			return misses(row) < misses(optimum) || s.median(row, "held "+key) > mostHeld
		}
		hits.column(key, func(row string) string {
			text := number(100 * (1 - misses(row)))
			if exceeds(row) {
				text += " !"
			}
			return text
		})
		sec.compareShares(fmt.Sprintf("misses of a cache of %s sessions, %s", key, source.Name), peers, func(peer string) float64 {
			if exceeds(peer) {
				return math.NaN()
			}
			return misses(peer)
		})
		for i, l := range drawing.Lines {
			drawing.Lines[i].Percents = append(l.Percents, 100*(1-misses(l.Label)))
		}
	}
	sec.Tables = append(sec.Tables, hits)
	if source.File == "" {
		sec.Charts = append(sec.Charts, drawing)
	}
}

// mostHeld is the share of the capacity that a peer may hold at the end of a
// replay. Above 1, because the sessions of a trace fill shards otherwise than
// those by which the cap was adjusted.
const mostHeld = 1.01
