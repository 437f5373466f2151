package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The operations.
const (
	opGet    = "get"
	opMixed  = "90/10"  // nine gets, then a set
	opSet    = "set"    // of a stored session
	opTouch  = "touch"  // a restart of the TTL
	opAbsent = "absent" // get of an ID that is not stored
)

// accesses is one slice of operations on the filled peer, all goroutines
// together. Its figures are nanoseconds an operation, elapsed time divided by
// operations, and the share of operations that found their session.
type accesses struct {
	Op           string
	Distribution string
	Goroutines   int
	Ops          int
	Seed         uint64

	// Timed measures single operations and adds their quantiles, and the cost
	// of reading the clock, which each of them contains.
	Timed bool
}

// worker is a goroutine's state. It is kept from slice to slice, so that its
// creation leaves no garbage for the peer's measurement.
type worker struct {
	ids    sequence
	reader *reader
	value  []byte
	found  int
	took   []time.Duration // of single operations
}

func (a accesses) measure(c *child) figures {
	if a.Goroutines < 1 || a.Ops < a.Goroutines {
		panic(fmt.Errorf("%d operations cannot be shared by %d goroutines", a.Ops, a.Goroutines))
	}
	workers := a.prepare(c)
	var ready, done sync.WaitGroup
	begin := make(chan struct{})
	for _, w := range workers {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			<-begin
			w.work(c.peer, a)
		})
	}
	ready.Wait()
	start := time.Now()
	close(begin)
	done.Wait()
	took := time.Since(start)

	var single []time.Duration
	ops, found := 0, 0
	for _, w := range workers {
		ops += w.ids.len()
		found += w.found
		single = append(single, w.took...)
	}
	f := figures{"ns": float64(took) / float64(ops), "found": float64(found) / float64(ops)}
	if a.Timed {
		for figure, q := range map[string]float64{"median": 0.5, "99 %": 0.99, "99.9 %": 0.999, "longest": 1} {
			f[figure] = quantile(single, q)
		}
		clock := make([]time.Duration, 10_000)
		for i := range clock {
			clock[i] = time.Since(time.Now())
		}
		f["clock"] = quantile(clock, 0.5)
	}
	return f
}

// prepare draws the IDs of all goroutines.
func (a accesses) prepare(c *child) []*worker {
	for n := len(c.workers); n < a.Goroutines; n++ {
		c.workers = append(c.workers, &worker{reader: newReader(c.filled.ValueLen), value: newValue(c.filled.ValueLen, uint64(n))})
	}
	offset := 0
	if a.Op == opAbsent {
		offset = c.filled.Sessions
	}
	workers := c.workers[:a.Goroutines]
	var wg sync.WaitGroup
	for i, w := range workers {
		wg.Go(func() {
			w.ids.draw(newPicker(a.Distribution, c.filled.Sessions, a.Seed+uint64(i)), a.Ops/a.Goroutines, uint64(offset))
			w.found, w.took = 0, slices.Grow(w.took[:0], w.ids.len())
		})
	}
	wg.Wait()
	return workers
}

// work does one goroutine's share.
func (w *worker) work(p peer, a accesses) {
	do := w.do(p, a.Op)
	for i := range w.ids.len() {
		id := w.ids.at(i)
		if !a.Timed {
			if do(i, id) {
				w.found++
			}
			continue
		}
		start := time.Now()
		found := do(i, id)
		w.took = append(w.took, time.Since(start))
		if found {
			w.found++
		}
	}
}

// do returns a function that carries out operation i and reports whether the
// session was found. A set always finds its own.
func (w *worker) do(p peer, op string) func(i int, id string) bool {
	const setEvery = 10 // in opMixed
	get := func(_ int, id string) bool { return p.get(id, w.reader) }
	set := func(_ int, id string) bool { p.set(id, w.value); return true }
	switch op {
	case opSet:
		return set
	case opTouch:
		return func(_ int, id string) bool { return p.touch(id) }
	case opMixed:
		return func(i int, id string) bool {
			if i%setEvery == setEvery-1 {
				return set(i, id)
			}
			return get(i, id)
		}
	default:
		return get
	}
}

// cell is one combination that is measured.
type cell struct {
	circumstance
	op    string
	timed bool
}

// circumstance is a cell without its operation.
type circumstance struct {
	stored
	distribution string
	goroutines   int
}

// stored is the content of a peer while it is measured.
type stored struct{ sessions, valueLen int }

func (s stored) String() string {
	return fmt.Sprintf("%s sessions of %s", count(s.sessions), size(s.valueLen))
}

func (c circumstance) String() string {
	return fmt.Sprintf("%v, %s, %d goroutines", c.stored, c.distribution, c.goroutines)
}

func (c cell) String() string {
	if c.timed {
		return fmt.Sprintf("single %s, %v", c.op, c.circumstance)
	}
	return fmt.Sprintf("%s, %v", c.op, c.circumstance)
}

const (
	centreSessions = 1_000_000
	centreValueLen = 256
)

// parseCircumstance reads the value of the flag -cell, 100k,256,zipf,2 for
// example.
func parseCircumstance(value string) (c circumstance, err error) {
	fields := strings.Split(strings.NewReplacer("k", "000", "M", "000000").Replace(value), ",")
	if len(fields) == 4 {
		c.distribution = fields[2]
		for i, number := range []*int{&c.sessions, &c.valueLen, nil, &c.goroutines} {
			if number != nil && err == nil {
				*number, err = strconv.Atoi(fields[i])
			}
		}
	}
	if err != nil || min(c.sessions, c.valueLen, c.goroutines) < 1 || c.distribution != zipf && c.distribution != uniform {
		return c, fmt.Errorf("%q is not sessions,value bytes,zipf or uniform,goroutines such as 100k,256,zipf,2", value)
	}
	return c, nil
}

// plan returns the cells of the run: all operations in the circumstances of the
// flag -cell or, without it, in the centre, and the essential ones with the
// variations of one axis at a time.
func (b *bench) plan() (cells []cell) {
	full := b.cells
	var variations []circumstance
	if full == nil {
		n := procs()
		centre := circumstance{stored{pick(b, 20_000, centreSessions), centreValueLen}, zipf, n}
		full = []circumstance{centre}
		if !b.quick {
			for _, goroutines := range slices.Compact([]int{1, n, 2 * n, 4 * n}) {
				variations = append(variations, circumstance{centre.stored, zipf, goroutines})
			}
			variations = append(variations, circumstance{centre.stored, uniform, n})
			for _, s := range []stored{{10_000, 256}, {8_000_000, 256}, {centreSessions, 64}, {centreSessions, 4096}} {
				variations = append(variations, circumstance{s, zipf, n})
			}
		}
	}
	for _, c := range full {
		for _, op := range []string{opGet, opMixed, opSet, opTouch, opAbsent} {
			cells = append(cells, cell{c, op, false})
		}
		cells = append(cells, cell{c, opGet, true}, cell{c, opSet, true})
	}
	for _, c := range variations {
		for _, op := range []string{opGet, opMixed, opSet} {
			if c != full[0] {
				cells = append(cells, cell{c, op, false})
			}
		}
	}
	return cells
}

func (b *bench) speed() section {
	plan := b.plan()
	rounds := func(s stored) int {
		if s.sessions > centreSessions {
			return b.longRounds()
		}
		return b.rounds
	}
	for _, c := range plan {
		b.steps += rounds(c.stored) * len(b.peers) * pick(b, 1, 3)
	}
	result := samples{}
	var missing []string
	for left := plan; len(left) > 0; {
		s := left[0].stored
		n := slices.IndexFunc(left, func(c cell) bool { return c.stored != s })
		if n < 0 {
			n = len(left)
		}
		if fitting := b.memory / childSize(s.sessions, s.valueLen); fitting < 2 {
			missing = append(missing, s.String()+", for want of memory")
		} else {
			for round := range rounds(s) {
				b.speedRound(s, left[:n], round, int(fitting-1), result)
			}
		}
		left = left[n:]
	}
	return b.speedSection(plan, missing, result)
}

// speedRound starts, fills and measures all peers, as many at a time as fit
// into memory beside Holdfast. Holdfast's child stays for the whole round.
func (b *bench) speedRound(s stored, cells []cell, round, fitting int, result samples) {
	base := b.filled(holdfastName, s, result)
	defer base.close()
	groups := slices.Collect(slices.Chunk(b.peers[1:], fitting))
	if groups == nil {
		groups = [][]peerInfo{nil} // Holdfast alone
	}
	for _, group := range groups {
		b.speedGroup(base, group, s, cells, round, result)
	}
}

// filled returns a child with a filled peer. It is paused unless it measures.
func (b *bench) filled(name string, s stored, result samples) *process {
	p := start(b.ctx, name)
	p.pauses = true
	f := p.run(fill{Peer: name, Sessions: s.sessions, ValueLen: s.valueLen, TTL: longTTL, Twice: true})
	result.add(name, "kept of "+s.String(), f["kept"])
	return p
}

// speedGroup measures the passes of one round.
func (b *bench) speedGroup(base *process, group []peerInfo, s stored, cells []cell, round int, result samples) {
	members := []*process{base}
	for _, info := range group {
		p := b.filled(info.name, s, result)
		defer p.close()
		members = append(members, p)
	}
	var names []string
	for _, c := range cells {
		names = append(names, c.String())
	}
	took := b.inPasses(members, round, pick(b, 1, 3), names, func(i, pass int, peer string) measurement {
		c := cells[i]
		if c.op == opTouch && !findPeer(peer).expires {
			return nil
		}
		return accesses{
			Op: c.op, Distribution: c.distribution, Goroutines: c.goroutines, Timed: c.timed,
			Ops: pick(b, 20_000, 300_000), Seed: b.seed + uint64(round)<<32 + uint64(pass)<<48,
		}
	})
	for _, c := range cells {
		for _, p := range members {
			result.addRound(p.name, c.String()+": ", round, took)
		}
	}
}

// latencyColumns are the figures of single operations.
var latencyColumns = []string{"median", "99 %", "99.9 %", "longest"}

// addRound adds the median of the passes, and the median of their ratios to
// Holdfast's in the same pass. Holdfast is measured again with each group of
// peers, but its own row gets the first group's figures.
func (s samples) addRound(name, cell string, round int, took samples) {
	ns := took.of(name, cell+"ns")
	if len(ns) == 0 || len(s.of(name, cell+"ns")) > round {
		return
	}
	s.add(name, cell+"ns", median(ns))
	s.add(name, cell+"ratio", ratios(ns, took.of(holdfastName, cell+"ns")).Median)
	for _, figure := range append(latencyColumns, "clock") {
		for _, v := range took.of(name, cell+figure) {
			s.add(name, cell+figure, v)
		}
	}
}

const speedIntro = `Each peer runs in a process of its own. In each round all processes are started and filled anew; then they do
slices of the same operations one after the other, three of each kind (a quick run: one), in an order drawn anew each time, the others' processes being stopped meanwhile.
Holdfast's row is the median time by operation, elapsed time divided by operations; a peer's row is its time divided by
Holdfast's in the slice of the same number: of a round's three the median, of the rounds the median, and in parentheses the lowest and the
highest round. Above 1 Holdfast is faster. A found value is read once per cache line. Caches that keep references are handed a fresh copy of ID and value.`

// speedSection has a table of ratios for each circumstance. The first one, the
// centre, also has a table of times, charts, and tables of single operations.
func (b *bench) speedSection(cells []cell, missing []string, s samples) section {
	sec := section{Title: "Speed", Intro: speedIntro, Missing: missing}
	peers := b.peerNames()
	absolute := newTable("How many nanoseconds? "+cells[0].circumstance.String(), "peer", peers)
	var single []table
	for _, c := range cells {
		key := c.String() + ": "
		if s.of(holdfastName, key+"ns") == nil {
			continue // it did not fit into memory
		}
		if c.timed {
			single = append(single, newTable("How long does a single "+c.op+" take? "+c.circumstance.String(), "peer", peers,
				fmt.Sprintf("Each time contains about %s for reading the clock. The longest is the longest of all rounds.", duration(median(s.of(holdfastName, key+"clock"))))))
			for _, figure := range latencyColumns {
				single[len(single)-1].column(figure, func(peer string) string {
					if figure == "longest" {
						return duration(s.summary(peer, key+figure).High)
					}
					return duration(s.summary(peer, key+figure).Median)
				})
			}
			continue
		}
		question := "How many times as long as Holdfast? " + c.circumstance.String()
		if n := len(sec.Tables); n == 0 || sec.Tables[n-1].Question != question {
			sec.Tables = append(sec.Tables, newTable(question, "peer", peers, lossyPeers(peers, c.stored, s)...))
		}
		sec.Tables[len(sec.Tables)-1].column(c.op, func(peer string) string {
			if peer == holdfastName {
				return number(s.summary(peer, key+"ns").Median) + " ns"
			}
			return spread(s.summary(peer, key+"ratio"))
		})
		sec.compare("time of "+c.String(), peers, func(peer string) summary { return s.summary(peer, key+"ratio") })
		if c.circumstance == cells[0].circumstance {
			absolute.column(c.op, s.spreads(key+"ns", 1, ""))
			if c.op == opGet || c.op == opSet {
				sec.Charts = append(sec.Charts, barChart("speed-"+c.op, c.op+": "+c.circumstance.String(),
					"nanoseconds by operation (median, lowest and highest round)", s, peers, key+"ns", 1))
			}
		}
	}
	if sec.Tables != nil {
		sec.Tables = append(append(sec.Tables, absolute), single...)
	}
	return sec
}

// lossyPeers are notes about peers that lost sessions although their cap had
// room: their misses are cheaper than hits.
func lossyPeers(peers []string, stored stored, s samples) (notes []string) {
	const nearlyAll = 0.995
	for _, peer := range peers {
		kept := s.of(peer, "kept of "+stored.String())
		if len(kept) > 0 && kept[len(kept)-1] < nearlyAll {
			notes = append(notes, peer+" kept "+percent(kept[len(kept)-1])+" of the sessions it was filled with, though its cap had room.")
		}
	}
	return notes
}
