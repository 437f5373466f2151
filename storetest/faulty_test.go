package storetest

import (
	"context"
	"iter"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
)

// faulty is a store that keeps the contract in all but what a test has
// replaced. It implements all optional parts.
type faulty struct {
	c *cache.Cache

	key    func(id string) string
	set    func(id string, value []byte, ttl time.Duration) error
	append func(dst []byte, id string) ([]byte, bool)
	peek   func(id string) ([]byte, bool)
	touch  func(id string, ttl time.Duration) bool
	update func(id string, fn updateFunc) error
	load   func(ctx context.Context, dst []byte, id string) ([]byte, bool, error)
	scan   func(prefix []byte) iter.Seq[cache.Entry]

	mu     sync.Mutex // for faults that hold a lock too long
	kept   sync.Map   // for faults that remember an ID's bytes
	closed bool
}

type updateFunc = func(old []byte, found bool) (cache.Change, error)

var (
	_ holdfast.Loader  = (*faulty)(nil)
	_ holdfast.Scanner = (*faulty)(nil)
)

func openSound(t *testing.T) *faulty {
	c, err := cache.New(cache.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	f := &faulty{
		c: c, key: func(id string) string { return id },
		set: c.Set, append: c.Append, peek: c.Peek, touch: c.Touch, update: c.Update, scan: c.ScanValues,
	}
	f.load = func(ctx context.Context, dst []byte, id string) ([]byte, bool, error) {
		if f.closed {
			return dst, false, cache.ErrClosed
		}
		if err := ctx.Err(); err != nil {
			return dst, false, err
		}
		dst, found := c.Append(dst, id)
		return dst, found, nil
	}
	return f
}

func (f *faulty) Set(id string, value []byte, ttl time.Duration) error {
	return f.set(f.key(id), value, ttl)
}
func (f *faulty) Append(dst []byte, id string) ([]byte, bool) { return f.append(dst, f.key(id)) }
func (f *faulty) Peek(id string) ([]byte, bool)               { return f.peek(f.key(id)) }
func (f *faulty) Touch(id string, ttl time.Duration) bool     { return f.touch(f.key(id), ttl) }
func (f *faulty) Update(id string, fn updateFunc) error       { return f.update(f.key(id), fn) }

func (f *faulty) Load(ctx context.Context, dst []byte, id string) ([]byte, bool, error) {
	return f.load(ctx, dst, f.key(id))
}

func (f *faulty) ScanValues(prefix []byte) iter.Seq[cache.Entry] { return f.scan(prefix) }

func (f *faulty) Close() error {
	f.closed = true
	return f.c.Close()
}

// The faults that several promises are broken by.

// make carries out a change without a look at what is there.
func (f *faulty) make(id string, change cache.Change) error {
	return f.c.Update(id, func([]byte, bool) (cache.Change, error) { return change, nil })
}

// pause lets others get in between.
func pause() { time.Sleep(50 * time.Microsecond) }

// writeBack is what a read, or a Touch, made of a read and a write does.
func (f *faulty) writeBack(id string, ttl time.Duration) bool {
	value, found := f.c.Peek(id)
	if found {
		pause()
		f.c.Set(id, value, ttl)
	}
	return found
}

// updateInTwoSteps is an Update that is not atomic.
func (f *faulty) updateInTwoSteps(id string, fn updateFunc) error {
	old, found := f.c.Peek(id)
	change, err := fn(old, found)
	if err != nil {
		return err
	}
	pause()
	return f.make(id, change)
}

// remember makes Set keep the slices that it is given.
func (f *faulty) remember() {
	f.set = func(id string, value []byte, ttl time.Duration) error {
		f.kept.Store(id, value)
		return f.c.Set(id, value, ttl)
	}
}

func (f *faulty) remembered(id string) ([]byte, bool) {
	value, ok := f.kept.Load(id)
	if !ok {
		return nil, false
	}
	return value.([]byte), true
}

// share makes reads return one and the same slice.
func (f *faulty) share(id string) ([]byte, bool) {
	value, found := f.c.Peek(id)
	if !found {
		return nil, false
	}
	shared, _ := f.kept.LoadOrStore(id, value)
	return shared.([]byte), true
}

// entries changes each entry that ScanValues finds.
func (f *faulty) entries(prefix []byte, edit func(*cache.Entry)) iter.Seq[cache.Entry] {
	return func(yield func(cache.Entry) bool) {
		for entry := range f.c.ScanValues(prefix) {
			if edit(&entry); !yield(entry) {
				return
			}
		}
	}
}

func (f *faulty) ttl(id string) time.Duration {
	for entry := range f.c.ScanValues(nil) {
		if entry.ID == id {
			return entry.TTL
		}
	}
	return 0
}

// staleEntries is all that was ever stored.
func (f *faulty) staleEntries([]byte) iter.Seq[cache.Entry] {
	return func(yield func(cache.Entry) bool) {
		for id, value := range f.kept.Range {
			if !yield(cache.Entry{ID: id.(string), Value: slices.Clone(value.([]byte)), TTL: hour}) {
				return
			}
		}
	}
}
