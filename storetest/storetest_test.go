package storetest

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
)

// small is for the tests that open thousands of caches.
var small = cache.Options{MaxBytes: 4 << 20, MaxValue: 128 << 10, Shards: 4}

func newCache(t *testing.T, o cache.Options) *cache.Cache {
	c, err := cache.New(o)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

func openCache(t *testing.T) holdfast.Store { return newCache(t, cache.Options{}) }

// openFaulty returns a function that opens stores with faults.
func openFaulty(f faults) func(t *testing.T) holdfast.Store {
	return func(t *testing.T) holdfast.Store { return &faulty{Cache: newCache(t, small), faults: f} }
}

// scannerOnly is a store without Close and Load.
type scannerOnly struct{ holdfast.Scanner }

// storeOnly is a store without optional methods.
type storeOnly struct{ holdfast.Store }

func TestSoundStores(t *testing.T) {
	shared := newCache(t, cache.Options{})
	require.NoError(t, shared.Set("another's", []byte("ada"), time.Hour))
	for _, test := range []struct {
		name string
		open func(t *testing.T) holdfast.Store
		Options
	}{
		{"cache", openCache, Options{Virtual: true}},
		{"real_time", openCache, Options{Tick: 2 * time.Millisecond}},
		{"loader", openFaulty(nil), Options{Virtual: true}},
		{"shared", func(t *testing.T) holdfast.Store { return scannerOnly{shared} }, Options{Tick: 2 * time.Millisecond}},
	} {
		t.Run(test.name, func(t *testing.T) { Run(t, test.open, test.Options) })
	}
	_, found := shared.Peek("another's")
	assert.True(t, found)
}

// recorder records failures and skips. It ends a test without a failure.
type recorder struct {
	*testing.T
	failures, skips map[string]string // messages by the name of the subtest
}

func (r recorder) Fatalf(format string, args ...any) {
	r.failures[path.Base(r.Name())] = fmt.Sprintf(format, args...)
	r.SkipNow()
}

func (r recorder) Skip(args ...any) {
	r.skips[path.Base(r.Name())] = fmt.Sprint(args...)
	r.SkipNow()
}

func record(t *testing.T, open func(t *testing.T) holdfast.Store, o Options, only []string) (failures, skips map[string]string) {
	failures, skips = map[string]string{}, map[string]string{}
	report := func(t *testing.T) tb { return recorder{t, failures, skips} }
	runner{open, o.withDefaults(), 100 * time.Millisecond, report, only}.runAll(t)
	return failures, skips
}

func TestOptionalMethods(t *testing.T) {
	closing := []string{"a_closed_store_returns_errors", "errors_after_Close_contain_no_secret"}
	loading := []string{"Load_extends_dst", "a_cancelled_Load_is_right_or_fails", "Load_of_a_closed_store_fails"}
	scanning := []string{
		"ScanValues_finds_the_prefix_once", "ScanValues_reports_the_TTL", "a_scan_may_stop_and_call_the_store",
		"Append_is_a_use", "Peek_is_no_use", "ScanValues_is_no_use",
	}
	for _, test := range []struct {
		name  string
		open  func(t *testing.T) holdfast.Store
		skips []string
	}{
		{"all", openFaulty(nil), nil},
		{"no_Load", openCache, loading},
		{"no_Close", func(t *testing.T) holdfast.Store { return scannerOnly{newCache(t, small)} }, slices.Concat(closing, loading)},
		{"none", func(t *testing.T) holdfast.Store { return storeOnly{newCache(t, small)} }, slices.Concat(closing, loading, scanning)},
	} {
		t.Run(test.name, func(t *testing.T) {
			failures, skips := record(t, test.open, Options{Virtual: true}, nil)
			assert.Empty(t, failures)
			assert.ElementsMatch(t, test.skips, slices.Collect(maps.Keys(skips)))
		})
	}
}

// Options.Wait moves a clock that does not follow the real one. The cache's
// clock does, so no entry expires here.
func TestWait(t *testing.T) {
	const name = "entries_expire"
	began, waited := time.Now(), time.Duration(0)
	o := Options{Tick: time.Minute, Wait: func(d time.Duration) { waited += d }}
	failures, _ := record(t, openCache, o, []string{name})
	assert.Contains(t, failures, name)
	assert.Equal(t, 3*time.Minute, waited)
	assert.Less(t, time.Since(began), time.Minute)
}

func TestMessage(t *testing.T) {
	const name = "Touch_revives_no_expired_entry"
	open := openFaulty(faults{"Touch": func(c *call) { c.found = c.Cache.Set(c.id, []byte("1"), c.ttl) == nil }})
	failures, _ := record(t, open, Options{Virtual: true}, []string{name})
	assert.Equal(t, `Touch("Set Touch") after the TTL: got "1" (len 1), want no entry
the contract: It reports false if there is no such entry, true if the store cannot tell, and never brings an entry back.
why it matters: any person's next request would revive a session that timed out`, failures[name])
}
