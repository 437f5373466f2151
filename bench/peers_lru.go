package main

import (
	"github.com/cespare/xxhash/v2"
	"github.com/elastic/go-freelru"
	"github.com/hashicorp/golang-lru/v2/expirable"
	"github.com/jellydator/ttlcache/v3"
	"github.com/phuslu/lru"
)

// The LRU caches on Go's heap.

// openPhuslu uses the sliding option, with which each Get restarts the TTL: the
// library has no touch.
func openPhuslu(c config) peer {
	p := lru.NewTTLCache(c.Entries, lru.WithSliding[string, []byte](true))
	return peer{
		set:   func(id string, value []byte) { id, value = copies(id, value); p.Set(id, value, c.TTL) },
		get:   func(id string, r *reader) bool { v, ok := p.Get(id); r.read(v); return ok },
		touch: func(id string) bool { _, ok := p.Get(id); return ok },
		close: func() {},
	}
}

func openFreeLRU(c config) peer {
	hash := func(id string) uint32 { return uint32(xxhash.Sum64String(id)) }
	p := must(freelru.NewSharded[string, []byte](uint32(c.Entries), hash))
	return peer{
		set:   func(id string, value []byte) { id, value = copies(id, value); p.AddWithLifetime(id, value, c.TTL) },
		get:   func(id string, r *reader) bool { v, ok := p.Get(id); r.read(v); return ok },
		touch: func(id string) bool { _, ok := p.GetAndRefresh(id, c.TTL); return ok },
		close: func() {},
	}
}

// openHashicorp starts a goroutine that the library cannot stop.
func openHashicorp(c config) peer {
	p := expirable.NewLRU[string, []byte](c.Entries, nil, c.TTL)
	return peer{
		set: func(id string, value []byte) { p.Add(copies(id, value)) },
		get: func(id string, r *reader) bool { v, ok := p.Get(id); r.read(v); return ok },
		touch: func(id string) bool {
			v, ok := p.Get(id)
			if ok {
				p.Add(id, v) // the map keeps its own copy of the ID
			}
			return ok
		},
		close: p.Purge,
	}
}

func openTTLCache(c config) peer {
	cost := func(item ttlcache.CostItem[string, []byte]) uint64 { return uint64(len(item.Key) + len(item.Value)) }
	p := ttlcache.New(
		ttlcache.WithTTL[string, []byte](c.TTL),
		ttlcache.WithMaxCost(uint64(c.Bytes), cost),
		ttlcache.WithDisableTouchOnHit[string, []byte](), // touch is measured by itself
	)
	go p.Start() // removes expired entries
	return peer{
		set: func(id string, value []byte) { id, value = copies(id, value); p.Set(id, value, ttlcache.DefaultTTL) },
		get: func(id string, r *reader) bool {
			item := p.Get(id)
			if item == nil {
				return false
			}
			r.read(item.Value())
			return true
		},
		touch: func(id string) bool {
			found := p.Has(id) // Touch does not report it
			if found {
				p.Touch(id)
			}
			return found
		},
		close: p.Stop,
	}
}
