package storetest

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/holdfast-go/holdfast/cache"
)

// faults replace methods, by name.
type faults map[string]func(c *call)

// faulty is a cache with all optional methods and some faults.
type faulty struct {
	*cache.Cache
	faults

	mu     sync.Mutex
	calls  int
	kept   sync.Map // values by ID
	later  func()
	closed bool
}

// call is a call of a method of faulty.
type call struct {
	*faulty
	id      string
	value   []byte // an argument or a result
	ttl     time.Duration
	fn      updateFunc
	found   bool
	entries iter.Seq[cache.Entry]
	err     error
	do      func() // the method without a fault
}

func (f *faulty) run(method string, c *call, do func()) *call {
	c.faulty, c.do = f, do
	if fault := f.faults[method]; fault != nil {
		fault(c)
	} else {
		do()
	}
	return c
}

func (f *faulty) Set(id string, value []byte, ttl time.Duration) error {
	c := &call{id: id, value: value, ttl: ttl}
	return f.run("Set", c, func() { c.err = f.Cache.Set(c.id, c.value, c.ttl) }).err
}
func (f *faulty) Append(dst []byte, id string) ([]byte, bool) {
	c := &call{id: id, value: dst}
	f.run("Append", c, func() { c.value, c.found = f.Cache.Append(c.value, c.id) })
	return c.value, c.found
}
func (f *faulty) Peek(id string) ([]byte, bool) {
	c := &call{id: id}
	f.run("Peek", c, func() { peek(c) })
	return c.value, c.found
}
func (f *faulty) Touch(id string, ttl time.Duration) bool {
	c := &call{id: id, ttl: ttl}
	return f.run("Touch", c, func() { c.found = f.Cache.Touch(c.id, c.ttl) }).found
}
func (f *faulty) Update(id string, fn updateFunc) error {
	c := &call{id: id, fn: fn}
	return f.run("Update", c, func() { c.err = f.Cache.Update(c.id, c.fn) }).err
}
func (f *faulty) Load(ctx context.Context, dst []byte, id string) ([]byte, bool, error) {
	c := &call{id: id, value: dst}
	f.run("Load", c, func() {
		c.value, c.found = f.Cache.Append(c.value, c.id)
		if c.err = ctx.Err(); f.closed {
			c.err = cache.ErrClosed
		}
	})
	return c.value, c.found, c.err
}
func (f *faulty) ScanValues(prefix []byte) iter.Seq[cache.Entry] {
	c := &call{value: prefix}
	return f.run("ScanValues", c, func() { c.entries = f.Cache.ScanValues(c.value) }).entries
}
func (f *faulty) Close() error {
	f.closed = true
	return f.Cache.Close()
}

// more ends the list of a fault that breaks other subtests too.
const more = " more"

// Each fault makes the subtests in fails fail, with a message that contains
// message. It breaks no other subtest, unless the list ends with more;
// concurrentChecks that are not in the list do not run, because they can fail
// by chance.
var faultTests = []struct {
	name, fails, message string
	faults               faults
}{
	{"IDs in lower case", "IDs_are_any_bytes" + more, `"the value of ID 2"`, everywhere(strings.ToLower)},
	{"Load in lower case", "IDs_are_any_bytes" + more, "Load(", faults{"Load": func(c *call) { c.id = strings.ToLower(c.id); c.do() }}},
	{"IDs end at a NUL", "IDs_are_any_bytes", "the value of ID",
		everywhere(func(id string) string { return string(cut([]byte(id))) })},
	{"values end at a NUL", "values_are_any_bytes ScanValues_finds_the_prefix_once", `\x00`,
		faults{"Set": func(c *call) { c.value = cut(c.value); c.do() }}},
	{"empty values are missing", "empty_values_are_values", "got no entry", faults{"Append": func(c *call) {
		dst := len(c.value)
		c.do()
		c.found = len(c.value) > dst
	}}},
	{"Set keeps its argument", "Set_copies_its_argument" + more, `got "!!!!!"`, faults{"Set": keep, "Peek": readKept}},
	{"Put keeps its argument", "Put_copies_its_argument" + more, `got "!!!!!"`, faults{
		"Update": func(c *call) {
			change, err := c.fn(c.Cache.Peek(c.id))
			c.later = func() { c.apply(change) }
			c.err = err
		},
		"Peek": func(c *call) { c.later(); c.do() },
	}},
	{"Peek returns its own bytes", "reads_return_copies" + more, `got "!!!!!`, faults{"Peek": share}},
	{"Set overwrites in place", "results_do_not_change_later" + more, "newer", faults{
		"Set": func(c *call) {
			if shared, ok := c.kept.Load(c.id); ok {
				copy(shared.([]byte), c.value)
			}
			c.do()
		},
		"Peek": share,
	}},
	{"Update shows its own bytes", "Update_shows_a_copy", `got "!!!!!!`, faults{"Update": func(c *call) {
		fn := c.fn
		var seen []byte
		c.fn = func(old []byte, found bool) (cache.Change, error) {
			defer func() { seen = bytes.Clone(old) }()
			return fn(old, found)
		}
		if c.do(); c.err == nil && bytes.Contains(seen, []byte("!!")) {
			c.Cache.Set(c.id, seen, hour)
		}
	}}},
	{"Set does not replace", "Set_stores_and_replaces" + more, `got "1"`, faults{
		"Set": doIf(func(c *call) bool { _, found := c.Cache.Peek(c.id); return !found }),
	}},
	{"an admission filter rejects some", "new_entries_stay" + more, "got no entry", faults{
		"Set": doIf(func(c *call) bool { c.calls++; return c.calls%200 != 0 }),
	}},
	{"Append ignores dst", "Append_extends_dst Append_is_a_use", "", faults{"Append": peek}},
	{"Append drops dst on a miss", "Append_extends_dst", "want dst+", faults{"Append": func(c *call) {
		if c.do(); !c.found {
			c.value = nil
		}
	}}},
	{"Peek finds nothing", "Peek_finds_the_same_as_Append" + more, "got no entry", faults{"Peek": func(c *call) {}}},
	{"Touch makes an entry", "only_Set_and_Put_make_entries Touch_reports_whether_there_is_an_entry" + more, "want no entry",
		faults{"Touch": func(c *call) { c.found = c.Cache.Touch(c.id, c.ttl) || c.Cache.Set(c.id, nil, c.ttl) == nil }}},
	{"Append makes an entry", "only_Set_and_Put_make_entries" + more, "want no entry", faults{"Append": func(c *call) {
		if c.do(); !c.found {
			c.Cache.Set(c.id, nil, hour)
		}
	}}},

	{"Set adds a minute to the TTL", "entries_expire Touch_revives_no_expired_entry" + more, "after the TTL",
		faults{"Set": func(c *call) { c.ttl += time.Minute; c.do() }}},
	{"Touch finds expired entries", "entries_expire Touch_revives_no_expired_entry" + more, "want no entry", faults{
		"Set":   keep,
		"Touch": func(c *call) { readKept(c); c.found = c.found && c.Cache.Set(c.id, c.value, c.ttl) == nil },
	}},
	{"entries end at half their TTL", "entries_stay_until_their_TTL ScanValues_reports_the_TTL", "got",
		faults{"Set": func(c *call) { c.ttl /= 2; c.do() }}},
	{"Set and Put leave the TTL", "Set_and_Put_replace_the_TTL", "after the new TTL", faults{"Set": leaveTTL, "Update": leaveTTL}},
	{"Append extends the TTL", "reads_do_not_extend_the_TTL", "after the TTL",
		faults{"Append": func(c *call) { c.Cache.Touch(c.id, hour); c.do() }}},
	{"a TTL of 0 means for ever", "entries_without_TTL_end_at_once", "want no entry", faults{"Set": zeroIsForever}},
	{"long TTLs overflow", "the_longest_TTL_does_not_overflow", "got no entry", faults{
		"Set": doIf(func(c *call) bool { return c.ttl < 1000*hour }),
	}},
	{"Remove is ignored", "Remove_ends_an_entry Update_makes_the_change" + more, "after Remove", faults{"Update": func(c *call) {
		old, found := c.Cache.Peek(c.id)
		c.do()
		if _, still := c.Cache.Peek(c.id); found && !still {
			c.Cache.Set(c.id, old, hour)
		}
	}}},
	{"Touch gives no TTL", "Touch_gives_a_new_TTL" + more, "got no entry", faults{"Touch": peek}},
	{"Touch empties the value", "Touch_gives_a_new_TTL" + more, `got ""`,
		faults{"Touch": func(c *call) { peek(c); c.found = c.found && c.Cache.Set(c.id, nil, c.ttl) == nil }}},
	{"Touch with 0 means for ever", "Touch_with_TTL_0_ends_an_entry Update_keeps_a_removal_in_between", "want no entry",
		faults{"Touch": zeroIsForever}},
	{"Touch always reports true", "Touch_reports_whether_there_is_an_entry" + more, "want no entry",
		faults{"Touch": func(c *call) { c.do(); c.found = true }}},

	{"Update shows every ID as found", "Update_shows_the_entry" + more, "got true, want false", faults{"Update": func(c *call) {
		c.err = c.Cache.Update(c.id, func(old []byte, _ bool) (cache.Change, error) { return c.fn(old, true) })
	}}},
	{"Update changes nothing", "Update_makes_the_change" + more, "got no entry",
		faults{"Update": func(c *call) { _, c.err = c.fn(c.Cache.Peek(c.id)) }}},
	{"Keep extends the TTL", "Keep_leaves_the_TTL reads_do_not_extend_the_TTL", "want no entry",
		faults{"Update": func(c *call) { c.Cache.Touch(c.id, hour); c.do() }}},
	{"Update wraps the error", "Update_returns_the_function's_error", "*fmt.wrapError",
		faults{"Update": wrapError("update%.0v%.0v: %w")}},
	{"Update ignores the error", "an_error_in_Update_changes_nothing only_Set_and_Put_make_entries" + more, "with an error",
		faults{"Update": func(c *call) {
			change, err := c.fn(c.Cache.Peek(c.id))
			c.apply(change)
			c.err = err
		}}},
	{"Update recovers from a panic", "a_panic_in_Update_changes_nothing", "got no panic",
		faults{"Update": func(c *call) { defer func() { recover() }(); c.do() }}},
	{"a panic leaves the mutex locked", "a_panic_in_Update_changes_nothing" + more, "wait for a lock",
		faults{"Update": func(c *call) { c.mu.Lock(); c.do(); c.mu.Unlock() }}},
	{"Update locks around its function", "Update's_function_may_call_the_store" + more, "Peek of b",
		faults{"Update": locked, "Peek": locked}},
	{"Update reads, then writes", "Update_keeps_a_write_in_between Update_keeps_a_removal_in_between" +
		" Update_removes_no_newer_value Update_sees_an_entry_made_in_between concurrent_Updates_lose_nothing" +
		" Update_revives_no_removed_entry" + more, "",
		faults{"Update": func(c *call) {
			var change cache.Change
			if change, c.err = c.fn(c.Cache.Peek(c.id)); c.err == nil {
				pause()
				c.apply(change)
			}
		}}},
	{"Update compares lengths only", "Update_keeps_a_write_in_between Update_removes_no_newer_value" + more, "interrupted",
		faults{"Update": func(c *call) {
			for {
				old, found := c.Cache.Peek(c.id)
				change, err := c.fn(old, found)
				if now, still := c.Cache.Peek(c.id); still == found && len(now) == len(old) || err != nil {
					c.apply(change)
					c.err = err
					return
				}
			}
		}}},

	{"Touch reads, then writes", "Touch_revives_no_removed_entry Touch_undoes_no_concurrent_write" + more, "concurrent Touch",
		faults{"Touch": func(c *call) { c.writeBack(c.ttl) }}},
	{"Keep writes the value back", "Keep_revives_no_removed_entry Keep_undoes_no_concurrent_write" + more, "concurrent Keep",
		faults{"Update": func(c *call) { c.writeBack(hour); c.do() }}},
	{"Append writes the value back", "reads_revive_no_removed_entry reads_undo_no_concurrent_write" + more, "concurrent Append",
		faults{"Append": func(c *call) { c.writeBack(hour); c.do() }}},
	{"Set writes the length first", "concurrent_Sets_leave_one_whole_value" + more, `"new"`, faults{"Set": func(c *call) {
		before, _ := c.Cache.Peek(c.id)
		pause()
		c.value = append(bytes.Clone(c.value), before[min(len(c.value), len(before)):]...)
		c.do()
	}}},
	{"Set writes in two steps", "all_methods_are_safe_for_concurrent_use" + more, "want nothing but", faults{"Set": func(c *call) {
		c.Cache.Set(c.id, append(bytes.Clone(c.value[:len(c.value)/2]), '?'), c.ttl)
		pause()
		c.do()
	}}},
	{"Set deletes another entry", "concurrent_use_leaves_other_entries" + more, "different IDs", faults{"Set": func(c *call) {
		for other := range c.All() {
			if other != c.id {
				c.Delete(other)
				break
			}
		}
		c.do()
	}}},

	{"Set hides its error", "rejected_arguments_are_errors a_closed_store_returns_errors", "Set",
		faults{"Set": func(c *call) { c.do(); c.err = nil }}},
	{"errors contain the ID", "errors_contain_no_secret errors_after_Close_contain_no_secret", `"secret-id"`,
		faults{"Set": wrapError("setting %s%.0v: %w")}},
	{"errors contain the ID in hex", "errors_contain_no_secret errors_after_Close_contain_no_secret", `"secret-id"`,
		faults{"Set": wrapError("setting %X%.0v: %w")}},
	{"errors contain the value", "errors_contain_no_secret errors_after_Close_contain_no_secret", `"secret-value"`,
		faults{"Set": wrapError("setting %.0v%v: %w")}},

	{"Load ignores dst", "Load_extends_dst", "want dst+", faults{"Load": func(c *call) { c.value = nil; c.do() }}},
	{"Load ends values at a NUL", "values_are_any_bytes", `Load("set 0") after Set: got ""`, faults{"Load": func(c *call) { c.do(); c.value = cut(c.value) }}},
	{"Load returns its own bytes", "reads_return_copies" + more, "result of Load",
		faults{"Load": share, "Peek": shareCopy}},
	{"Load finds ended entries", "entries_expire Remove_ends_an_entry" + more, "Load(",
		faults{"Set": keep, "Load": readKept}},
	{"Load hides its error", "a_cancelled_Load_is_right_or_fails Load_of_a_closed_store_fails", "and no error",
		faults{"Load": func(c *call) { c.do(); c.found, c.err = c.found && c.err == nil, nil }}},

	{"ScanValues ignores the prefix", "ScanValues_finds_the_prefix_once", "want values with this prefix",
		faults{"ScanValues": func(c *call) { c.value = nil; c.do() }}},
	{"ScanValues prefix ends at a NUL", "ScanValues_finds_the_prefix_once", "want values with this prefix",
		faults{"ScanValues": func(c *call) { c.value = cut(c.value); c.do() }}},
	{"ScanValues needs a prefix", "ScanValues_finds_the_prefix_once" + more, "got no entry",
		faults{"ScanValues": func(c *call) {
			if c.do(); len(c.value) == 0 {
				c.entries = slices.Values([]cache.Entry(nil))
			}
		}}},
	{"ScanValues finds entries twice", "ScanValues_finds_the_prefix_once" + more, "twice", faults{"ScanValues": func(c *call) {
		c.do()
		all := slices.Collect(c.entries)
		c.entries = slices.Values(append(all, all...))
	}}},
	{"ScanValues returns IDs in hex", "IDs_are_any_bytes" + more, "ScanValues(",
		faults{"ScanValues": editEntries(func(_ *call, e *cache.Entry) { e.ID = hex.EncodeToString([]byte(e.ID)) })}},
	{"ScanValues returns no TTL", "ScanValues_reports_the_TTL", "got a TTL of 0s",
		faults{"ScanValues": editEntries(func(_ *call, e *cache.Entry) { e.TTL = 0 })}},
	{"ScanValues returns its own bytes", "reads_return_copies" + more, "result of ScanValues", faults{
		"Peek":       shareCopy,
		"ScanValues": editEntries(func(c *call, e *cache.Entry) { c.id = e.ID; share(c); e.Value = c.value }),
	}},
	{"ScanValues finds ended entries", "entries_expire Remove_ends_an_entry" + more, "ScanValues(",
		faults{"Set": keep, "ScanValues": func(c *call) {
			c.entries = func(yield func(cache.Entry) bool) {
				c.kept.Range(func(id, value any) bool {
					return yield(cache.Entry{ID: id.(string), Value: bytes.Clone(value.([]byte)), TTL: hour})
				})
			}
		}}},
	{"ScanValues locks around the body", "a_scan_may_stop_and_call_the_store" + more, "wait for a lock", faults{
		"Update": locked,
		"ScanValues": func(c *call) {
			c.entries = func(yield func(cache.Entry) bool) {
				c.mu.Lock()
				defer c.mu.Unlock()
				c.Cache.ScanValues(c.value)(yield)
			}
		},
	}},
	{"Append is no use", "Append_is_a_use", "idle time", faults{"Append": func(c *call) {
		dst := c.value
		peek(c)
		c.value = append(dst, c.value...)
	}}},
	{"Peek is a use", "Peek_is_no_use", "idle time", faults{"Peek": func(c *call) { c.value, c.found = c.Cache.Append(nil, c.id) }}},
	{"ScanValues is a use", "ScanValues_is_no_use", "idle time",
		faults{"ScanValues": editEntries(func(c *call, e *cache.Entry) { c.Cache.Append(nil, e.ID) })}},
}

func peek(c *call) { c.value, c.found = c.Cache.Peek(c.id) }

func pause() { time.Sleep(50 * time.Microsecond) } // lets other goroutines run in between

func cut(b []byte) []byte {
	before, _, _ := bytes.Cut(b, []byte{0})
	return before
}

// everywhere edits the ID in all methods.
func everywhere(edit func(id string) string) faults {
	all := faults{}
	for _, method := range []string{"Set", "Append", "Peek", "Touch", "Update", "Load"} {
		all[method] = func(c *call) { c.id = edit(c.id); c.do() }
	}
	return all
}

func editEntries(edit func(c *call, e *cache.Entry)) func(c *call) {
	return func(c *call) {
		c.do()
		found := slices.Collect(c.entries)
		for i := range found {
			edit(c, &found[i])
		}
		c.entries = slices.Values(found)
	}
}

// apply makes a change whatever the entry is.
func (c *call) apply(change cache.Change) {
	c.err = c.Cache.Update(c.id, func([]byte, bool) (cache.Change, error) { return change, nil })
}

// writeBack reads an entry and writes it in two steps.
func (c *call) writeBack(ttl time.Duration) {
	value, found := c.Cache.Peek(c.id)
	if c.found = found; found {
		pause()
		c.Cache.Set(c.id, value, ttl)
	}
}

// doIf calls the method without a fault if condition holds.
func doIf(condition func(c *call) bool) func(c *call) {
	return func(c *call) {
		if condition(c) {
			c.do()
		}
	}
}

func zeroIsForever(c *call) {
	if c.ttl <= 0 {
		c.ttl = cache.NoExpiry
	}
	c.do()
}

// keep is a Set that keeps its argument.
func keep(c *call) { c.kept.Store(c.id, c.value); c.do() }

func readKept(c *call) {
	if kept, found := c.kept.Load(c.id); found {
		c.value, c.found = append(c.value, kept.([]byte)...), true
	}
}

// share is a read that returns the same slice to all callers.
func share(c *call) {
	if value, found := c.Cache.Peek(c.id); found {
		shared, _ := c.kept.LoadOrStore(c.id, value)
		c.value, c.found = shared.([]byte), true
	}
}

func shareCopy(c *call) { share(c); c.value = bytes.Clone(c.value) }

func leaveTTL(c *call) {
	ttl := time.Duration(0)
	for e := range c.Cache.ScanValues(nil) {
		if e.ID == c.id {
			ttl = e.TTL
		}
	}
	if c.do(); ttl > 0 {
		c.Cache.Touch(c.id, ttl)
	}
}

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

func TestFaults(t *testing.T) {
	var all, sequential []string
	for _, c := range allChecks() {
		all = append(all, c.name)
		if !slices.ContainsFunc(concurrentChecks, func(other check) bool { return other.name == c.name }) {
			sequential = append(sequential, c.name)
		}
	}
	var broken []string
	for _, test := range faultTests {
		t.Run(test.name, func(t *testing.T) {
			list, others := strings.CutSuffix(test.fails, more)
			fails := strings.Fields(list)
			only := fails
			if !others {
				only = slices.Concat(fails, sequential)
			}
			failures, _ := record(t, openFaulty(test.faults), Options{Virtual: true}, only)
			assert.ElementsMatch(t, fails, slices.Collect(maps.Keys(failures)))
			for name, failure := range failures {
				assert.Contains(t, failure, test.message, name)
				assert.Regexp(t, "(?s)got .+ want .+\nthe contract: .+\nwhy it matters: .+", failure)
				broken = append(broken, name)
			}
		})
	}
	assert.Subset(t, broken, all, "no fault breaks some of the checks")
}
