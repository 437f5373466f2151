package storetest

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
)

// faults replace methods, by name.
type faults map[string]func(c *call)

// wrong is a Reference with faults. Two of them may have one Reference.
type wrong struct {
	*Reference
	faults
	second bool // of two on one Reference

	mu    sync.Mutex
	calls int
	notes sync.Map // by ID
	stops []func()
}

// call is a call of a method of wrong.
type call struct {
	*wrong
	ctx     context.Context
	id      string
	how     holdfast.ReadMode
	value   []byte // an argument or a result
	ttl     time.Duration
	fn      updateFunc
	found   bool
	entries iter.Seq2[cache.Entry, error]
	changed func()
	stop    func()
	now     time.Time
	err     error
	method  func(c *call) // without a fault
}

func (c *call) do() { c.method(c) }

func (w *wrong) run(name string, c call, method func(c *call)) *call {
	c.wrong, c.method = w, method
	if fault := w.faults[name]; fault != nil {
		fault(&c)
	} else {
		c.do()
	}
	return &c
}

func (w *wrong) Get(ctx context.Context, id string, how holdfast.ReadMode) ([]byte, bool, error) {
	c := w.run("Get", call{ctx: ctx, id: id, how: how}, func(c *call) { c.value, c.found, c.err = w.Reference.Get(c.ctx, c.id, c.how) })
	return c.value, c.found, c.err
}
func (w *wrong) Set(ctx context.Context, id string, value []byte, ttl time.Duration) error {
	return w.run("Set", call{ctx: ctx, id: id, value: value, ttl: ttl}, func(c *call) { c.err = w.Reference.Set(c.ctx, c.id, c.value, c.ttl) }).err
}
func (w *wrong) Touch(ctx context.Context, id string, ttl time.Duration) (bool, error) {
	c := w.run("Touch", call{ctx: ctx, id: id, ttl: ttl}, func(c *call) { c.found, c.err = w.Reference.Touch(c.ctx, c.id, c.ttl) })
	return c.found, c.err
}
func (w *wrong) Update(ctx context.Context, id string, fn updateFunc) error {
	return w.run("Update", call{ctx: ctx, id: id, fn: fn}, func(c *call) { c.err = w.Reference.Update(c.ctx, c.id, c.fn) }).err
}
func (w *wrong) ScanValues(ctx context.Context, prefix []byte) iter.Seq2[cache.Entry, error] {
	return w.run("ScanValues", call{ctx: ctx, value: prefix}, func(c *call) { c.entries = w.Reference.ScanValues(c.ctx, c.value) }).entries
}
func (w *wrong) Watch(id string, changed func()) (stop func()) {
	return w.run("Watch", call{id: id, changed: changed}, func(c *call) { c.stop = w.Reference.Watch(c.id, c.changed) }).stop
}
func (w *wrong) Now() time.Time {
	return w.run("Now", call{}, func(c *call) { c.now = w.Reference.Now() }).now
}

// more ends the list of a fault that breaks other checks too.
const more = " more"

// Each fault makes the checks in fails fail, with a message that contains
// message. It breaks no other check, unless the list ends with more;
// concurrentChecks that are not in the list do not run, because they can fail
// by chance.
type faultTest struct {
	name, fails, message string
	faults               faults
}

var faultTests = []faultTest{
	{"IDs in lower case", "IDs_of_any_bytes" + more, "got no entry", everywhere(func(c *call) { c.id = strings.ToLower(c.id); c.do() })},
	{"values end at a NUL", "values_of_any_bytes" + more, `\x00`, faults{"Set": func(c *call) { c.value, _, _ = bytes.Cut(c.value, []byte{0}); c.do() }}},
	{"empty values are missing", "values_of_any_bytes", "got no entry", faults{"Get": func(c *call) { c.do(); c.found = len(c.value) > 0 }}},
	{"Set keeps its argument", "arguments_are_copied" + more, `got "!!!!!"`, faults{"Set": keepBytes, "Get": func(c *call) { c.value, c.found = noteOf[[]byte](c, c.id) }}},
	{"Get returns the same bytes to all", "results_are_copies" + more, `got "!!!!!`, faults{"Get": func(c *call) {
		if c.do(); c.found {
			shared, _ := c.notes.LoadOrStore(c.id, c.value)
			c.value = shared.([]byte)
		}
	}}},
	{"Set overwrites the result of Get", "results_are_copies" + more, "newer!", faults{
		"Get": func(c *call) { c.do(); c.notes.Store(c.id, c.value) },
		"Set": func(c *call) { result, _ := noteOf[[]byte](c, c.id); copy(result, c.value); c.do() },
	}},
	{"Set does not replace", "reads_see_own_writes" + more, `got "1"`, faults{"Set": doIf(func(c *call) bool { _, found := c.raw(); return !found })}},
	{"ReadPeek finds nothing", "reads_see_own_writes" + more, "got no entry", get(holdfast.ReadPeek, func(*call) {})},
	{"Update changes nothing", "reads_see_own_writes" + more, "Put", faults{"Update": func(c *call) { _, c.err = c.fn(c.raw()) }}},
	{"Touch reports removed entries", "reads_see_own_writes" + more, "want no entry",
		faults{"Set": keepBytes, "Touch": func(c *call) { c.do(); _, kept := noteOf[[]byte](c, c.id); c.found = c.found || kept }}},
	{"an admission filter rejects some", "new_entries_stay" + more, "got no entry", faults{"Set": doIf(func(c *call) bool { c.calls++; return c.calls%200 != 0 })}},
	{"Touch makes an entry", "only_Set_and_Put_make_entries" + more, "want no entry",
		faults{"Touch": func(c *call) { c.do(); c.found = c.found || c.set(nil, c.ttl) }}},

	{"Update shows its own bytes", "Update/sees_a_copy", `got "!!!!!!`, faults{"Update": func(c *call) {
		var seen []byte
		fn := c.fn
		c.fn = func(old []byte, found bool) (cache.Change, error) { seen = old; return fn(old, found) }
		if c.do(); bytes.HasPrefix(seen, []byte("!!")) {
			c.set(seen, hour)
		}
	}}},
	{"Update wraps the error", "Update/function_fails", "*fmt.wrapError", faults{"Update": wrapError("update%.0v%.0v: %w")}},
	{"Update ignores the error", "Update/function_fails only_Set_and_Put_make_entries" + more, "with an error", faults{"Update": func(c *call) {
		change, err := c.fn(c.raw())
		c.apply(change)
		c.err = err
	}}},
	{"Update recovers from a panic", "Update/function_panics", "got no panic", faults{"Update": func(c *call) { defer func() { recover() }(); c.do() }}},
	{"a panic leaves a lock", "Update/function_panics" + more, "wait for a lock", faults{"Update": func(c *call) { c.mu.Lock(); c.do(); c.mu.Unlock() }}},
	{"Update locks around its function", "Update/function_calls_the_store" + more, "ReadUse of b", faults{"Update": locked, "Get": locked}},
	{"Update reads, then writes", "Update/keeps_a_write_in_between Update/keeps_a_removal_in_between Update/removes_no_newer_value" +
		" Update/sees_a_new_entry Update/loses_no_step Update/revives_no_removed_entry" + more, "", faults{"Update": readThenWrite}},

	{"Touch writes the value back", "Touch/revives_no_removed_entry Touch/undoes_no_write" + more, "concurrent Touch", faults{"Touch": writeBack}},
	{"Keep writes the value back", "Keep/revives_no_removed_entry Keep/undoes_no_write" + more, "concurrent Keep", faults{"Update": writeBack}},
	{"ReadUse writes the value back", "reads/revive_no_removed_entry reads/undo_no_write" + more, "concurrent ReadUse", get(holdfast.ReadUse, writeBack)},
	{"Set writes the length first", "Set/leaves_one_whole_value" + more, `"new"`, faults{"Set": func(c *call) {
		before, _ := c.raw()
		pause()
		c.value = append(bytes.Clone(c.value), before[min(len(c.value), len(before)):]...)
		c.do()
	}}},
	{"Set writes in two steps", "all_methods_are_safe" + more, "want nothing but", faults{"Set": func(c *call) {
		c.set(append(bytes.Clone(c.value[:len(c.value)/2]), '?'), c.ttl)
		pause()
		c.do()
	}}},
	{"Set removes another entry", "all_methods_are_safe" + more, "no other goroutine uses", faults{"Set": func(c *call) {
		for other := range c.Reference.ScanValues(c.ctx, nil) {
			c.Reference.Touch(c.ctx, other.ID, 0)
			break
		}
		c.do()
	}}},
	{"ScanValues reads pages of an order", "ScanValues/misses_nothing" + more, "is missing", faults{"ScanValues": func(c *call) {
		var pages [2][]cache.Entry
		for i := range pages {
			pages[i] = slices.SortedFunc(c.all(), func(a, b cache.Entry) int { return int(a.TTL - b.TTL) })
			pause()
		}
		c.yields(append(pages[0][:len(pages[0])/2], pages[1][len(pages[1])/2:]...)...)
	}}},
	{"Watch ignores stop", "Watch/calls_nothing_after_stop", "after stop has returned", faults{"Watch": func(c *call) { c.do(); c.stop = func() {} }}},

	{"Set drops large values", "errors/of_rejected_arguments", "with a value of 4 MiB", faults{"Set": doIf(func(c *call) bool { return len(c.value) < 1<<20 })}},
	{"errors contain the ID", "errors/contain_no_secret", `"secret-id"`, faults{"Touch": wrapError("touching %s%.0v: %w")}},
	{"errors contain the ID in hex", "errors/contain_no_secret", `"secret-id"`, faults{"Get": wrapError("reading %X%.0v: %w")}},
	{"errors contain the value", "errors/contain_no_secret", `"secret-value"`, faults{"Set": wrapError("setting %.0v%v: %w")}},
	{"errors of Get wrap nothing", "errors/after_Close context/has_ended", "Read", faults{"Get": wrapError("reading %.0v%.0v: %v")}},
	{"Get hides its error", "errors/after_Close context/has_ended", "Read", faults{"Get": func(c *call) { c.do(); c.err = nil }}},
	{"Touch hides its error", "errors/after_Close context/has_ended", "Touch", faults{"Touch": func(c *call) { c.do(); c.err = nil }}},
	{"Get waits after its context", "context/has_ended" + more, "has not returned", faults{"Get": func(c *call) {
		if c.ctx.Err() != nil {
			time.Sleep(time.Second)
		}
		c.do()
	}}},
	{"an ended context leaves a lock", "context/ends_in_Update" + more, "wait for a lock", faults{"Update": func(c *call) {
		c.mu.Lock()
		if c.do(); c.ctx.Err() == nil {
			c.mu.Unlock()
		}
	}}},
	{"ScanValues hides its error", "errors/after_Close context/has_ended", "ScanValues", faults{"ScanValues": func(c *call) { c.yields(slices.Collect(c.all())...) }}},
	{"ScanValues goes on after an error", "errors/after_Close context/has_ended", "goes on", scanning(func(c *call, yield func(cache.Entry, error) bool) {
		for e, err := range c.Reference.ScanValues(c.ctx, c.value) {
			if !yield(e, err) || err != nil && !yield(e, nil) {
				return
			}
		}
	})},
	{"ScanValues stops when its context ends", "context/ends_in_ScanValues", "got 1, want 300", scanning(func(c *call, yield func(cache.Entry, error) bool) {
		ended := c.ctx.Err()
		for e, err := range c.Reference.ScanValues(c.ctx, c.value) {
			if c.ctx.Err() != ended || !yield(e, err) {
				return
			}
		}
	})},

	{"Set adds a minute to the TTL", "TTL/ends_entries" + more, `Set of "1" for 2ms, a wait of 3ms: got "1"`, faults{"Set": func(c *call) { c.ttl += time.Minute; c.do() }}},
	{"entries end at half their TTL", "TTL/keeps_entries_until_then ScanValues/reports_the_TTL", "got", faults{"Set": func(c *call) { c.ttl /= 2; c.do() }}},
	{"Touch gives no TTL", "TTL/is_replaced" + more, "Touch for 2ms, a wait", faults{"Touch": func(c *call) { _, c.found = c.raw() }}},
	{"ReadUse extends the TTL", "TTL/is_left_by_reads_and_Keep", "ReadUse, a wait", get(holdfast.ReadUse, extendTTL)},
	{"Keep extends the TTL", "TTL/is_left_by_reads_and_Keep", "Keep, a wait", faults{"Update": extendTTL}},
	{"a TTL of 0 means for ever", "TTL/of_0_ends_an_entry", "want no entry", faults{"Set": zeroIsForever}},
	{"Touch with 0 means for ever", "TTL/of_0_ends_an_entry reads_see_own_writes Update/keeps_a_removal_in_between" + more, "want no entry", faults{"Touch": zeroIsForever}},
	{"long TTLs overflow", "TTL/does_not_overflow", "got no entry", faults{"Set": doIf(func(c *call) bool { return c.ttl < 1000*hour })}},

	{"ScanValues ignores the prefix", "ScanValues/finds_the_prefix_once" + more, "want the prefix", faults{"ScanValues": func(c *call) { c.value = nil; c.do() }}},
	{"ScanValues finds entries twice", "ScanValues/finds_the_prefix_once" + more, "twice",
		faults{"ScanValues": func(c *call) { c.yields(append(slices.Collect(c.all()), slices.Collect(c.all())...)...) }}},
	{"ScanValues returns no TTL", "ScanValues/reports_the_TTL", "got a TTL of 0s", edit(func(_ *call, e *cache.Entry) { e.TTL = 0 })},
	{"ScanValues locks around the body", "ScanValues/body_stops_and_calls_the_store" + more, "wait for a lock",
		with("Update", locked, scanning(func(c *call, yield func(cache.Entry, error) bool) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.Reference.ScanValues(c.ctx, c.value)(yield)
		}))},
	{"an index has only Set's values", "ScanValues/finds_sessions_of_a_user" + more, "got no entry", with("Set", keepBytes, edit(func(c *call, e *cache.Entry) {
		if value, _ := noteOf[[]byte](c, e.ID); !bytes.HasPrefix(value, c.value) {
			e.ID = "not found"
		}
	}))},
	{"an index has only Set's TTLs", "ScanValues/follows_the_TTL" + more, "got no entry", with("Set",
		func(c *call) { c.notes.Store(c.id, time.Now().Add(c.ttl)); c.do() },
		edit(func(c *call, e *cache.Entry) {
			if end, found := c.notes.Load(e.ID); !found || !end.(time.Time).After(time.Now()) {
				e.ID = "not found"
			}
		}))},

	{"ReadUse is no use", "uses/ReadUse_is_one", "idle time", get(holdfast.ReadUse, func(c *call) { c.how = holdfast.ReadPeek; c.do() })},
	{"ReadPeek is a use", "uses/ReadPeek_is_none", "idle time", get(holdfast.ReadPeek, func(c *call) { c.how = holdfast.ReadUse; c.do() })},
	{"ReadFresh is a use", "uses/ReadFresh_is_none", "idle time", get(holdfast.ReadFresh, func(c *call) { c.how = holdfast.ReadUse; c.do() })},
	{"ScanValues is a use", "uses/ReadPeek_is_none uses/ReadFresh_is_none uses/ScanValues_is_none", "idle time",
		edit(func(c *call, e *cache.Entry) { c.Reference.Get(c.ctx, e.ID, holdfast.ReadUse) })},
	{"Now is the zero time", "Now/follows_the_clock", "1970", faults{"Now": func(*call) {}}},
	{"Now stands still", "Now/follows_the_clock", "passed", faults{"Now": func(c *call) { c.now = time.Unix(1e9, 0) }}},
	{"Now goes back", "Now/follows_the_clock", "goes back", faults{"Now": func(c *call) { c.calls++; c.do(); c.now = c.now.Add(-time.Minute * time.Duration(c.calls)) }}},
}

// sharedFaultTests are about two stores on one database.
var sharedFaultTests = []faultTest{
	{"own writes leave local copies", "shared/own_writes_at_once" + more, `Set of "new": got "old"`, faults{"Get": copies(hour)["Get"]}},
	{"ReadFresh returns local copies", "shared/ReadFresh_at_once" + more, "ReadFresh",
		faults{"Get": func(c *call) { c.how = holdfast.ReadUse; copies(hour)["Get"](c) }}},
	{"ScanValues returns local copies", "shared/ScanValues_at_once" + more, "ScanValues", with("Get", copies(hour)["Get"], edit(func(c *call, e *cache.Entry) {
		if copied, found := noteOf[localCopy](c, e.ID); found {
			e.Value = copied.value
		}
	}))},
	{"local copies for ever", "shared/reads_within_MaxStale shared/Touch_shortens_for_all" + more, "Read", copies(hour)},
	{"local copies decide the end", "shared/Touch_extends_for_all" + more, "got no entry", faults{"Get": func(c *call) {
		if copied, found := noteOf[localCopy](c, c.id); found && copied.found && !time.Now().Before(copied.ends) {
			return
		}
		copies(hour)["Get"](c)
	}}},
	{"Touch writes the local copy back", "shared/copies_are_not_written_back" + more, "the other's Touch: got", faults{
		"Get": copies(hour)["Get"],
		"Touch": func(c *call) {
			if copied, _ := noteOf[localCopy](c, c.id); copied.found && c.ttl > 0 {
				c.set(copied.value, c.ttl)
			} else {
				c.do()
			}
		}}},
	{"Touch is put off", "shared/Touch_shortens_for_all", "want no entry", faults{"Touch": func(c *call) {
		if c.found = true; c.ttl <= 0 || c.ttl >= hour {
			c.do()
		}
	}}},
	{"Watch never notifies", "shared/Watch_notices_writes", "the first", faults{"Watch": func(c *call) { c.stop = func() {} }}},
	{"Watch notifies for a while", "shared/Watch_notices_writes", "the second", faults{"Watch": func(c *call) {
		calls, changed := 0, c.changed
		c.changed = func() {
			if calls++; calls <= 2 { // of the own Set and of the other's
				changed()
			}
		}
		c.do()
	}}},
	{"stop ends each watch of the ID", "shared/Watch_notices_writes", "the first", faults{"Watch": func(c *call) {
		c.do()
		c.stops = append(c.stops, c.stop)
		c.stop = func() {
			for _, stop := range c.stops {
				stop()
			}
		}
	}}},
	{"each process has its clock", "shared/Now_is_the_same", "Now of another process", faults{"Now": func(c *call) {
		if c.do(); c.second {
			c.now = c.now.Add(5 * time.Second)
		}
	}}},
	{"each process has its lock", "Update/keeps_a_write_in_between Update/keeps_a_removal_in_between Update/removes_no_newer_value" +
		" Update/sees_a_new_entry Update/loses_no_step" + more, "", faults{"Update": func(c *call) { c.mu.Lock(); defer c.mu.Unlock(); readThenWrite(c) }}},
}

// localCopy is the result of a Get until a time.
type localCopy struct {
	value []byte
	found bool
	ends  time.Time
}

// copies make ReadUse and ReadPeek return copies that are at most so old.
func copies(maxStale time.Duration) faults {
	write := func(c *call) { c.do(); c.notes.Delete(c.id) }
	return faults{"Set": write, "Touch": write, "Update": write, "Get": func(c *call) {
		if copied, found := noteOf[localCopy](c, c.id); found && c.how != holdfast.ReadFresh && time.Now().Before(copied.ends) {
			c.value, c.found = bytes.Clone(copied.value), copied.found
			return
		}
		if c.do(); c.err == nil {
			ends := time.Now().Add(maxStale)
			if e := c.end(c.id); c.found && e.Before(ends) {
				ends = e
			}
			c.notes.Store(c.id, localCopy{bytes.Clone(c.value), c.found, ends})
		}
	}}
}

// end returns the end of an entry.
func (c *call) end(id string) (end time.Time) {
	c.Reference.mu.Lock()
	defer c.Reference.mu.Unlock()
	if e := c.Reference.entries[id]; e != nil {
		end = e.ends
	}
	return end
}

// noteOf returns the note of a fault about an ID: the bytes that Set has kept,
// or a localCopy.
func noteOf[T any](c *call, id string) (T, bool) {
	note, _ := c.notes.Load(id)
	value, found := note.(T)
	return value, found
}

// keepBytes is a Set that keeps its argument.
func keepBytes(c *call) { c.notes.Store(c.id, c.value); c.do() }

// raw reads without a fault.
func (c *call) raw() ([]byte, bool) {
	value, found, _ := c.Reference.Get(context.Background(), c.id, holdfast.ReadPeek)
	return value, found
}

// set stores without a fault and reports whether it could.
func (c *call) set(value []byte, ttl time.Duration) bool {
	return c.Reference.Set(context.Background(), c.id, value, ttl) == nil
}

// apply makes a change whatever the entry is.
func (c *call) apply(change cache.Change) {
	c.err = c.Reference.Update(c.ctx, c.id, func([]byte, bool) (cache.Change, error) { return change, nil })
}

// all are the entries that ScanValues would yield.
func (c *call) all() iter.Seq[cache.Entry] {
	return func(yield func(cache.Entry) bool) {
		for e, err := range c.Reference.ScanValues(c.ctx, c.value) {
			if err != nil || !yield(e) {
				return
			}
		}
	}
}

func (c *call) yields(entries ...cache.Entry) {
	scanning(func(_ *call, yield func(cache.Entry, error) bool) {
		for _, e := range entries {
			if !yield(e, nil) {
				return
			}
		}
	})["ScanValues"](c)
}

// scanning is a fault of ScanValues.
func scanning(fault func(c *call, yield func(cache.Entry, error) bool)) faults {
	return faults{"ScanValues": func(c *call) {
		c.entries = func(yield func(cache.Entry, error) bool) { fault(c, yield) }
	}}
}

// edit is a fault of ScanValues that changes entries.
func edit(fault func(c *call, e *cache.Entry)) faults {
	return scanning(func(c *call, yield func(cache.Entry, error) bool) {
		for e, err := range c.Reference.ScanValues(c.ctx, c.value) {
			if err == nil {
				fault(c, &e)
			}
			if !yield(e, err) {
				return
			}
		}
	})
}

// get is a fault of one mode of Get.
func get(how holdfast.ReadMode, fault func(c *call)) faults {
	return faults{"Get": func(c *call) {
		if c.how == how {
			fault(c)
		} else {
			c.do()
		}
	}}
}

// with adds a fault of another method.
func with(method string, fault func(c *call), f faults) faults {
	f[method] = fault
	return f
}

func everywhere(fault func(c *call)) faults {
	return faults{"Set": fault, "Get": fault, "Touch": fault, "Update": fault, "Watch": fault}
}

// doIf calls the method without a fault if condition holds.
func doIf(condition func(c *call) bool) func(c *call) {
	return func(c *call) {
		if condition(c) {
			c.do()
		}
	}
}

// readThenWrite is an Update in two steps.
func readThenWrite(c *call) {
	change, err := c.fn(c.raw())
	if c.err = err; err == nil {
		pause()
		c.apply(change)
	}
}

// writeBack reads an entry and writes it in two steps first.
func writeBack(c *call) {
	if value, found := c.raw(); found {
		pause()
		c.set(value, hour)
	}
	c.do()
}

func pause() { time.Sleep(50 * time.Microsecond) } // lets other goroutines run in between

func zeroIsForever(c *call) {
	if c.ttl <= 0 {
		c.ttl = cache.NoExpiry
	}
	c.do()
}

func extendTTL(c *call) { c.Reference.Touch(c.ctx, c.id, hour); c.do() }

func locked(c *call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.do()
}

// wrapError adds the ID and the value to an error.
func wrapError(format string) func(c *call) {
	return func(c *call) {
		if c.do(); c.err != nil {
			c.err = fmt.Errorf(format, c.id, c.value, c.err)
		}
	}
}

// openWrong returns a function that opens two stores with faults on one
// database.
func openWrong(f faults) func(t *testing.T) (a, b holdfast.Store) {
	return func(*testing.T) (a, b holdfast.Store) {
		database := newReference()
		return &wrong{Reference: database, faults: f}, &wrong{Reference: database, faults: f, second: true}
	}
}

func TestFaults(t *testing.T) {
	single := testFaults(t, faultTests, false, slices.Concat(entryChecks, updateChecks, errorChecks, scanChecks, ttlChecks))
	shared := testFaults(t, sharedFaultTests, true, sharedChecks)
	for _, c := range allChecks() {
		assert.True(t, single[c.name] || shared[c.name], "no fault breaks %s", c.name)
	}
}

// testFaults runs each fault's checks, and the sequential ones. It returns the
// checks that failed.
func testFaults(t *testing.T, tests []faultTest, shared bool, sequential []check) (broken map[string]bool) {
	broken = map[string]bool{}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			list, others := strings.CutSuffix(test.fails, more)
			fails := strings.Fields(list)
			only := slices.Clone(fails)
			u := newSuite(openWrong(test.faults), shared, Options{Virtual: true, Notifies: true})
			if others {
				u.patience = 200 * time.Millisecond // some faults hang
			} else {
				for _, c := range sequential {
					only = append(only, c.name)
				}
			}
			failures, _ := failuresOf(t, u, only...)
			assert.ElementsMatch(t, fails, slices.Collect(maps.Keys(failures)))
			for name, failure := range failures {
				assert.Contains(t, failure, test.message, name)
				assert.Regexp(t, "(?s)got .+ want .+\nthe contract: .+\nwhy it matters: .+", failure)
				broken[name] = true
			}
		})
	}
	return broken
}
