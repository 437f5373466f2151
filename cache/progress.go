package cache

import (
	"io"
	"io/fs"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Progress is a long operation that is under way.
type Progress struct {
	// Operation is a word for logs and labels: "load" (Load and LoadFile),
	// "sort" (the end of a Load), "save" (Save and SaveFile, with the time that
	// the disk takes), "scan" (a loop over All or ScanValues, as in listing or
	// ending sessions) or "resize" (SetMaxBytes).
	Operation string

	Unit string // of Done and Total: "bytes" for load and resize, else "entries"

	// Done is the part of the work that is done, of Total. Total is 0 if it
	// is unknown, as in a Load from a network connection. It is never below
	// Done. A Total of entries is that of the beginning: entries that are
	// stored or deleted meanwhile make it inexact.
	Done, Total int64

	Started time.Time
}

// operation is a kind of long operation.
type operation struct{ name, unit string }

var (
	opLoad   = operation{"load", "bytes"}
	opSort   = operation{"sort", "entries"}
	opSave   = operation{"save", "entries"}
	opScan   = operation{"scan", "entries"}
	opResize = operation{"resize", "bytes"}
)

// running are the long operations under way.
type running struct {
	sync.Mutex
	all []*progress // in the order in which they began
}

// progress is one of them. The operation itself counts in done.
type progress struct {
	operation
	in      *running
	started time.Time
	total   int64 // 0 if unknown
	done    atomic.Int64
}

// begin adds an operation to those under way. Its caller defers end, so that an
// error, a panic or runtime.Goexit removes it too.
func (c *Cache) begin(op operation, total int64) *progress {
	p := &progress{operation: op, in: &c.running, started: time.Now(), total: total}
	c.running.Lock()
	c.running.all = append(c.running.all, p)
	c.running.Unlock()
	return p
}

func (p *progress) end() {
	p.in.Lock()
	p.in.all = slices.DeleteFunc(p.in.all, func(other *progress) bool { return other == p })
	p.in.Unlock()
}

// now returns the operations for Stats.
func (r *running) now() (all []Progress) {
	r.Lock()
	defer r.Unlock()
	for _, p := range r.all {
		now := Progress{Operation: p.name, Unit: p.unit, Done: p.done.Load(), Total: p.total, Started: p.started}
		if now.Total > 0 {
			now.Total = max(now.Total, now.Done)
		}
		all = append(all, now)
	}
	return all
}

// storedEntries returns the number of entries, those included that have
// expired and still have their memory.
func (c *Cache) storedEntries() (total int64) {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		total += int64(s.entries())
		s.mu.Unlock()
	}
	return total
}

// readProgress counts the bytes that are read from r.
type readProgress struct {
	r io.Reader
	p *progress
}

func (r readProgress) Read(b []byte) (int, error) {
	n, err := r.r.Read(b)
	r.p.done.Add(int64(n))
	return n, err
}

// sizeOf returns the number of bytes that r has, or 0 if r does not tell.
func sizeOf(r io.Reader) int64 {
	switch r := r.(type) {
	case interface{ Len() int }: // a buffer
		return int64(r.Len())
	case fs.File:
		if info, err := r.Stat(); err == nil && info.Mode().IsRegular() {
			return info.Size()
		}
	}
	return 0
}
