package storetest

import (
	"context"
	"crypto/rand"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/holdfast-go/holdfast"
)

// Options describe the store under test. The zero value means real time, and
// that every read sees the latest write of every process. It suits each store
// whose clock counts milliseconds.
type Options struct {
	// Tick is the resolution of the store's clock. The suite's short TTLs are
	// two ticks, and the store may find an entry for one tick after its TTL.
	// 0 means 20ms, or 1ms if Virtual is set.
	Tick time.Duration

	// Wait returns when d has passed on the store's clock. Set it to move a
	// clock that does not follow the real one, for example that of a fake
	// server. nil means time.Sleep.
	Wait func(d time.Duration)

	// Virtual runs the subtests that wait in a bubble of testing/synctest,
	// where waiting takes no time. open runs in the bubble too. The store must
	// live in this process, read its clock with package time, and end its
	// goroutines in the test's Cleanup.
	Virtual bool

	// MaxStale bounds the age of the local copies that ReadUse and ReadPeek
	// return. 0 means that they return none. Only RunShared uses it.
	MaxStale time.Duration

	// Notifies reports whether Watch notices the writes of another process.
	// false skips the subtest for it. Only RunShared uses it.
	Notifies bool
}

func (o Options) withDefaults() Options {
	if o.Tick <= 0 && o.Virtual {
		o.Tick = time.Millisecond
	}
	if o.Tick <= 0 {
		o.Tick = 20 * time.Millisecond
	}
	if o.Wait == nil {
		o.Wait = time.Sleep
	}
	return o
}

// Run tests a store against the contract. Each subtest tests one rule on a
// store of its own, which open returns. Some subtests close the store, if it
// has a method Close() error; the Cleanup that open registers must allow a
// second Close.
//
// The stores may share their entries, for example in a database, and may
// contain other entries: the suite's IDs are random. The suite does not delete
// the entries that it makes.
func Run(t *testing.T, open func(t *testing.T) holdfast.Store, o Options) {
	t.Helper()
	newRunner(func(t *testing.T) (a, b holdfast.Store) { return open(t), nil }, false, o).runAll(t)
}

// RunShared tests the rules for processes that share a database. open returns
// two stores on one database. They share nothing else, as if each were in a
// process of its own. RunShared also runs the concurrent subtests of Run, with
// calls of both stores. Otherwise it is like Run, and does not replace it.
func RunShared(t *testing.T, open func(t *testing.T) (a, b holdfast.Store), o Options) {
	t.Helper()
	newRunner(open, true, o).runAll(t)
}

// tb is the part of *testing.T that checks use.
type tb interface {
	Helper()
	Fatalf(format string, args ...any)
	Skip(args ...any)
}

// check tests one rule of the contract.
type check struct {
	name string // of the subtest
	rule string // the sentence of the contract
	why  string // the harm if a store breaks the rule
	run  func(t tb, s *store)
}

type runner struct {
	open     func(t *testing.T) (a, b holdfast.Store)
	shared   bool
	options  Options
	patience time.Duration
	report   func(t *testing.T, check string) tb // receives failures and skips
	only     []string                            // the names of the checks; nil means all
}

func newRunner(open func(t *testing.T) (a, b holdfast.Store), shared bool, o Options) runner {
	return runner{open, shared, o.withDefaults(), 10 * time.Second, func(t *testing.T, _ string) tb { return t }, nil}
}

// checks returns the checks to run. Those that wait can run in a bubble: there
// no two goroutines call the store.
func (r runner) checks() (others, waiting []check) {
	if r.shared {
		return concurrentChecks, sharedChecks
	}
	return slices.Concat(entryChecks, updateChecks, concurrentChecks, errorChecks, scanChecks), ttlChecks
}

func (r runner) runAll(t *testing.T) {
	others, waiting := r.checks()
	for i, c := range slices.Concat(others, waiting) {
		run := r.run
		if r.options.Virtual && i >= len(others) {
			run = r.runInBubble
		}
		if r.only == nil || slices.Contains(r.only, c.name) {
			t.Run(c.name, func(t *testing.T) { run(t, c) })
		}
	}
}

func (r runner) run(t *testing.T, c check) {
	a, b := r.open(t)
	s := &store{
		Store: a, Options: r.options, ctx: context.Background(), how: holdfast.ReadPeek,
		prefix: rand.Text() + "-", patience: r.patience,
	}
	s.other = s
	if r.shared {
		s.how = holdfast.ReadFresh // local copies may be old
		other := *s
		other.Store, other.other, s.other = b, s, &other
	}
	c.run(explained{r.report(t, c.name), c}, s)
}

func (r runner) runInBubble(t *testing.T, c check) {
	skipped := false
	synctest.Test(t, func(t *testing.T) {
		defer func() { skipped = t.Skipped() }()
		r.run(t, c)
	})
	if skipped {
		t.SkipNow() // synctest.Test reports a skip as a pass
	}
}

// explained adds the broken rule and the harm to a failure.
type explained struct {
	tb
	check check
}

func (e explained) Fatalf(format string, args ...any) {
	e.Helper()
	e.tb.Fatalf(format+"\nthe contract: %s\nwhy it matters: %s", append(args, e.check.rule, e.check.why)...)
}

// The harm that several checks prevent.
const (
	lostChange    = "the next request would not see a change that was answered with success"
	loggedInAgain = "a request that is still running would log in again a user who logged out"
	loginUndone   = "a request that only reads the session would undo a login in another request"
	sharedBuffer  = "programs use buffers again, so another user's data would appear in this session"
	openToNext    = "a session that timed out on a public computer would be open to the next person"
	storeAway     = "users would look like strangers and lose their sessions to new ones"
	deadlock      = "a store that waits for its own lock hangs the request and all later ones"
	looksActive   = "a user who left hours ago would look active"
	notEnded      = "a user who ends all sessions would leave the thief's session, or end another user's"
	wrongEnd      = "users would be logged out too early or too late"
)
