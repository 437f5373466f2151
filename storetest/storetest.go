package storetest

import (
	"context"
	"crypto/rand"
	"fmt"
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
	newSuite(func(t *testing.T) (a, b holdfast.Store) { return open(t), nil }, false, o).run(t)
}

// RunShared tests the rules for processes that share a database. open returns
// two stores on one database. They share nothing else, as if each were in a
// process of its own. RunShared also runs the concurrent subtests of Run, with
// calls of both stores. Otherwise it is like Run, and does not replace it.
func RunShared(t *testing.T, open func(t *testing.T) (a, b holdfast.Store), o Options) {
	t.Helper()
	newSuite(open, true, o).run(t)
}

// check tests one rule of the contract.
type check struct {
	name string // of the subtest
	rule rule
	run  func(s *store)
}

type suite struct {
	Options
	open     func(t *testing.T) (a, b holdfast.Store)
	shared   bool
	patience time.Duration // of inTime
	only     []string      // the names of the checks; nil means all
	report   func(t *testing.T, check, message string, failed bool)
}

func newSuite(open func(t *testing.T) (a, b holdfast.Store), shared bool, o Options) *suite {
	if o.Tick <= 0 {
		o.Tick = 20 * time.Millisecond
		if o.Virtual {
			o.Tick = time.Millisecond
		}
	}
	if o.Wait == nil {
		o.Wait = time.Sleep
	}
	return &suite{o, open, shared, 10 * time.Second, nil, func(t *testing.T, _, message string, failed bool) {
		t.Helper()
		if failed {
			t.Fatal(message)
		}
		t.Skip(message)
	}}
}

// run runs the checks. Those that wait can run in a bubble: there no two
// goroutines call the store.
func (u *suite) run(t *testing.T) {
	others, waiting := slices.Concat(entryChecks, updateChecks, concurrentChecks, errorChecks, scanChecks), ttlChecks
	if u.shared {
		others, waiting = concurrentChecks, sharedChecks
	}
	for i, c := range slices.Concat(others, waiting) {
		if u.only != nil && !slices.Contains(u.only, c.name) {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			if !u.Virtual || i < len(others) {
				u.test(t, c)
				return
			}
			skipped := false
			synctest.Test(t, func(t *testing.T) {
				defer func() { skipped = t.Skipped() }()
				u.test(t, c)
			})
			if skipped {
				t.SkipNow() // synctest.Test reports a skip as a pass
			}
		})
	}
}

func (u *suite) test(t *testing.T, c check) {
	a, b := u.open(t)
	s := &store{
		Store: a, suite: u, t: t, check: c, ctx: context.Background(), how: holdfast.ReadPeek,
		prefix: rand.Text() + "-", past: new([]event),
	}
	s.other = s
	if u.shared {
		s.how = holdfast.ReadFresh // local copies may be old
		other := *s
		other.Store, other.other, other.who, s.other = b, s, "the other's ", &other
	}
	c.run(s)
}

// fail ends the check. The message has the form "call: got, want".
func (s *store) fail(format string, args ...any) {
	s.t.Helper()
	message := fmt.Sprintf(format, args...)
	s.report(s.t, s.check.name, fmt.Sprintf("%s\nthe contract: %s\nwhy it matters: %s", message, s.check.rule.text, s.check.rule.harm), true)
}

func (s *store) skip(why string) { s.report(s.t, s.check.name, why, false) }

// equal fails if got and want differ. The format describes the call.
func (s *store) equal(got, want any, format string, args ...any) {
	s.t.Helper()
	if got != want {
		s.fail("%s: got %v, want %v", fmt.Sprintf(format, args...), got, want)
	}
}

// must fails if a call returned an error.
func (s *store) must(err error, call string) {
	s.t.Helper()
	if err != nil {
		s.fail("%s: got error %v, want none", call, err)
	}
}
