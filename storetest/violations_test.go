package storetest

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
)

// violations are stores with one fault each, the promises that it breaks, and
// what the explanation has to contain.
var violations = []struct {
	fault    string
	promises []string
	explains string
	make     func(f *faulty)
}{
	{"IDs in lower case", []string{"IDs are any bytes", "Load takes any ID"}, `the value of ID 2`,
		func(f *faulty) { f.key = strings.ToLower }},
	{"IDs end at a NUL", []string{"IDs are any bytes"}, `the value of ID`,
		func(f *faulty) {
			f.key = func(id string) string { before, _, _ := strings.Cut(id, "\x00"); return before }
		}},
	{"values end at a NUL", []string{"values are any bytes"}, `"\x00\x01`,
		func(f *faulty) {
			f.set = func(id string, value []byte, ttl time.Duration) error {
				before, _, _ := bytes.Cut(value, []byte{0})
				return f.c.Set(id, before, ttl)
			}
		}},
	{"empty means missing", []string{"an empty value is a value"}, "no entry",
		func(f *faulty) {
			f.append = func(dst []byte, id string) ([]byte, bool) {
				got, _ := f.c.Append(dst, id)
				return got, len(got) > len(dst)
			}
		}},
	{"Set keeps the slice", []string{"Set keeps a copy"}, `"!!!!!"`,
		func(f *faulty) { f.remember(); f.peek = f.remembered }},
	{"Put keeps the slice", []string{"Put keeps a copy"}, `"!!!!!"`,
		func(f *faulty) {
			var later func() error
			f.update = func(id string, fn updateFunc) error {
				change, err := fn(f.c.Peek(id))
				later = func() error { return f.make(id, change) }
				return err
			}
			f.peek = func(id string) ([]byte, bool) { later(); return f.c.Peek(id) }
		}},
	{"Peek returns the store's own bytes", []string{"what reads return is a copy"}, `"!!!!!`,
		func(f *faulty) { f.peek = f.share }},
	{"Set overwrites in place", []string{"what reads returned stays as it was"}, `"newer"`,
		func(f *faulty) {
			f.peek = f.share
			f.set = func(id string, value []byte, ttl time.Duration) error {
				if shared, ok := f.remembered(id); ok {
					copy(shared, value)
				}
				return f.c.Set(id, value, ttl)
			}
		}},
	{"Update shows the store's own bytes", []string{"what Update's function sees is a copy"}, `"!!!!!!`,
		func(f *faulty) {
			f.update = func(id string, fn updateFunc) error {
				return f.c.Update(id, func(old []byte, found bool) (cache.Change, error) {
					before := bytes.Clone(old)
					change, err := fn(old, found)
					if !bytes.Equal(before, old) {
						return cache.Put(old, hour), nil
					}
					return change, err
				})
			}
		}},

	{"Set does not replace", []string{"Set stores and replaces"}, `"1"`,
		func(f *faulty) {
			f.set = func(id string, value []byte, ttl time.Duration) error {
				if _, found := f.c.Peek(id); found {
					return nil
				}
				return f.c.Set(id, value, ttl)
			}
		}},
	{"an admission filter drops some", []string{"what Set stored is there"}, "no entry",
		func(f *faulty) {
			n := 0
			f.set = func(id string, value []byte, ttl time.Duration) error {
				if n++; n%200 == 0 {
					return nil
				}
				return f.c.Set(id, value, ttl)
			}
		}},
	{"Append forgets dst", []string{"Append extends dst"}, `"dst+value"`,
		func(f *faulty) { f.append = func(_ []byte, id string) ([]byte, bool) { return f.c.Peek(id) } }},
	{"Append drops dst on a miss", []string{"Append extends dst"}, `"dst+"`,
		func(f *faulty) {
			f.append = func(dst []byte, id string) ([]byte, bool) {
				if got, found := f.c.Append(dst, id); found {
					return got, true
				}
				return nil, false
			}
		}},
	{"Peek finds nothing", []string{"Peek finds what Append finds"}, "no entry",
		func(f *faulty) { f.peek = func(string) ([]byte, bool) { return nil, false } }},
	{"Touch makes an entry", []string{"nothing but Set and Put make an entry", "Touch reports whether there is an entry"}, `Touch("a", 1h0m0s) = true`,
		func(f *faulty) {
			f.touch = func(id string, ttl time.Duration) bool {
				return f.c.Touch(id, ttl) || f.c.Set(id, nil, ttl) == nil
			}
		}},
	{"Append makes an entry", []string{"nothing but Set and Put make an entry"}, "no entry",
		func(f *faulty) {
			f.append = func(dst []byte, id string) ([]byte, bool) {
				got, found := f.c.Append(dst, id)
				if !found {
					f.c.Set(id, nil, hour)
				}
				return got, found
			}
		}},

	{"Set's ttl has a minute's grace", []string{"an entry is gone from all methods once its ttl is over", "Touch never brings back an entry whose ttl is over"}, "wait 3ms",
		func(f *faulty) {
			f.set = func(id string, value []byte, ttl time.Duration) error { return f.c.Set(id, value, ttl+time.Minute) }
		}},
	{"Touch finds what has expired", []string{"Touch never brings back an entry whose ttl is over", "an entry is gone from all methods once its ttl is over"}, "true",
		func(f *faulty) {
			f.remember()
			f.touch = func(id string, ttl time.Duration) bool {
				value, ok := f.remembered(id)
				return ok && f.c.Set(id, value, ttl) == nil
			}
		}},
	{"entries end at half their ttl", []string{"an entry is there until its ttl is over"}, "its ttl is not over",
		func(f *faulty) {
			f.set = func(id string, value []byte, ttl time.Duration) error { return f.c.Set(id, value, ttl/2) }
		}},
	{"Set leaves the ttl", []string{"Set and Put replace the ttl too"}, "its new ttl is over",
		func(f *faulty) {
			f.set = func(id string, value []byte, ttl time.Duration) error {
				if old := f.ttl(id); old > 0 {
					ttl = old
				}
				return f.c.Set(id, value, ttl)
			}
			f.update = func(id string, fn updateFunc) error {
				old := f.ttl(id)
				err := f.c.Update(id, fn)
				if old > 0 {
					f.c.Touch(id, old)
				}
				return err
			}
		}},
	{"Append lengthens the ttl", []string{"reading does not lengthen the ttl"}, "its ttl is over",
		func(f *faulty) {
			f.append = func(dst []byte, id string) ([]byte, bool) {
				f.c.Touch(id, hour)
				return f.c.Append(dst, id)
			}
		}},
	{"a ttl of 0 means for ever", []string{"a ttl of 0 or less is over at once"}, "its ttl was never positive",
		func(f *faulty) {
			f.set = func(id string, value []byte, ttl time.Duration) error {
				if ttl == 0 {
					ttl = cache.NoExpiry
				}
				return f.c.Set(id, value, ttl)
			}
		}},
	{"long ttls overflow", []string{"the longest ttl is no short one"}, "no entry",
		func(f *faulty) {
			f.set = func(id string, value []byte, ttl time.Duration) error {
				if ttl > 1000*hour {
					return nil
				}
				return f.c.Set(id, value, ttl)
			}
		}},
	{"Remove is ignored", []string{"an entry is gone from all methods after Update removed it", "Update makes the change that its function returns"}, "it was removed",
		func(f *faulty) {
			f.update = func(id string, fn updateFunc) error {
				old, found := f.c.Peek(id)
				err := f.c.Update(id, fn)
				if _, still := f.c.Peek(id); found && !still {
					f.c.Set(id, old, hour)
				}
				return err
			}
		}},

	{"Touch gives no ttl", []string{"Touch gives a new ttl and leaves the value"}, "no entry",
		func(f *faulty) {
			f.touch = func(id string, _ time.Duration) bool { _, found := f.c.Peek(id); return found }
		}},
	{"Touch empties the value", []string{"Touch gives a new ttl and leaves the value"}, `""`,
		func(f *faulty) {
			f.touch = func(id string, ttl time.Duration) bool {
				_, found := f.c.Peek(id)
				return found && f.c.Set(id, nil, ttl) == nil
			}
		}},
	{"Touch with 0 means for ever", []string{"Touch with a ttl of 0 or less ends the entry"}, "Touch ended it",
		func(f *faulty) {
			f.touch = func(id string, ttl time.Duration) bool {
				if ttl <= 0 {
					ttl = cache.NoExpiry
				}
				return f.c.Touch(id, ttl)
			}
		}},
	{"Touch always says true", []string{"Touch reports whether there is an entry"}, "there is no such entry",
		func(f *faulty) { f.touch = func(id string, ttl time.Duration) bool { f.c.Touch(id, ttl); return true } }},

	{"Update's function is told that all is there", []string{"Update's function sees what is there"}, "no entry",
		func(f *faulty) {
			f.update = func(id string, fn updateFunc) error {
				return f.c.Update(id, func(old []byte, _ bool) (cache.Change, error) { return fn(old, true) })
			}
		}},
	{"Update changes nothing", []string{"Update makes the change that its function returns"}, "no entry",
		func(f *faulty) {
			f.update = func(id string, fn updateFunc) error { _, err := fn(f.c.Peek(id)); return err }
		}},
	{"Keep lengthens the ttl", []string{"Keep leaves the ttl too"}, "the ttl that Set gave it is over",
		func(f *faulty) {
			f.update = func(id string, fn updateFunc) error { f.c.Touch(id, hour); return f.c.Update(id, fn) }
		}},
	{"the function's error is wrapped", []string{"the error of Update's function is returned as it is"}, "*fmt.wrapError",
		func(f *faulty) {
			f.update = func(id string, fn updateFunc) error {
				if err := f.c.Update(id, fn); err != nil {
					return fmt.Errorf("update: %w", err)
				}
				return nil
			}
		}},
	{"the change comes before the error", []string{"an error of Update's function leaves all unchanged", "nothing but Set and Put make an entry"}, "and the error",
		func(f *faulty) {
			f.update = func(id string, fn updateFunc) error {
				change, err := fn(f.c.Peek(id))
				f.make(id, change)
				return err
			}
		}},
	{"a panic is swallowed", []string{"a panic in Update's function leaves all unchanged"}, "Update returned nil",
		func(f *faulty) {
			f.update = func(id string, fn updateFunc) error {
				defer func() { recover() }()
				return f.c.Update(id, fn)
			}
		}},
	{"a panic leaves a lock held", []string{"a panic in Update's function leaves all unchanged"}, "wait for a lock",
		func(f *faulty) {
			f.update = func(id string, fn updateFunc) error {
				f.mu.Lock()
				err := f.c.Update(id, fn)
				f.mu.Unlock()
				return err
			}
		}},
	{"Update's function runs under the lock", []string{"Update's function may call the store"}, `within Update: Peek("b")`,
		func(f *faulty) {
			f.update = func(id string, fn updateFunc) error {
				f.mu.Lock()
				defer f.mu.Unlock()
				return f.c.Update(id, fn)
			}
			f.peek = func(id string) ([]byte, bool) {
				f.mu.Lock()
				defer f.mu.Unlock()
				return f.c.Peek(id)
			}
		}},

	{"Update is a read and a write", []string{
		"a write between is not overwritten", "what was removed between is not put back",
		"what was written between is not removed unseen", "an entry made between is seen",
		"concurrent Updates lose no step",
		"Update does not bring back what is removed meanwhile",
	}, "Update",
		func(f *faulty) { f.update = f.updateInTwoSteps }},
	{"Update tells versions apart by their value's length", []string{"a write between is not overwritten", "what was written between is not removed unseen"}, "before its function returns",
		func(f *faulty) {
			f.update = func(id string, fn updateFunc) error {
				for {
					old, found := f.c.Peek(id)
					change, err := fn(old, found)
					if err != nil {
						return err
					}
					if now, still := f.c.Peek(id); still == found && len(now) == len(old) {
						return f.make(id, change)
					}
				}
			}
		}},

	{"Touch is a read and a write", []string{"Touch does not bring back what is removed meanwhile", "Touch does not undo what is written meanwhile"}, "Touch in three goroutines",
		func(f *faulty) { f.touch = f.writeBack }},
	{"Keep writes back what it read", []string{"Keep does not bring back what is removed meanwhile", "Keep does not undo what is written meanwhile"}, "by Keep,",
		func(f *faulty) {
			f.update = func(id string, fn updateFunc) error {
				f.writeBack(id, hour)
				return f.c.Update(id, fn)
			}
		}},
	{"Append rolls the ttl by writing back", []string{"reads do not bring back what is removed meanwhile", "reads do not undo what is written meanwhile"}, "Append in three goroutines",
		func(f *faulty) {
			f.append = func(dst []byte, id string) ([]byte, bool) {
				f.writeBack(id, hour)
				return f.c.Append(dst, id)
			}
		}},
	{"Set writes the length and then the bytes", []string{"an Update and concurrent Sets leave one of them whole"}, `"new" or "update"`,
		func(f *faulty) {
			f.set = func(id string, value []byte, ttl time.Duration) error {
				before, _ := f.c.Peek(id)
				pause()
				return f.c.Set(id, append(bytes.Clone(value), before[min(len(value), len(before)):]...), ttl)
			}
		}},
	{"Set writes in two steps", []string{"all methods may be called at the same time"}, "a value of nothing but",
		func(f *faulty) {
			f.set = func(id string, value []byte, ttl time.Duration) error {
				f.c.Set(id, append(bytes.Clone(value[:len(value)/2]), '?'), ttl)
				pause()
				return f.c.Set(id, value, ttl)
			}
		}},
	{"a Set drops the neighbours", []string{"entries of others are left alone"}, "each on IDs of its own",
		func(f *faulty) {
			f.set = func(id string, value []byte, ttl time.Duration) error {
				for other := range f.c.All() {
					if other != id {
						f.c.Delete(other)
						break
					}
				}
				return f.c.Set(id, value, ttl)
			}
		}},

	{"Set hides its error", []string{"what cannot be stored is an error", "a closed store returns errors"}, "Set",
		func(f *faulty) {
			f.set = func(id string, value []byte, ttl time.Duration) error { f.c.Set(id, value, ttl); return nil }
		}},
	{"errors name the ID", []string{"errors contain no ID and no value", "errors of a closed store contain no ID and no value"}, "with the ID",
		func(f *faulty) {
			f.set = func(id string, value []byte, ttl time.Duration) error {
				if err := f.c.Set(id, value, ttl); err != nil {
					return fmt.Errorf("setting %s: %w", id, err)
				}
				return nil
			}
		}},
	{"errors name the ID in hexadecimal", []string{"errors contain no ID and no value"}, "with the ID",
		func(f *faulty) {
			f.set = func(id string, value []byte, ttl time.Duration) error {
				if err := f.c.Set(id, value, ttl); err != nil {
					return fmt.Errorf("setting %X: %w", id, err)
				}
				return nil
			}
		}},
	{"errors show the value", []string{"errors contain no ID and no value"}, "with the value",
		func(f *faulty) {
			f.set = func(id string, value []byte, ttl time.Duration) error {
				if err := f.c.Set(id, value, ttl); err != nil {
					return fmt.Errorf("setting %v: %w", value, err)
				}
				return nil
			}
		}},

	{"Load forgets dst", []string{"Load extends dst"}, `"dst+value"`,
		func(f *faulty) {
			f.load = func(_ context.Context, _ []byte, id string) ([]byte, bool, error) {
				value, found := f.c.Peek(id)
				return value, found, nil
			}
		}},
	{"Load ends values at a NUL", []string{"Load returns any value"}, `found ""`,
		func(f *faulty) {
			f.load = func(_ context.Context, dst []byte, id string) ([]byte, bool, error) {
				value, found := f.c.Append(dst, id)
				before, _, _ := bytes.Cut(value, []byte{0})
				return before, found, nil
			}
		}},
	{"Load returns the store's own bytes", []string{"Load returns a copy"}, `"!!!!!!"`,
		func(f *faulty) {
			f.peek = f.share
			f.load = func(_ context.Context, _ []byte, id string) ([]byte, bool, error) {
				value, found := f.share(id)
				return value, found, nil
			}
		}},
	{"Load finds all that was ever stored", []string{"Load finds no entry whose ttl is over", "Load finds no entry that was removed, and makes none"}, "Load",
		func(f *faulty) {
			f.remember()
			f.load = func(_ context.Context, dst []byte, id string) ([]byte, bool, error) {
				value, found := f.remembered(id)
				return append(dst, value...), found, nil
			}
		}},
	{"Load takes any error for a miss", []string{"Load that was cancelled is an error, or right", "Load from a closed store is an error"}, "no entry, and no error",
		func(f *faulty) {
			sound := f.load
			f.load = func(ctx context.Context, dst []byte, id string) ([]byte, bool, error) {
				dst, found, _ := sound(ctx, dst, id)
				return dst, found, nil
			}
		}},

	{"ScanValues finds all but what begins so", []string{"ScanValues finds the entries that begin so, each once"}, "values that begin with",
		func(f *faulty) { f.scan = func([]byte) iter.Seq[cache.Entry] { return f.c.ScanValues(nil) } }},
	{"ScanValues ends the prefix at a NUL", []string{"ScanValues finds the entries that begin so, each once"}, "values that begin with",
		func(f *faulty) {
			f.scan = func(prefix []byte) iter.Seq[cache.Entry] {
				before, _, _ := bytes.Cut(prefix, []byte{0})
				return f.c.ScanValues(before)
			}
		}},
	{"ScanValues finds nothing for no prefix", []string{"ScanValues finds the entries that begin so, each once"}, "no entry",
		func(f *faulty) {
			f.scan = func(prefix []byte) iter.Seq[cache.Entry] {
				if len(prefix) == 0 {
					return func(func(cache.Entry) bool) {}
				}
				return f.c.ScanValues(prefix)
			}
		}},
	{"ScanValues finds entries twice", []string{"ScanValues finds the entries that begin so, each once"}, "twice",
		func(f *faulty) {
			f.scan = func(prefix []byte) iter.Seq[cache.Entry] {
				return func(yield func(cache.Entry) bool) {
					for entry := range f.c.ScanValues(prefix) {
						for range 2 {
							if !yield(entry) {
								return
							}
						}
					}
				}
			}
		}},
	{"ScanValues gives IDs in hexadecimal", []string{"ScanValues finds any ID"}, "no entry",
		func(f *faulty) {
			f.scan = func(prefix []byte) iter.Seq[cache.Entry] {
				return f.entries(prefix, func(e *cache.Entry) { e.ID = hex.EncodeToString([]byte(e.ID)) })
			}
		}},
	{"ScanValues gives no ttl", []string{"ScanValues tells the ttl"}, "0s",
		func(f *faulty) {
			f.scan = func(prefix []byte) iter.Seq[cache.Entry] {
				return f.entries(prefix, func(e *cache.Entry) { e.TTL = 0 })
			}
		}},
	{"ScanValues returns the store's own bytes", []string{"ScanValues returns copies"}, `"!!!!!!"`,
		func(f *faulty) {
			f.peek = f.share
			f.scan = func(prefix []byte) iter.Seq[cache.Entry] {
				return f.entries(prefix, func(e *cache.Entry) { e.Value, _ = f.share(e.ID) })
			}
		}},
	{"ScanValues finds all that was ever stored", []string{"ScanValues finds no entry whose ttl is over", "ScanValues finds no entry that was removed, and makes none"}, "ScanValues",
		func(f *faulty) { f.remember(); f.scan = f.staleEntries }},
	{"ScanValues holds the lock", []string{"a loop over ScanValues may stop and may call the store"}, "wait for a lock",
		func(f *faulty) {
			f.scan = func(prefix []byte) iter.Seq[cache.Entry] {
				return func(yield func(cache.Entry) bool) {
					f.mu.Lock()
					defer f.mu.Unlock()
					f.c.ScanValues(prefix)(yield)
				}
			}
			f.update = func(id string, fn updateFunc) error {
				f.mu.Lock()
				defer f.mu.Unlock()
				return f.c.Update(id, fn)
			}
		}},
	{"Append is no use", []string{"Append is a use"}, "idle for",
		func(f *faulty) {
			f.append = func(dst []byte, id string) ([]byte, bool) {
				value, found := f.c.Peek(id)
				return append(dst, value...), found
			}
		}},
	{"Peek is a use", []string{"Peek is no use"}, "idle for",
		func(f *faulty) { f.peek = func(id string) ([]byte, bool) { return f.c.Append(nil, id) } }},
	{"ScanValues is a use", []string{"ScanValues is no use"}, "idle for",
		func(f *faulty) {
			f.scan = func(prefix []byte) iter.Seq[cache.Entry] {
				return f.entries(prefix, func(e *cache.Entry) { f.c.Append(nil, e.ID) })
			}
		}},
}

// impatient is enough for calls that do not wait.
const impatient = 100 * time.Millisecond

func promiseCalled(t *testing.T, name string) promise {
	for _, p := range promises() {
		if p.name == name {
			return p
		}
	}
	require.Fail(t, "no such promise", name)
	return promise{}
}

func TestEachViolationIsExplained(t *testing.T) {
	for _, v := range violations {
		for _, name := range v.promises {
			t.Run(v.fault+"/"+name, func(t *testing.T) {
				p := promiseCalled(t, name)
				result := p.examine(t, func(t *testing.T) holdfast.Store {
					f := openSound(t)
					v.make(f)
					return f
				}, Options{Virtual: true}, impatient)

				require.NotNil(t, result.violation, "the suite missed it")
				explanation := result.violation.Error()
				t.Log(explanation)
				assert.Contains(t, explanation, p.says)
				assert.Contains(t, explanation, p.because)
				assert.Contains(t, explanation, v.explains)
				assert.NotEmpty(t, result.violation.done)
				assert.LessOrEqual(t, len(result.violation.done), 20, "more is not read")
			})
		}
	}
}

// A promise that no fault breaks would be one that is not checked.
func TestEachPromiseIsBrokenBySomeFault(t *testing.T) {
	broken := map[string]bool{}
	for _, v := range violations {
		for _, name := range v.promises {
			broken[name] = true
		}
	}
	for _, p := range promises() {
		assert.True(t, broken[p.name], "%s", p.name)
	}
}
