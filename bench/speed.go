package main

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// operation is a kind of access to a session.
type operation int

const (
	opGet    operation = iota
	opMixed            // nine gets, then a set
	opSet              // of a stored session
	opTouch            // a restart of the TTL
	opAbsent           // get of an ID that is not stored
)

func (o operation) String() string {
	return [...]string{"get", "90/10", "set", "touch", "absent"}[o]
}

// cell is one combination that is measured.
type cell struct {
	Sessions, ValueLen int
	Distribution       string
	Goroutines         int
	Op                 operation
	Timed              bool // single operations
}

// content describes the filled peer.
func (c cell) content() string {
	return fmt.Sprintf("%s sessions of %s", count(c.Sessions), size(c.ValueLen))
}

// circumstance describes the cell without its operation and goroutines.
func (c cell) circumstance() string { return c.content() + ", " + c.Distribution }

// goroutines describes their number.
func (c cell) goroutines() string {
	if c.Goroutines == 1 {
		return "1 goroutine"
	}
	return fmt.Sprintf("%d goroutines", c.Goroutines)
}

func (c cell) String() string {
	op := c.Op.String()
	if c.Timed {
		op = "single " + op
	}
	return fmt.Sprintf("%s, %s, %s", op, c.circumstance(), c.goroutines())
}

// slice returns the number of operations of a slice. Copies of large values
// take as long as many operations.
func (c cell) slice() int { return min(300_000, 300<<20/c.ValueLen) }

// accesses is one slice of operations on the filled peer, all goroutines
// together. Its figures are nanoseconds an operation, elapsed time divided by
// operations, and the share of operations that found their session. If the cell
// is timed there are also the quantiles of single operations, and the cost of
// reading the clock, which each of them contains.
type accesses struct {
	Cell cell
	Ops  int
	Seed uint64
}

// latencies are the figures of single operations, and quantiles their
// quantiles.
var (
	latencies = []string{"median", "99 %", "99.9 %", "longest"}
	quantiles = []float64{0.5, 0.99, 0.999, 1}
)

// worker is a goroutine's state. It is kept from slice to slice, so that its
// creation leaves no garbage for the peer's measurement. It shares no cache
// line with another.
type worker struct {
	_      lineEnd
	ids    sequence
	drawn  draw // the IDs
	reader *reader
	value  []byte
	found  int
	took   []time.Duration // of single operations
	_      lineEnd
}

// draw is what the IDs of a worker follow from.
type draw struct {
	distribution            string
	sessions, offset, count int
	seed                    uint64
}

func (a accesses) measure(c *child) figures {
	goroutines := a.Cell.Goroutines
	if goroutines < 1 || a.Ops < goroutines {
		check(fmt.Errorf("%d operations cannot be shared by %d goroutines", a.Ops, goroutines))
	}
	for n := len(c.workers); n < goroutines; n++ {
		c.workers = append(c.workers, &worker{reader: newReader(a.Cell.ValueLen), value: newValue(a.Cell.ValueLen, uint64(n))})
	}
	var ready, done sync.WaitGroup
	ready.Add(goroutines)
	begin := make(chan struct{})
	for i, w := range c.workers[:goroutines] {
		done.Go(func() {
			w.prepare(a, i)
			ready.Done()
			<-begin
			w.work(a, c.peer)
		})
	}
	ready.Wait()
	start := time.Now()
	close(begin)
	done.Wait()
	took := time.Since(start)

	var single []time.Duration
	ops, found := 0, 0
	for _, w := range c.workers[:goroutines] {
		ops += w.ids.len()
		found += w.found
		single = append(single, w.took...)
	}
	f := figures{"ns": float64(took) / float64(ops), "found": float64(found) / float64(ops)}
	if a.Cell.Timed {
		for i, name := range latencies {
			f[name] = quantile(single, quantiles[i])
		}
		clock := make([]time.Duration, 10_000)
		for i := range clock {
			clock[i] = time.Since(time.Now())
		}
		f["clock"] = quantile(clock, 0.5)
	}
	return f
}

// prepare draws the IDs of goroutine i, unless it has them from another
// operation.
func (w *worker) prepare(a accesses, i int) {
	d := draw{a.Cell.Distribution, a.Cell.Sessions, 0, a.Ops / a.Cell.Goroutines, a.Seed + uint64(i)}
	if a.Cell.Op == opAbsent {
		d.offset = a.Cell.Sessions
	}
	if d != w.drawn {
		w.ids.draw(newPicker(d.distribution, d.sessions, d.seed), d.count, uint64(d.offset))
		w.drawn = d
	}
	w.found, w.took = 0, slices.Grow(w.took[:0], w.ids.len())
}

func (w *worker) work(a accesses, p peer) {
	for i := range w.ids.len() {
		var start time.Time
		if a.Cell.Timed {
			start = time.Now()
		}
		if w.do(a.Cell.Op, p, i) {
			w.found++
		}
		if a.Cell.Timed {
			w.took = append(w.took, time.Since(start))
		}
	}
}

// do carries out operation i, and reports whether it found its session. A set
// always finds its own.
func (w *worker) do(op operation, p peer, i int) bool {
	id := w.ids.at(i)
	switch {
	case op == opTouch:
		return p.touch(id)
	case op == opSet, op == opMixed && i%10 == 9:
		p.set(id, w.value)
		return true
	default:
		return p.get(id, w.reader)
	}
}

const centreSessions, centreValueLen = 1_000_000, 256

// parseCell reads the circumstance of the flag -cell, 100k,256,zipf,2 for
// example.
func parseCell(value string) (c cell, err error) {
	fields := strings.NewReplacer("k", "000", "M", "000000", ",", " ").Replace(value)
	_, err = fmt.Sscanln(fields, &c.Sessions, &c.ValueLen, &c.Distribution, &c.Goroutines)
	if err != nil || min(c.Sessions, c.ValueLen, c.Goroutines) < 1 || !slices.Contains([]string{zipf, uniform, hot}, c.Distribution) {
		return c, fmt.Errorf("%q is not sessions,value bytes,zipf or uniform or hot,goroutines such as 100k,256,zipf,2", value)
	}
	return c, nil
}

// plan returns the cells of the run: all operations in the circumstances of the
// flag -cell or, without it, in the centre, gets from 1, 2, 4 … goroutines
// there, and the essential operations with other contents.
func (b *bench) plan() (cells []cell) {
	add := func(c cell, ops ...operation) {
		for _, c.Op = range ops {
			cells = append(cells, c)
		}
	}
	centre := cell{pick(b, 20_000, centreSessions), centreValueLen, zipf, procs(), opGet, false}
	full := b.cells
	if full == nil {
		full = []cell{centre}
	}
	for _, c := range full {
		add(c, opGet, opMixed, opSet, opTouch, opAbsent)
		c.Timed = true
		add(c, opGet, opSet)
	}
	if b.cells != nil {
		return cells
	}
	for _, distribution := range []string{hot, uniform} {
		for _, goroutines := range doublings(procs()) {
			add(cell{centre.Sessions, centreValueLen, distribution, goroutines, opGet, false}, opGet)
		}
	}
	if b.quick {
		return cells
	}
	for _, s := range [][2]int{{10_000, 256}, {centreSessions, 64}, {100_000, 4096}} {
		add(cell{s[0], s[1], zipf, procs(), opGet, false}, opGet, opMixed, opSet)
	}
	return cells
}

// doublings returns 1, 2, 4 … up to n, and n.
func doublings(n int) (all []int) {
	for i := 1; i < n; i *= 2 {
		all = append(all, i)
	}
	return append(all, n)
}

func (b *bench) speed() section {
	plan, result := b.plan(), samples{}
	var missing []string
	for left := plan; len(left) > 0; {
		c, n := left[0], 1
		for n < len(left) && left[n].content() == c.content() {
			n++
		}
		rounds := b.rounds
		if c.content() != plan[0].content() {
			rounds = b.longRounds()
		}
		fitting := b.memory / childSize(c.Sessions, c.ValueLen)
		if fitting < 2 {
			missing = append(missing, c.content()+", for want of memory")
			rounds = 0
		}
		for round := range rounds {
			if b.cells == nil && c == plan[0] {
				addArithmetic(result)
			}
			b.speedRound(left[:n], round, int(fitting-1), result)
		}
		left = left[n:]
	}
	return b.speedSection(plan, missing, result)
}

// arithmetic is the peer that stands for the processors alone.
const arithmetic = "arithmetic"

// addArithmetic measures how long arithmetic takes that uses no memory, with
// each number of goroutines. No cache can scale better than that: a machine's
// processors may be halves of one core.
func addArithmetic(result samples) {
	const steps = 20_000_000
	for _, goroutines := range doublings(procs()) {
		var group sync.WaitGroup
		start := time.Now()
		for i := range goroutines {
			group.Go(func() {
				x := uint64(i)
				for range steps {
					x = mix(x)
				}
				sink.Store(x)
			})
		}
		group.Wait()
		result.add(arithmetic, fmt.Sprint(goroutines, " ns"), float64(time.Since(start))/float64(steps*goroutines))
	}
}

// sink keeps the compiler from leaving work out.
var sink atomic.Uint64

// speedRound starts, fills and measures all peers, as many at a time as fit
// into memory beside Holdfast. The cells have the same content.
func (b *bench) speedRound(cells []cell, round, fitting int, result samples) {
	for first := 1; first == 1 || first < len(b.peers); first += fitting {
		group := append(b.peers[:1:1], b.peers[first:min(first+fitting, len(b.peers))]...)
		b.speedGroup(group, cells, round, result)
	}
}

// speedGroup measures the passes of a round. A child is paused unless it
// measures.
func (b *bench) speedGroup(group []peerInfo, cells []cell, round int, result samples) {
	children, stop := b.startAll(names(group))
	defer stop()
	for _, p := range children {
		p.pauses = true
		sessions, valueLen := cells[0].Sessions, cells[0].ValueLen
		f := p.run(fill{p.name, roomy(sessions, valueLen), sessions, valueLen, 2})
		result.add(p.name, "kept of "+cells[0].content(), f["kept"])
	}
	took := b.inPasses(children, round, pick(b, 1, 3), names(cells), func(i, pass int, peer string) measurement {
		if cells[i].Op == opTouch && !find(allPeers, peer).expires {
			return nil
		}
		return accesses{cells[i], pick(b, 20_000, cells[i].slice()), b.seed + uint64(round)<<32 + uint64(pass)<<48}
	})
	for _, c := range cells {
		for _, info := range group {
			result.addRound(info.name, c.String()+": ", round, took)
		}
	}
}

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
	for _, figure := range slices.Concat(latencies, []string{"clock"}) {
		key := [2]string{name, cell + figure}
		s[key] = append(s[key], took[key]...)
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
	peers, centre := names(b.peers), cells[0].circumstance()
	times := newTable("How many nanoseconds? "+centre+", "+cells[0].goroutines(), "peer", peers)
	scaling := newTable("How does the throughput of gets grow with the goroutines?", "peer", peers,
		fmt.Sprintf("Gets a second, divided by those of one goroutine in the same round; the machine has %d processors. Hot: all goroutines get the same %d sessions.", procs(), hotSessions))
	if one := s.of(arithmetic, "1 ns"); one != nil {
		scaling.Notes = append(scaling.Notes, fmt.Sprintf("Arithmetic that uses no memory, from %d goroutines: %s. Nothing can scale better on this machine.",
			procs(), spread(summarize(quotients(one, s.of(arithmetic, fmt.Sprint(procs(), " ns")))))))
	}
	var single []table
	shown, one := "", cell{} // the circumstance of the last table, and its cell of one goroutine
	for _, c := range cells {
		key := c.String() + ": "
		if s.of(holdfastName, key+"ns") == nil {
			continue // it did not fit into memory
		}
		if c.Timed {
			single = append(single, latencyTable(c, peers, s))
			continue
		}
		if c.circumstance() != shown {
			shown, one = c.circumstance(), c
			sec.Tables = append(sec.Tables, newTable("How many times as long as Holdfast? "+shown, "peer", peers, lossyPeers(peers, c.content(), s)...))
		}
		ratio := func(peer string) summary { return s.summary(peer, key+"ratio") }
		sec.compare("time of "+c.String(), peers, ratio)
		sec.Tables[len(sec.Tables)-1].column(c.Op.String()+", "+c.goroutines(), func(peer string) string {
			if peer == holdfastName {
				return number(s.median(peer, key+"ns")) + " ns"
			}
			return spread(ratio(peer))
		})
		if c.Goroutines > one.Goroutines {
			growth := func(peer string) []float64 { return quotients(s.of(peer, one.String()+": ns"), s.of(peer, key+"ns")) }
			scaling.column(c.Distribution+", "+c.goroutines(), func(peer string) string { return spread(summarize(growth(peer))) })
			sec.compare("scaling of "+c.String(), peers, func(peer string) summary { return ratios(growth(holdfastName), growth(peer)) })
		}
		if shown != centre {
			continue
		}
		times.column(c.Op.String(), s.spreads(key+"ns", 1, ""))
		if c.Op == opGet || c.Op == opSet {
			sec.Charts = append(sec.Charts, barChart("speed-"+c.Op.String(), c.String(),
				"nanoseconds by operation (median, lowest and highest round)", s, peers, key+"ns", 1))
		}
	}
	for _, t := range append([]table{scaling, times}, single...) {
		if len(t.Columns) > 1 {
			sec.Tables = append(sec.Tables, t)
		}
	}
	return sec
}

// latencyTable has the quantiles of a single operation.
func latencyTable(c cell, peers []string, s samples) table {
	key := c.String() + ": "
	t := newTable(fmt.Sprintf("How long does a single %v take? %s, %s", c.Op, c.circumstance(), c.goroutines()), "peer", peers, fmt.Sprintf(
		"Each time contains about %s for reading the clock. The longest is the longest of all rounds.", duration(s.median(holdfastName, key+"clock"))))
	for _, figure := range latencies {
		t.column(figure, func(peer string) string {
			if figure == "longest" {
				return duration(s.summary(peer, key+figure).High)
			}
			return duration(s.median(peer, key+figure))
		})
	}
	return t
}

// lossyPeers are notes about peers that lost sessions although their cap had
// room: their misses are cheaper than hits.
func lossyPeers(peers []string, content string, s samples) (notes []string) {
	for _, peer := range peers {
		if kept := s.summary(peer, "kept of "+content).Low; kept < 0.995 {
			notes = append(notes, peer+" kept "+percent(kept)+" of the sessions it was filled with, though its cap had room.")
		}
	}
	return notes
}
