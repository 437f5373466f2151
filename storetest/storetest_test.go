package storetest

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
)

func TestSoundStores(t *testing.T) {
	shared := newReference()
	require.NoError(t, shared.Set(t.Context(), "another's", []byte("ada"), time.Hour))
	for _, test := range []struct {
		name string
		open func(t *testing.T) holdfast.Store
		Options
	}{
		{"virtual_time", OpenReference, Options{Virtual: true}},
		{"real_time", OpenReference, Options{Tick: 2 * time.Millisecond}},
		{"other_entries", func(t *testing.T) holdfast.Store { return struct{ holdfast.Store }{shared} }, Options{Tick: 2 * time.Millisecond}},
	} {
		t.Run(test.name, func(t *testing.T) { Run(t, test.open, test.Options) })
	}
	_, found, err := shared.Get(t.Context(), "another's", holdfast.ReadPeek)
	assert.True(t, found)
	assert.NoError(t, err)

	for _, test := range []struct {
		name string
		faults
		Options
	}{
		{"two_without_copies", nil, Options{Virtual: true, Notifies: true}},
		{"two_with_copies", copies(time.Minute), Options{Virtual: true, Notifies: true, MaxStale: time.Minute}},
		{"two_with_copies_in_real_time", copies(50 * time.Millisecond), Options{MaxStale: 50 * time.Millisecond}},
	} {
		t.Run(test.name, func(t *testing.T) { RunShared(t, openWrong(test.faults), test.Options) })
	}
}

// failuresOf runs the checks in only, or all, and returns the messages of
// failures and skips by check.
func failuresOf(t *testing.T, u *suite, only ...string) (failures, skips map[string]string) {
	failures, skips = map[string]string{}, map[string]string{}
	u.only = only
	u.report = func(t *testing.T, check, message string, failed bool) {
		if failed {
			failures[check] = message
		} else {
			skips[check] = message
		}
		t.SkipNow()
	}
	u.run(t)
	return failures, skips
}

// runWrong runs checks on a store with faults.
func runWrong(t *testing.T, f faults, o Options, only ...string) (failures, skips map[string]string) {
	return failuresOf(t, newSuite(openWrong(f), false, o), only...)
}

// A store without some abilities skips checks.
func TestSkips(t *testing.T) {
	scans := []string{"ScanValues/misses_nothing", "context/ends_in_ScanValues", "ScanValues/follows_the_TTL", "ScanValues/reports_the_TTL"}
	for _, c := range scanChecks {
		scans = append(scans, c.name)
	}
	uses := []string{"uses/ReadUse_is_one", "uses/ReadPeek_is_none", "uses/ReadFresh_is_none", "uses/ScanValues_is_none"}
	for _, test := range []struct {
		name string
		faults
		skips []string
	}{
		{"none", nil, nil},
		{"no_scan", scanning(func(_ *call, yield func(cache.Entry, error) bool) { yield(cache.Entry{}, holdfast.ErrUnsupported) }), slices.Concat(scans, uses)},
		{"no_idle_times", edit(func(_ *call, e *cache.Entry) { e.Idle = 0 }), uses},
		{"Touch_cannot_tell", faults{"Touch": func(c *call) { c.do(); c.found = c.err == nil }}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			failures, skips := runWrong(t, test.faults, Options{Virtual: true})
			assert.Empty(t, failures)
			assert.ElementsMatch(t, test.skips, slices.Collect(maps.Keys(skips)))
		})
	}
	t.Run("no_Close_no_notifications", func(t *testing.T) {
		open := func(*testing.T) (a, b holdfast.Store) { a = struct{ holdfast.Store }{newReference()}; return a, a }
		_, skips := failuresOf(t, newSuite(open, false, Options{}), "errors/after_Close")
		assert.Len(t, skips, 1)
		_, skips = failuresOf(t, newSuite(open, true, Options{}), "shared/Watch_notices_writes")
		assert.Len(t, skips, 1)
	})
}

// Options.Wait moves a clock that does not follow the real one. The clock of
// this store does, so no entry expires here.
func TestWait(t *testing.T) {
	const name = "TTL/ends_entries"
	began, waited := time.Now(), time.Duration(0)
	failures, _ := runWrong(t, nil, Options{Tick: time.Minute, Wait: func(d time.Duration) { waited += d }}, name)
	assert.Contains(t, failures, name)
	assert.Equal(t, 3*time.Minute, waited)
	assert.Less(t, time.Since(began), time.Minute)
}

func TestMessage(t *testing.T) {
	const name = "reads_see_own_writes"
	failures, _ := runWrong(t, faults{"Set": func(*call) {}}, Options{Virtual: true}, name)
	assert.Equal(t, "ReadUse under `a` after Set of \"1\": got no entry, want \"1\" (len 1)\n"+
		"the contract: The value is never older than a write that this process has completed.\n"+
		"why it matters: the next request would not see a change that was answered with success", failures[name])
}
