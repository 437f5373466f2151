package storetest

import (
	"crypto/rand"
	"testing"
	"testing/synctest"
	"time"

	"github.com/holdfast-go/holdfast"
)

// Options say how time passes for the store under test. The zero value means
// real time and suits every store whose clock counts milliseconds.
type Options struct {
	// Tick is the resolution of the store's clock. The suite's short ttls are
	// two ticks, and an entry may be found for one tick after its ttl is over.
	// 0 means 20ms, or 1ms if Virtual is set.
	Tick time.Duration

	// Wait returns when d has passed on the store's clock. Set it to move a
	// clock that does not follow the real one, such as that of a server's
	// stand-in. nil means time.Sleep.
	Wait func(d time.Duration)

	// Virtual runs the subtests that wait, and open for them, in a bubble of
	// testing/synctest, where waiting takes no time. The store has to be one
	// that lives in this process, reads its clock with package time and ends
	// its goroutines in the test's Cleanup.
	Virtual bool
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

// Run checks the store that open returns, each promise of the contract in a
// subtest with a store of its own. Some of them close the store, if it has a
// method Close() error, to see how it fails; what open hands to t.Cleanup has to
// bear that.
//
// The stores may share what they keep, a database, say, and may find entries in
// it: the suite's IDs are random. It removes none of the entries that it makes.
func Run(t *testing.T, open func(t *testing.T) holdfast.Store, o Options) {
	t.Helper()
	for _, p := range promises() {
		t.Run(p.name, func(t *testing.T) {
			outcome := p.examine(t, open, o, defaultPatience)
			switch {
			case outcome.skipped != "":
				t.Skip(outcome.skipped)
			case outcome.violation != nil:
				t.Error(outcome.violation)
			}
		})
	}
}

// defaultPatience is how long a call that must not wait for another may take
// before the suite takes it for stuck.
const defaultPatience = 10 * time.Second

// outcome has neither field set if the promise was kept.
type outcome struct {
	skipped   string
	violation *violation
}

// examine checks p on a fresh store.
func (p promise) examine(t *testing.T, open func(t *testing.T) holdfast.Store, o Options, patience time.Duration) (result outcome) {
	t.Helper()
	o = o.withDefaults()
	examine := func(t *testing.T) {
		s := &subject{
			store: open(t), part: p.part, prefix: rand.Text() + "-",
			tick: o.Tick, sleep: o.Wait, patience: patience,
		}
		if result.skipped = p.part.missingIn(s.store); result.skipped == "" {
			p.check(s)
			result.violation = s.violationOf(p)
		}
	}
	// A goroutine that waits for a mutex stops a bubble's clock for good, so
	// only what has to wait for time runs in one.
	if p.waits && o.Virtual {
		synctest.Test(t, examine)
	} else {
		examine(t)
	}
	return result
}
