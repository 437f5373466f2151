package main

import (
	"github.com/Yiling-J/theine-go"
	"github.com/dgraph-io/ristretto/v2"
	"github.com/maypok86/otter/v2"
)

// The caches with a TinyLFU admission policy.

func openOtter(c config) peer {
	p := must(otter.New(&otter.Options[string, []byte]{
		MaximumWeight:    uint64(c.Bytes),
		Weigher:          func(id string, value []byte) uint32 { return uint32(len(id) + len(value)) },
		ExpiryCalculator: otter.ExpiryWriting[string, []byte](c.TTL),
	}))
	return peer{
		set: func(id string, value []byte) { p.Set(copies(id, value)) },
		get: func(id string, r *reader) bool { v, ok := p.GetIfPresent(id); r.read(v); return ok },
		touch: func(id string) bool {
			_, ok := p.GetEntryQuietly(id) // SetExpiresAfter does not report it
			if ok {
				p.SetExpiresAfter(id, c.TTL)
			}
			return ok
		},
		close: func() { p.StopAllGoroutines() },
	}
}

func openTheine(c config) peer {
	p := must(theine.NewBuilder[string, []byte](c.Bytes).Build())
	return peer{
		set: func(id string, value []byte) {
			id, value = copies(id, value)
			p.SetWithTTL(id, value, int64(len(id)+len(value)), c.TTL)
		},
		get: func(id string, r *reader) bool { v, ok := p.Get(id); r.read(v); return ok },
		touch: func(id string) bool {
			v, ok := p.Get(id)
			if ok {
				p.SetWithTTL(id, v, int64(len(id)+len(v)), c.TTL)
			}
			return ok
		},
		close: p.Close,
	}
}

// openRistretto has as many counters as the documentation advises. A set copies
// only the value: the library keeps two hashes of the ID.
func openRistretto(c config) peer {
	p := must(ristretto.NewCache(&ristretto.Config[string, []byte]{
		NumCounters: 10 * int64(c.Entries),
		MaxCost:     c.Bytes,
		BufferItems: 64,
	}))
	set := func(id string, value []byte) { p.SetWithTTL(id, value, int64(len(id)+len(value)), c.TTL) }
	return peer{
		set: func(id string, value []byte) { _, value = copies("", value); set(id, value) },
		get: func(id string, r *reader) bool { v, ok := p.Get(id); r.read(v); return ok },
		touch: func(id string) bool {
			v, ok := p.Get(id)
			if ok {
				set(id, v)
			}
			return ok
		},
		close: p.Close,
		wait:  p.Wait,
	}
}
