package tier_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/tier"
)

// steps returns the number of random steps of a test: n, or n times
// HOLDFAST_LONG.
func steps(n int) int {
	if times, err := strconv.Atoi(os.Getenv("HOLDFAST_LONG")); err == nil {
		return n * times
	}
	return n
}

// model is a run of random operations by several Stores on a few IDs. Each
// operation is recorded with its times, and the server records each change of
// an entry. After the run, check compares the two.
//
// Each written value is a token that names its writer and the token of the
// value that the writer saw, so the history of an entry must be a chain.
type model struct {
	options tier.Options
	stores  int
	network network
	wrap    func(*client, tier.Listener) tier.Database
	forgets bool                              // see server
	write   func(here *fixture) *fixture      // the Store that writes for another; nil: each for itself
	opened  func(t *testing.T, here *fixture) // nil, or called for each Store

	server *server
	seed   uint64
	number atomic.Uint64 // of the latest beginning or end of an operation
	mu     sync.Mutex
	done   []operation
	faults map[string]int // by their rule
	found  []string
}

// network is the behaviour of all clients of a model.
type network struct {
	request, reply, push time.Duration // the longest delays
	apart                bool          // see client
	faulty               int           // of a thousand commands
	breaks               time.Duration // between lost connections, on average; 0 is never
	swallows             time.Duration // between times in which nothing arrives
}

// operation is one call of a Store.
type operation struct {
	store      int
	id         string
	kind       string
	mayBeOld   bool // up to MaxStale
	saw        string
	found      bool
	wrote      []string // the tokens that the calls of an Update's function returned
	err        error
	began, end time.Time
	first      uint64 // numbers, which order beginnings and ends at one instant
	last       uint64
}

// The TTL is short enough for some entries to expire, and the slack is more
// than MaxStale.
const (
	modelTTL   = 40 * time.Second
	modelSlack = 2 * time.Second
	modelIDs   = 4
)

// value is a written value: its token, and the token that the writer saw: none
// if there was no entry, any for a Set.
func value(token, saw string) []byte { return []byte(token + " " + saw) }

func parseValue(v string) (token, saw string) {
	token, saw, _ = strings.Cut(v, " ")
	return token, saw
}

// run performs the steps in a bubble and checks the result. The model's faults
// are the broken rules.
func (m *model) run(t *testing.T, steps int) {
	m.seed = rand.Uint64()
	m.faults = make(map[string]int)
	synctest.Test(t, func(t *testing.T) { m.runInBubble(t, steps) })
}

func (m *model) runInBubble(t *testing.T, steps int) {
	random := rand.New(rand.NewPCG(m.seed, 0))
	m.server = newServer()
	m.server.forgets = m.forgets
	m.server.expiryIsLate = locked(between(random, 0, 10*time.Second))
	var stores []*fixture
	for range m.stores {
		wrap := m.wrap
		if wrap == nil {
			wrap = func(c *client, _ tier.Listener) tier.Database { return c }
		}
		here := m.server.openWith(t, m.options, wrap)
		m.disturb(here.client, random)
		if m.opened != nil {
			m.opened(t, here)
		}
		stores = append(stores, here)
	}

	ctx, stop := context.WithCancel(background)
	var disturbing, working sync.WaitGroup
	for _, here := range stores {
		source := rand.New(rand.NewPCG(random.Uint64(), 0))
		disturbing.Go(func() { m.breakConnections(ctx, here.client, source) })
	}
	for n, here := range stores {
		for range 3 {
			source := rand.New(rand.NewPCG(random.Uint64(), 0))
			working.Go(func() {
				for range steps / m.stores / 3 {
					m.step(n, here, source)
				}
			})
		}
	}
	working.Wait()
	stop()
	disturbing.Wait()

	// The network is well again, and all messages arrive.
	for _, here := range stores {
		here.client.with(func(c *client) {
			c.fault = func(string) fault { return noFault }
			c.requestTakes, c.replyTakes, c.pushTakes = takes(0), takes(0), takes(0)
		})
	}
	time.Sleep(2*m.options.MaxStale + 2*timeout + m.network.push)
	for id := range modelIDs {
		for n, here := range stores {
			for range 2 { // the second read is of a copy
				m.read(n, here, fmt.Sprint(id), "at rest", holdfast.ReadUse)
			}
		}
	}
	m.check()
	t.Logf("seed %d: %d operations, %d changes, faults %v", m.seed, len(m.done), len(m.server.history), m.faults)
	for n, here := range stores {
		s := here.Stats()
		t.Logf("store %d: hits %d, verified %d, misses %d, voided %d, conflicts %d, lost %d, changed %d, touches %d, saved %d, unavailable %d",
			n, s.Hits, s.Verified, s.Misses, s.Voided, s.Conflicts, s.Lost, s.Changed, s.Touches, s.TouchesSaved, s.Unavailable)
		if s.Mismatches > 0 {
			m.fault("mismatch", "the Store counted %d mismatches", s.Mismatches)
		}
	}
	if len(m.found) > 0 {
		t.Logf("the first of %d faults:\n%s", len(m.found), strings.Join(m.found[:min(10, len(m.found))], "\n"))
	}
}

// locked makes a function of a random source safe for concurrent use.
func locked[T any](f func() T) func() T {
	var mu sync.Mutex
	return func() T {
		mu.Lock()
		defer mu.Unlock()
		return f()
	}
}

// disturb gives a client its delays and faults.
func (m *model) disturb(c *client, random *rand.Rand) {
	source := rand.New(rand.NewPCG(random.Uint64(), 0)) // used under the server's lock
	upTo := func(longest time.Duration) func() time.Duration {
		return func() time.Duration {
			if source.IntN(20) > 0 {
				longest := longest / 20
				return time.Duration(source.Int64N(int64(longest) + 1))
			}
			return time.Duration(source.Int64N(int64(longest) + 1))
		}
	}
	c.with(func(c *client) {
		c.apart = m.network.apart
		c.requestTakes, c.replyTakes, c.pushTakes = upTo(m.network.request), upTo(m.network.reply), upTo(m.network.push)
		c.straggle = upTo(2 * time.Second)
		c.fault = func(name string) fault {
			if name == "Pulse" || source.IntN(1000) >= m.network.faulty {
				return noFault
			}
			return fault(source.IntN(int(faults)))
		}
	})
}

// breakConnections lets a client's connection break, or swallow everything for
// a while, until ctx ends.
func (m *model) breakConnections(ctx context.Context, c *client, random *rand.Rand) {
	wait := func(mean time.Duration) bool {
		select {
		case <-time.After(time.Duration(random.ExpFloat64() * float64(mean))):
			return true
		case <-ctx.Done():
			return false
		}
	}
	for {
		breaks, swallows := m.network.breaks, m.network.swallows
		switch {
		case breaks > 0 && (swallows == 0 || random.IntN(2) == 0):
			if !wait(breaks) {
				return
			}
			if random.IntN(2) == 0 {
				c.with(func(c *client) { c.down = true })
				time.AfterFunc(time.Duration(random.Int64N(int64(time.Second))), func() { c.with(func(c *client) { c.down = false }) })
			}
			c.lose(random.IntN(2) == 0)
		case swallows > 0:
			if !wait(swallows) {
				return
			}
			c.with(func(c *client) { c.swallows = true })
			time.Sleep(time.Duration(random.Int64N(int64(3 * m.options.MaxStale))))
			c.heal()
		default:
			return
		}
	}
}

// step performs one operation of a Store.
func (m *model) step(n int, here *fixture, random *rand.Rand) {
	id := fmt.Sprint(random.IntN(modelIDs))
	writer := here
	if m.write != nil {
		writer = m.write(here)
	}
	switch draw := random.IntN(100); {
	case draw < 40:
		m.read(n, here, id, "get", holdfast.ReadUse)
	case draw < 45:
		m.read(n, here, id, "get", holdfast.ReadPeek)
	case draw < 50:
		m.read(n, here, id, "get", holdfast.ReadFresh)
	case draw < 60:
		m.touch(n, writer, id, "touch", modelTTL)
	case draw < 75:
		m.update(n, writer, id, "merge", func(token, saw string, found bool) (cache.Change, error) {
			if !found {
				return cache.Keep(), holdfast.ErrEnded
			}
			return cache.Put(value(token, saw), modelTTL), nil
		})
	case draw < 85:
		m.update(n, writer, id, "store", func(token, saw string, found bool) (cache.Change, error) {
			return cache.Put(value(token, saw), modelTTL), nil
		})
	case draw < 90:
		m.update(n, writer, id, "remove", func(_, _ string, found bool) (cache.Change, error) { return cache.Remove(), nil })
	case draw < 91:
		m.touch(n, writer, id, "end", 0)
	case draw < 93:
		m.update(n, writer, id, "keep", func(_, _ string, found bool) (cache.Change, error) { return cache.Keep(), nil })
	case draw < 96:
		m.set(n, writer, id)
	default:
		m.scan(n, here)
	}
	pause := 10 * time.Millisecond
	switch draw := random.IntN(500); {
	case draw == 0:
		pause = modelTTL
	case draw < 20:
		pause = time.Second
	}
	time.Sleep(time.Duration(random.Int64N(int64(pause))))
}

// begin starts the record of an operation.
func (m *model) begin(n int, id, kind string) operation {
	return operation{store: n, id: id, kind: kind, began: time.Now(), first: m.number.Add(1)}
}

func (m *model) finish(o operation) {
	o.end, o.last = time.Now(), m.number.Add(1)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done = append(m.done, o)
}

// context returns one that may end before the operation.
func (m *model) context(n uint64) (context.Context, context.CancelFunc) {
	if n%20 == 0 && m.network.faulty > 0 {
		return context.WithTimeout(background, time.Duration(n%50)*time.Millisecond)
	}
	return context.WithTimeout(background, 5*time.Second)
}

func (m *model) read(n int, here *fixture, id, kind string, how holdfast.ReadMode) {
	o := m.begin(n, id, kind)
	ctx, cancel := m.context(o.first)
	defer cancel()
	raw, found, err := here.Get(ctx, id, how)
	o.saw, _ = parseValue(string(raw))
	o.found, o.err = found, err
	o.mayBeOld = m.options.Mode == tier.Cached && how != holdfast.ReadFresh && kind != "at rest"
	m.finish(o)
}

func (m *model) set(n int, here *fixture, id string) {
	o := m.begin(n, id, "set")
	ctx, cancel := m.context(o.first)
	defer cancel()
	token := fmt.Sprint("t", o.first)
	o.wrote = []string{token}
	o.err = here.Set(ctx, id, value(token, "any"), modelTTL)
	m.finish(o)
}

func (m *model) touch(n int, here *fixture, id, kind string, ttl time.Duration) {
	o := m.begin(n, id, kind)
	ctx, cancel := m.context(o.first)
	defer cancel()
	o.found, o.err = here.Touch(ctx, id, ttl)
	m.finish(o)
}

func (m *model) update(n int, here *fixture, id, kind string, decide func(token, saw string, found bool) (cache.Change, error)) {
	o := m.begin(n, id, kind)
	ctx, cancel := m.context(o.first)
	defer cancel()
	o.err = here.Update(ctx, id, func(old []byte, found bool) (cache.Change, error) {
		saw, _ := parseValue(string(old))
		if !found {
			saw = "none"
		}
		token := fmt.Sprintf("t%d.%d", o.first, len(o.wrote))
		o.saw, o.found = saw, found
		change, err := decide(token, saw, found)
		if _, _, stores := change.Stores(); stores {
			o.wrote = append(o.wrote, token)
		}
		return change, err
	})
	m.finish(o)
}

func (m *model) scan(n int, here *fixture) {
	o := m.begin(n, "", "scan")
	ctx, cancel := m.context(o.first)
	defer cancel()
	values := make(map[string]string)
	for e, err := range here.ScanValues(ctx, nil) {
		if err != nil {
			return
		}
		values[e.ID] = string(e.Value)
	}
	for id := range modelIDs {
		o.id = fmt.Sprint(id)
		raw, found := values[o.id]
		o.saw, _ = parseValue(raw)
		o.found = found
		m.finish(o)
	}
}

// state is a time in which an entry had one value, or none.
type state struct {
	token    string // "none" without an entry
	saw      string
	from, to time.Time
	ended    string // how: "written", "removed", "expired"
	touched  []time.Time
}

var endOfTime = time.Unix(1<<40, 0)

// states returns the history of an entry.
func (m *model) states(id string) []state {
	all := []state{{token: "none", to: endOfTime}}
	var deadline time.Time
	end := func(at time.Time, how string) {
		last := &all[len(all)-1]
		last.to, last.ended = at, how
	}
	expire := func(now time.Time) {
		if last := &all[len(all)-1]; last.token != "none" && !deadline.IsZero() && !deadline.After(now) {
			end(deadline, "expired")
			all = append(all, state{token: "none", from: deadline, to: endOfTime})
		}
	}
	for _, e := range m.server.history {
		if e.id != id {
			continue
		}
		expire(e.at)
		last := &all[len(all)-1]
		token, saw := parseValue(e.value)
		switch {
		case e.version == 0:
			if last.token == "none" {
				continue
			}
			end(e.at, "removed")
			all = append(all, state{token: "none", from: e.at, to: endOfTime})
		case last.token == token:
			last.touched = append(last.touched, e.at)
		default:
			end(e.at, "written")
			all = append(all, state{token: token, saw: saw, from: e.at, to: endOfTime})
		}
		deadline = e.deadline
	}
	expire(endOfTime)
	return all
}

func (m *model) fault(rule, format string, args ...any) {
	m.faults[rule]++
	m.found = append(m.found, rule+": "+fmt.Sprintf(format, args...))
}

// check finds the broken rules.
func (m *model) check() {
	isWell := m.network.faulty == 0 && m.network.breaks == 0 && m.network.swallows == 0
	for _, o := range m.done {
		if isWell && o.err != nil && !errors.Is(o.err, holdfast.ErrEnded) {
			m.fault("error", "%s: %s returned %v", o.id, o.kind, o.err)
		}
	}
	slices.SortFunc(m.done, func(a, b operation) int { return int(a.first) - int(b.first) })
	for id := range modelIDs {
		id := fmt.Sprint(id)
		states := m.states(id)
		m.checkChain(id, states)
		m.checkWrites(id, states)
		m.checkReads(id, states)
		if isWell {
			m.checkEnds(id, states)
		}
	}
}

// checkChain: each value was written by a writer that saw the value before it.
func (m *model) checkChain(id string, states []state) {
	seen := make(map[string]bool)
	for i, s := range states {
		if s.token == "none" {
			continue
		}
		if seen[s.token] {
			m.fault("doubled", "%s: the value %s was stored twice", id, s.token)
		}
		seen[s.token] = true
		if before := states[i-1].token; s.saw != "any" && s.saw != before {
			m.fault("lost", "%s: the writer of %s saw %s, and replaced %s", id, s.token, s.saw, before)
		}
	}
}

// checkWrites: a write that reported success has taken place, once and during
// the call. One that was refused has not.
func (m *model) checkWrites(id string, states []state) {
	removers := make(map[string]int)
	for _, o := range m.done {
		if o.id != id {
			continue
		}
		var stored []state
		for _, s := range states {
			if slices.Contains(o.wrote, s.token) {
				stored = append(stored, s)
			}
		}
		switch {
		case len(stored) > 1:
			m.fault("doubled", "%s: %s stored %d values", id, o.kind, len(stored))
		case o.err == nil && len(o.wrote) > 0 && (len(stored) == 0 || stored[0].from.Before(o.began) || stored[0].from.After(o.end)):
			m.fault("lost", "%s: %s reported success and did not write during the call", id, o.kind)
		case errors.Is(o.err, tier.ErrRefused) && len(stored) > 0:
			m.fault("doubled", "%s: a refused %s has written", id, o.kind)
		}
		if o.kind != "remove" || o.err != nil || !o.found {
			continue
		}
		removers[o.saw]++
		i := slices.IndexFunc(states, func(s state) bool { return s.token == o.saw })
		if i < 0 || states[i].ended != "removed" || states[i].to.Before(o.began) || states[i].to.After(o.end) {
			m.fault("lost", "%s: a remove of %s reported success, but %+v", id, o.saw, states[max(i, 0)])
		}
	}
	for token, n := range removers {
		if n > 1 {
			m.fault("doubled", "%s: %d operations have removed %s", id, n, token)
		}
	}
}

// checkReads: each read returned a state that was current at most MaxStale
// before it began, not older than one that its Store had read or written
// before.
func (m *model) checkReads(id string, states []state) {
	type known struct{ state, last uint64 } // an operation that ended at last knew the state
	latest := make(map[int][]known)
	byToken := make(map[string][]int)
	for i, s := range states {
		byToken[s.token] = append(byToken[s.token], i)
	}
	ends := slices.Clone(m.done)
	slices.SortFunc(ends, func(a, b operation) int { return int(a.last) - int(b.last) })
	for _, o := range ends {
		if o.id != id || o.err != nil && !errors.Is(o.err, holdfast.ErrEnded) {
			continue
		}
		floor := uint64(0)
		for _, k := range slices.Backward(latest[o.store]) {
			if k.last < o.first {
				floor = k.state // latest is sorted and its states only grow
				break
			}
		}
		token, isRead := o.saw, false
		switch {
		case o.kind == "touch":
			continue
		case o.kind == "remove" && o.found, o.kind == "end":
			token = "none"
		case len(o.wrote) > 0:
			token = o.wrote[len(o.wrote)-1]
		default: // a read, or an Update that kept the entry
			isRead = true
			if !o.found {
				token = "none"
			}
		}
		oldest := o.began
		if o.mayBeOld {
			oldest = oldest.Add(-m.options.MaxStale)
		}
		rule, newest := "stale", -1
		for _, i := range byToken[token] {
			s := states[i]
			if s.from.After(o.end) || s.to.Before(oldest) {
				continue
			}
			if isRead && o.kind != "scan" && uint64(i) < floor {
				rule = "back in time"
				continue
			}
			newest = i
			break
		}
		if newest < 0 && (isRead || o.kind == "end") {
			if o.kind == "at rest" {
				rule = "inconsistent at rest"
			}
			m.fault(rule, "%s: store %d, %s from %v to %v got %s", id, o.store, o.kind, o.began.Sub(m.done[0].began), o.end.Sub(m.done[0].began), token)
		}
		if o.kind == "scan" || newest < 0 {
			continue
		}
		latest[o.store] = append(latest[o.store], known{max(uint64(newest), floor, lastState(latest[o.store])), o.last})
	}
}

func lastState[T ~struct{ state, last uint64 }](all []T) uint64 {
	if len(all) == 0 {
		return 0
	}
	return struct{ state, last uint64 }(all[len(all)-1]).state
}

// checkEnds: in a network without faults, an entry ends neither before its TTL
// nor long after it.
func (m *model) checkEnds(id string, states []state) {
	for _, s := range states {
		if s.ended != "expired" {
			continue
		}
		last := s.from
		for _, o := range m.done {
			if o.id != id || o.err != nil || !o.found || o.kind != "touch" || o.end.Before(s.from) || o.began.After(s.to) {
				continue
			}
			if o.end.After(last) {
				last = o.end
			}
			// A touch may leave the TTL of a write in the MaxStale before it.
			if o.began.Sub(s.from) > m.options.MaxStale && s.to.Before(o.began.Add(modelTTL)) {
				m.fault("early", "%s: %s ended %v after a touch", id, s.token, s.to.Sub(o.began))
			}
		}
		if s.to.Before(s.from.Add(modelTTL)) {
			m.fault("early", "%s: %s ended %v after its write", id, s.token, s.to.Sub(s.from))
		}
		if late := s.to.Sub(last.Add(modelTTL)); late > modelSlack+time.Second {
			m.fault("late", "%s: %s ended %v too late", id, s.token, late)
		}
	}
}

var networks = map[string]network{
	"healthy":  {request: time.Millisecond, reply: time.Millisecond, push: time.Millisecond},
	"slow":     {request: 20 * time.Millisecond, reply: 20 * time.Millisecond, push: 100 * time.Millisecond},
	"apart":    {request: 20 * time.Millisecond, reply: 20 * time.Millisecond, push: 200 * time.Millisecond, apart: true},
	"breaks":   {request: 5 * time.Millisecond, reply: 5 * time.Millisecond, push: 20 * time.Millisecond, breaks: 300 * time.Millisecond},
	"swallows": {request: 5 * time.Millisecond, reply: 5 * time.Millisecond, push: 20 * time.Millisecond, swallows: 2 * time.Second},
	"faulty":   {request: 5 * time.Millisecond, reply: 5 * time.Millisecond, push: 50 * time.Millisecond, faulty: 50, apart: true},
	"all":      {request: 20 * time.Millisecond, reply: 20 * time.Millisecond, push: 100 * time.Millisecond, faulty: 30, breaks: time.Second, swallows: 5 * time.Second, apart: true},
}

// TestModel performs 10,000 random operations for each mode and network, or
// HOLDFAST_LONG times as many.
func TestModel(t *testing.T) {
	for _, mode := range []tier.Mode{tier.Cached, tier.Verified, tier.Direct} {
		for _, name := range slices.Sorted(maps.Keys(networks)) {
			t.Run(fmt.Sprintf("%v/%s", mode, name), func(t *testing.T) {
				t.Parallel()
				for range steps(2) {
					m := &model{stores: 3, network: networks[name], options: tier.Options{Mode: mode, MaxStale: maxStale, TouchEvery: modelSlack}}
					m.run(t, 5000)
					require.Empty(t, m.faults, "the seed is %d", m.seed)
				}
			})
		}
	}
}
