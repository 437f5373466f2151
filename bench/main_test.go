package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"
)

// The test program is its own child, as the benchmark program is.
func TestMain(m *testing.M) {
	if isChild() {
		if err := serve(); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func newBench(t *testing.T, args ...string) *bench {
	t.Helper()
	b, err := parse(args)
	if err != nil {
		t.Fatal(err)
	}
	b.progress = io.Discard
	return b
}

// The parts that need no Node, from the flags to the report.
func TestMeasure(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	b := newBench(t, "-quick", "-rounds", "1", "-peers", "phuslu,xsync.Map,holdfast", "-only", "gc,speed,survival")
	r, err := b.measure()
	if err != nil {
		t.Fatal(err)
	}
	var titles []string
	for _, s := range r.Sections {
		titles = append(titles, s.Title)
		for _, table := range s.Tables {
			for _, row := range table.Rows {
				if len(row) != len(table.Columns) {
					t.Errorf("%s: row %q does not fit columns %q", table.Question, row, table.Columns)
				}
			}
		}
	}
	if want := []string{"Speed", "Garbage collection", "Floods and hit ratios"}; !slices.Equal(titles, want) {
		t.Errorf("sections %q, want %q", titles, want)
	}
	var names []string
	for _, row := range r.Sections[0].Tables[0].Rows {
		names = append(names, row[0])
	}
	if want := []string{"holdfast", "phuslu", "xsync.Map"}; !slices.Equal(names, want) {
		t.Errorf("rows %q, want %q", names, want)
	}
	if err := r.write(t.TempDir()); err != nil {
		t.Error(err)
	}
}

// A run that ends early reports the finished parts.
func TestMeasure_interrupted(t *testing.T) {
	b := newBench(t, "-only", "gc,memory")
	ctx, cancel := context.WithCancel(b.ctx)
	cancel()
	b.ctx = ctx
	r, err := b.measure()
	last := r.Facts[len(r.Facts)-1]
	if err == nil || last.Name != "missing" || !strings.Contains(last.Value, "memory, gc") {
		t.Errorf("the run ends with %v, %v", last, err)
	}
}

func TestFacts(t *testing.T) {
	host, err := os.Hostname()
	if err != nil {
		t.Skip(err)
	}
	b := newBench(t)
	for _, f := range b.facts() {
		if f.Value == "" || strings.Contains(f.Value, host) {
			t.Errorf("%s: %q", f.Name, f.Value)
		}
	}
	if machineMemory() < 1<<28 {
		t.Errorf("the machine has %d bytes of memory", machineMemory())
	}
}

func TestParse(t *testing.T) {
	b := newBench(t)
	if len(b.peers) != len(allPeers) || b.rounds != 3 || b.memory <= 0 {
		t.Errorf("without flags: %+v", b)
	}
	b = newBench(t, "-peers", "otter", "-cell", "10k,64,uniform,1", "-cell", "8M,256,zipf,4")
	if names := names(b.peers); !slices.Equal(names, []string{holdfastName, "otter"}) {
		t.Errorf("peers: %v", names)
	}
	want := []cell{{10_000, 64, uniform, 1, opGet, false}, {8_000_000, 256, zipf, 4, opGet, false}}
	if !slices.Equal(b.cells, want) || len(b.plan()) != 2*7 {
		t.Errorf("cells: %v of %v, want 14 of %v", b.plan(), b.cells, want)
	}
}

func TestParse_refuses(t *testing.T) {
	for _, args := range [][]string{
		{"quick"}, {"-only", "everything"}, {"-peers", "nobody"}, {"-rounds", "0"}, {"-cell", "many,64,zipf,1"}, {"-cell", "1k,64,zipf"},
		{"-cell", "0,64,zipf,1"}, {"-cell", "1k,1G,zipf,1"}, {"-cell", "1k,64,normal,1"}, {"-cell", "1k,64,zipf,-1"},
	} {
		if _, err := parse(args); err == nil || errors.Is(err, flag.ErrHelp) {
			t.Errorf("%v gave the error %v", args, err)
		}
	}
}

// The plan has no cell twice, and varies gets at the centre from one goroutine
// to all processors.
func TestPlan(t *testing.T) {
	cells := newBench(t).plan()
	seen := make(map[cell]bool)
	for _, c := range cells {
		if seen[c] {
			t.Errorf("%v is planned twice", c)
		}
		seen[c] = true
	}
	for _, want := range []cell{
		{10_000, 256, zipf, procs(), opGet, false}, {1_000_000, 64, zipf, procs(), opSet, false},
		{100_000, 4096, zipf, procs(), opMixed, false}, {1_000_000, 256, zipf, procs(), opAbsent, false},
		{1_000_000, 256, hot, 1, opGet, false}, {1_000_000, 256, hot, procs(), opGet, false},
		{1_000_000, 256, uniform, 1, opGet, false}, {1_000_000, 256, uniform, procs(), opGet, false},
	} {
		if !seen[want] {
			t.Errorf("the plan lacks %v", want)
		}
	}
	for n, want := range map[int][]int{1: {1}, 2: {1, 2}, 6: {1, 2, 4, 6}, 8: {1, 2, 4, 8}} {
		if got := doublings(n); !slices.Equal(got, want) {
			t.Errorf("doublings(%d) = %v, want %v", n, got, want)
		}
	}
}

func TestStep(t *testing.T) {
	var out bytes.Buffer
	b := bench{progress: &out, part: "speed", started: time.Now().Add(-90 * time.Second)}
	for range 100 {
		b.step("get, round %d", 1)
	}
	if want := " 1m30s  speed: get, round 1\n"; out.String() != want {
		t.Errorf("printed %q, want %q", out.String(), want)
	}
}

func TestProcess(t *testing.T) {
	p := start(context.Background(), "child")
	p.pauses = true
	p.run(fill{holdfastName, roomy(100, 64), 100, 64, 1})
	// The child keeps its peer from one measurement to the next.
	if f := p.run(accesses{cell{100, 64, zipf, 1, opGet, false}, 10, 1}); f["found"] != 1 {
		t.Errorf("accesses: %v", f)
	}
	run := func(m measurement) error {
		_, err := attempt(func() figures { return p.run(m) })
		return err
	}
	if err := run(fill{Peer: "nobody"}); err == nil || !strings.Contains(err.Error(), `there is no "nobody"`) {
		t.Errorf("the child's error came back as %v", err)
	}
	if run(fill{}) == nil {
		t.Error("a child that has failed answered")
	}
}

// A measurement that cannot be carried out is an error, not a figure.
func TestMeasurement_errors(t *testing.T) {
	for _, m := range []measurement{
		fill{Peer: "nobody"}, pressure{Peer: "nobody", Cap: 1 << 20}, collecting{Peer: "nobody"},
		flood{Peer: "nobody"}, accesses{cell{Goroutines: 2}, 1, 1}, visit{App: "nobody"}, replay{Source: source{File: "missing.lis"}},
	} {
		if f, err := attempt(func() figures { return m.measure(new(child)) }); err == nil || f != nil {
			t.Errorf("%T: %v, %v", m, f, err)
		}
	}
}

func TestResident(t *testing.T) {
	const size = 64 << 20
	before := resident()
	block := make([]byte, size)
	for i := 0; i < len(block); i += 4096 {
		block[i] = 1
	}
	grown := resident() - before
	if block[4096] != 1 || grown < size/2 {
		t.Errorf("%d bytes were written, the resident set grew by %d", size, grown)
	}
	if peakResident() < before+grown/2 {
		t.Error("the peak is below a measured resident set")
	}
}

func TestSessionID(t *testing.T) {
	seen := make(map[string]bool)
	for n := range 10_000 {
		id := sessionID(n)
		if len(id) != idLen || seen[id] {
			t.Fatalf("session %d has the ID %q, which has another length or is not unique", n, id)
		}
		seen[id] = true
	}
}

func TestNewValue(t *testing.T) {
	a, b := newValue(21, 1), newValue(21, 2)
	if len(a) != 21 || slices.Equal(a, b) || !slices.Equal(a, newValue(21, 1)) {
		t.Error("a value must have the given length and follow from the seed")
	}
}

func TestPicker_repeats(t *testing.T) {
	for _, d := range []string{zipf, uniform, hot} {
		a, b := newPicker(d, 1000, 7), newPicker(d, 1000, 7)
		seen := map[uint64]bool{}
		for range 100 {
			x, y := a.pick(), b.pick()
			if seen[x] = true; x != y || x >= 1000 {
				t.Fatalf("%s: %d and %d, want the same number below 1000", d, x, y)
			}
		}
		if (len(seen) <= hotSessions) != (d == hot) {
			t.Errorf("%s: 100 accesses are to %d sessions", d, len(seen))
		}
	}
}

// The k-th most popular session gets 1/k^s of the requests of the first.
func TestPicker_zipf(t *testing.T) {
	const n, draws = 1000, 2_000_000
	p := newPicker(zipf, n, 1)
	var count [n]float64
	for range draws {
		count[p.pick()]++
	}
	for _, k := range []uint64{2, 10, 100} {
		got := count[scatter(0, n)] / count[scatter(k-1, n)]
		want := math.Pow(float64(k), zipfExponent)
		if math.Abs(got/want-1) > 0.1 {
			t.Errorf("rank 1 was drawn %.1f times as often as rank %d, want %.1f", got, k, want)
		}
	}
}

func TestScatter(t *testing.T) {
	for _, n := range []uint64{1, 2, 10, 10_000, 1_000_000} {
		seen := make([]bool, n)
		for i := range n {
			seen[scatter(i, n)] = true
		}
		if slices.Contains(seen, false) {
			t.Errorf("scatter is no bijection below %d", n)
		}
	}
}

func TestSequence(t *testing.T) {
	var s sequence
	s.draw(newPicker(hot, 50, 4), 30, 0)
	s.draw(newPicker(uniform, 50, 3), 20, 1000)
	again := newPicker(uniform, 50, 3)
	if s.len() != 20 {
		t.Fatalf("the length is %d, want 20", s.len())
	}
	for i := range s.len() {
		if want := sessionID(1000 + int(again.pick())); s.at(i) != want {
			t.Errorf("ID %d is %s, want %s", i, s.at(i), want)
		}
	}
}

// Every peer finds its sessions, and no others. The reused buffer catches a
// peer that does not copy.
func TestPeers(t *testing.T) {
	for _, info := range allPeers {
		t.Run(info.name, func(t *testing.T) {
			t.Parallel()
			const sessions, valueLen = 100, 256
			p := info.open(config{Bytes: 64 << 20, Entries: 4096, EntryLen: idLen + valueLen, MaxValue: valueLen, TTL: time.Hour})
			defer p.close()
			if info.expires != (p.touch != nil) {
				t.Fatalf("expires is %v", info.expires)
			}
			buf := make([]byte, valueLen)
			for n := range sessions {
				copy(buf, newValue(valueLen, uint64(n)))
				p.set(sessionID(n), buf)
			}
			clear(buf)
			r := newReader(valueLen)
			// ristretto stores in the background.
			for deadline := time.Now().Add(time.Minute); countKept(p, sessions, valueLen) < sessions && time.Now().Before(deadline); {
				time.Sleep(time.Millisecond)
			}
			for n := range sessions {
				var want reader
				want.read(newValue(valueLen, uint64(n)))
				r.sum = 0
				if !p.get(sessionID(n), r) || r.sum != want.sum {
					t.Fatalf("session %d was lost or changed", n)
				}
				if p.touch != nil && !p.touch(sessionID(n)) {
					t.Fatalf("session %d could not be touched", n)
				}
			}
			if p.get(sessionID(sessions), r) || p.touch != nil && p.touch(sessionID(sessions)) {
				t.Error("a session was found that had never been stored")
			}
		})
	}
}

func TestReader(t *testing.T) {
	r := newReader(0)
	r.read(bytes.Repeat([]byte{1}, 130))
	if r.sum != 3 {
		t.Errorf("130 bytes were read as %d cache lines, want 3", r.sum)
	}
}

// Every app finds its session again, and none without a cookie: an app that
// does nothing would be fast.
func TestApps(t *testing.T) { testApps(t, sessionApps) }

func testApps(t *testing.T, apps []appInfo) {
	for _, info := range apps {
		t.Run(info.name, func(t *testing.T) {
			a := info.open()
			cookie := a.do(loginPage, "")
			if cookie == "" {
				t.Fatal("login set no cookie")
			}
			if set := a.do(writePage, cookie); set != "" {
				cookie = set
			}
			for _, request := range [][2]string{{readPage, cookie}, {countPage, cookie}, {readPage, ""}, {otherPage, ""}} {
				a.do(request[0], request[1])
				status := 0
				switch a := a.(type) {
				case *handlerApp:
					status = a.status
				case *fiberApp:
					status = a.ctx.Response.StatusCode()
				}
				if status != 200 {
					t.Errorf("%s with the cookie %q: status %d", request[0], request[1], status)
				}
			}
		})
	}
}

func TestFill(t *testing.T) {
	for passes := range 3 {
		var c child
		got := fill{holdfastName, roomy(1000, 64), 1000, 64, passes}.measure(&c)
		if got["kept"] != 1 || (passes == 0) != (got["longest"] > 0 && got["seconds"] > 0) {
			t.Errorf("%d passes: %v", passes, got)
		}
		c.peer.close()
	}
}

func TestAccesses(t *testing.T) {
	var c child
	fill{holdfastName, roomy(500, 64), 500, 64, 1}.measure(&c)
	defer c.peer.close()
	for op, found := range map[operation]float64{opGet: 1, opMixed: 1, opSet: 1, opTouch: 1, opAbsent: 0} {
		for _, timed := range []bool{false, true} {
			f := accesses{cell{500, 64, zipf, 3, op, timed}, 900, 1}.measure(&c)
			if f["found"] != found || f["ns"] <= 0 || timed != (f["longest"] > 0) {
				t.Errorf("%v, timed %v: %v, want %v found", op, timed, f, found)
			}
		}
	}
}

func TestAddRound(t *testing.T) {
	round := func(ours, theirs []float64) samples {
		return samples{{holdfastName, "get: ns"}: ours, {"phuslu", "get: ns"}: theirs}
	}
	s := samples{}
	add := func(number int, took samples) {
		s.addRound(holdfastName, "get: ", number, took)
		s.addRound("phuslu", "get: ", number, took)
	}
	add(0, round([]float64{100, 100, 100}, []float64{120, 900, 130}))
	add(0, round([]float64{500, 500, 500}, nil)) // another group of peers
	add(1, round([]float64{200, 200, 200}, []float64{300, 300, 1}))
	if got, want := s.summary(holdfastName, "get: ns"), (summary{150, 100, 200, 2}); got != want {
		t.Errorf("Holdfast's nanoseconds are %v, want %v", got, want)
	}
	if got, want := s.summary("phuslu", "get: ratio"), (summary{1.4, 1.3, 1.5, 2}); got != want {
		t.Errorf("the peer's ratio is %v, want %v", got, want)
	}
}

func TestSpeedSection(t *testing.T) {
	b := newBench(t, "-peers", "fastcache,phuslu")
	get := cell{1000, 64, zipf, 2, opGet, false}
	touch, single, large := get, get, get
	touch.Op, single.Timed, large.Sessions = opTouch, true, 8_000_000
	s := samples{}
	for _, c := range []cell{get, touch, single} {
		for _, peer := range names(b.peers) {
			if c.Op == opTouch && peer == "fastcache" {
				continue // has no TTL
			}
			s.addAll(peer, c.String()+": ", figures{"ns": 100, "ratio": 0.5, "median": 1, "longest": 5, "clock": 1})
			s.addAll(peer, c.String()+": ", figures{"ns": 100, "ratio": 0.5, "median": 3, "longest": 9, "clock": 1})
		}
	}
	s.add("fastcache", "kept of "+get.content(), 0.5)
	sec := b.speedSection([]cell{get, touch, single, large}, []string{"8.00 M sessions"}, s)
	text := fmt.Sprint(sec.Tables)
	for _, want := range []string{
		"[holdfast 100 ns 100 ns]", "[fastcache 0.50 (0.50–0.50) –]", "fastcache kept 50.0 %",
		"[phuslu 100 (100–100) 100 (100–100)]", "[phuslu 2 ns – – 9 ns]",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the tables lack %q: %v", want, text)
		}
	}
	if len(sec.Tables) != 3 || len(sec.Charts) != 1 || len(sec.Missing) != 1 || len(sec.Comparisons) != 3 {
		t.Errorf("%d tables, %d charts, %d missing and %d comparisons", len(sec.Tables), len(sec.Charts), len(sec.Missing), len(sec.Comparisons))
	}
}

// Throughput over one goroutine's is taken round by round.
func TestSpeedSection_scaling(t *testing.T) {
	b := newBench(t, "-peers", "phuslu")
	one, two := cell{1000, 64, hot, 1, opGet, false}, cell{1000, 64, hot, 2, opGet, false}
	s := samples{
		{holdfastName, one.String() + ": ns"}: {100, 200}, {holdfastName, two.String() + ": ns"}: {50, 100},
		{"phuslu", one.String() + ": ns"}: {100, 300}, {"phuslu", two.String() + ": ns"}: {100, 300},
		{arithmetic, "1 ns"}: {12}, {arithmetic, fmt.Sprint(procs(), " ns")}: {8},
	}
	sec := b.speedSection([]cell{one, two}, nil, s)
	scaling := sec.Tables[1]
	for i, want := range []string{"2.00 (2.00–2.00)", "1.00 (1.00–1.00)"} {
		if row := scaling.Rows[i]; len(row) != 2 || row[1] != want {
			t.Errorf("row %d is %q, want %s", i, row, want)
		}
	}
	if note := scaling.Notes[len(scaling.Notes)-1]; procs() > 1 && !strings.Contains(note, "1.50") {
		t.Errorf("the note is %q", note)
	}
	last := sec.Comparisons[len(sec.Comparisons)-1]
	if last.Peer != "phuslu" || last.Ratio.Median != 2 {
		t.Errorf("the last comparison is %v, want 2", last)
	}
}

// What goroutines write shares no cache line with what others read.
func TestNoSharedLines(t *testing.T) {
	var r reader
	var w worker
	for name, room := range map[string][2]uintptr{
		"reader": {unsafe.Offsetof(r.sum), unsafe.Sizeof(r) - unsafe.Offsetof(r.buf) - unsafe.Sizeof(r.buf)},
		"worker": {unsafe.Offsetof(w.ids), unsafe.Sizeof(w) - unsafe.Offsetof(w.took) - unsafe.Sizeof(w.took)},
	} {
		if min(room[0], room[1]) < cacheLine {
			t.Errorf("%s has %d bytes before its fields and %d behind them, want %d", name, room[0], room[1], cacheLine)
		}
	}
}

func TestAddArithmetic(t *testing.T) {
	s := samples{}
	addArithmetic(s)
	for _, goroutines := range doublings(procs()) {
		if took := s.of(arithmetic, fmt.Sprint(goroutines, " ns")); len(took) != 1 || took[0] <= 0 {
			t.Errorf("%d goroutines: %v", goroutines, took)
		}
	}
	t.Log(s)
}

func TestMixedLen(t *testing.T) {
	const largest, draws = 60_000, 200_000
	rng := newPicker(uniform, 1, 1).rng
	sum := 0
	for range draws {
		n := mixedLen(rng, largest)
		if n < smallest || n > largest {
			t.Fatalf("a length of %d", n)
		}
		sum += n
	}
	if got, want := float64(sum)/draws, float64(mixedMean(largest)); math.Abs(got/want-1) > 0.02 {
		t.Errorf("the lengths' mean is %.0f, mixedMean says %.0f", got, want)
	}
}

func TestPressure(t *testing.T) {
	for times := range 2 {
		if f := (pressure{holdfastName, 4 << 20, times}).measure(nil); f["peak"] <= 0 {
			t.Errorf("%d times: %v", times, f)
		}
	}
}

// Only peers with a TTL are measured.
func TestExpire(t *testing.T) {
	b, s := newBench(t, "-peers", "phuslu,fastcache"), samples{}
	b.expire(memoryPlan{expiring: 1000, ttl: time.Millisecond, wait: time.Millisecond}, s)
	for peer, want := range map[string]int{holdfastName: 1, "phuslu": 1, "fastcache": 0} {
		if len(s.of(peer, "expiry full")) != want || len(s.of(peer, "expiry after")) != want || s.median(peer, "expiry remains") < 1<<20 {
			t.Errorf("%s: %v", peer, s)
		}
	}
}

func TestMemorySection(t *testing.T) {
	b, s := newBench(t, "-peers", "phuslu,sync.Map", "-quick"), samples{}
	for _, peer := range names(b.peers) {
		s.addAll(peer, "", figures{"brim beyond": 50, "kept": 1, "seconds": 2, "p999": 3000, "longest": 4e6, "churn peak": 1.5, "growth peak": 2})
	}
	s.addAll("phuslu", "expiry ", figures{"full": 4 << 20, "after": 1 << 20, "remains": 1 << 20})
	s.addAll(holdfastName, "expiry ", figures{"full": 4 << 20, "after": -1, "remains": 2 << 20})
	sec := b.memorySection(b.memoryPlan(), s)
	text := fmt.Sprint(sec.Tables)
	for _, want := range []string{
		"[phuslu 50.0 100 % 2.00 s 3.00 µs 4.00 ms]", "[phuslu entries 1.50 2.00]",
		"[phuslu 4.00 MiB 1.00 MiB 75.0 %]", "[holdfast 4.00 MiB 0 B 100 %]", "[sync.Map – – has no TTL]",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the tables lack %q: %v", want, text)
		}
	}
	if n := len(sec.Comparisons); n != 7 { // 5 of phuslu, and 2 of sync.Map, which has neither cap nor TTL
		t.Errorf("%d comparisons, want 7: %v", n, sec.Comparisons)
	}
	if bars := sec.Charts[0].Bars; len(bars) != 2 {
		t.Errorf("the chart shows %v, want the peers with a cap", bars)
	}
}

func TestCollecting(t *testing.T) {
	var c child
	m := collecting{Peer: holdfastName, Sessions: 1000, PerSecond: 20_000, AtMost: 10 * time.Second}
	if f := m.measure(&c); !(f["collection"] > 0 && f["cores"] > 0 && f["cycles"] > 0) { // NaN is not enough
		t.Errorf("%v", f)
	}
	defer c.peer.close()
	m = collecting{Sessions: 1000, PerSecond: 1, AtMost: 20 * time.Millisecond}
	if f := m.stream(c.peer); !math.IsNaN(f["cores"]) || !math.IsNaN(f["cycles"]) {
		t.Errorf("without garbage: %v", f)
	}
}

func TestVisit(t *testing.T) {
	var c child
	if f := (visit{App: "bare net/http", Kind: reads, For: time.Millisecond}).measure(&c); f["ns"] <= 0 {
		t.Errorf("visit: %v", f)
	}
}

// A burst of noise in one visit does not move the figure.
func TestAddBeyondBare(t *testing.T) {
	took := samples{}
	for _, ns := range []float64{110, 9999, 130} {
		for _, a := range allApps {
			for _, kind := range kinds {
				f := figures{"ns": ns, "bytes": 50, "allocs": 5}
				if strings.HasPrefix(a.name, "bare") {
					f = figures{"ns": 10, "bytes": 20, "allocs": 1}
				}
				took.addAll(a.name, kind+": ", f)
			}
		}
	}
	s := samples{}
	s.addBeyondBare(sessionApps, kinds, took)
	sec := costSection(s)
	want := []string{"scs", "net/http", "memory", "0.12", "30.0", "4.00", "0.12", "30.0", "4.00", "0.12", "30.0", "4.00", "0.12", "30.0", "4.00"}
	if got := sec.Tables[0].Rows[1]; !slices.Equal(got, want) {
		t.Errorf("the row is %q, want %q", got, want)
	}
	if n := len(sec.Comparisons); n != 4*(len(sessionApps)-1) {
		t.Errorf("%d comparisons", n)
	}
}

func TestDrive(t *testing.T) {
	f := viewServer{2}.measure(nil)
	rate, err := drive(newBrowsers(fmt.Sprint(f["port"]), 4), 50*time.Millisecond, viewPage)
	if err != nil || rate <= 0 {
		t.Errorf("drive = %v, %v", rate, err)
	}
}
