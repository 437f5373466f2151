package main

import (
	"context"
	"math"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/VictoriaMetrics/fastcache"
	"github.com/Yiling-J/theine-go"
	"github.com/alexedwards/scs/v2/memstore"
	"github.com/allegro/bigcache/v3"
	"github.com/cespare/xxhash/v2"
	"github.com/coocood/freecache"
	"github.com/dgraph-io/ristretto/v2"
	"github.com/elastic/go-freelru"
	"github.com/hashicorp/golang-lru/v2/expirable"
	"github.com/jellydator/ttlcache/v3"
	"github.com/maypok86/otter/v2"
	"github.com/phuslu/lru"
	"github.com/puzpuzpuz/xsync/v4"
)

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
		// Add reports an eviction. The map keeps its own copy of the ID.
		touch: func(id string) bool { v, ok := p.Get(id); return ok && !p.Add(id, v) },
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
		touch: func(id string) bool { found := p.Has(id); p.Touch(id); return found },
		close: p.Stop,
	}
}

func openOtter(c config) peer {
	p := must(otter.New(&otter.Options[string, []byte]{
		MaximumWeight:    uint64(c.Bytes),
		Weigher:          func(id string, value []byte) uint32 { return uint32(len(id) + len(value)) },
		ExpiryCalculator: otter.ExpiryWriting[string, []byte](c.TTL),
	}))
	return peer{
		set:   func(id string, value []byte) { p.Set(copies(id, value)) },
		get:   func(id string, r *reader) bool { v, ok := p.GetIfPresent(id); r.read(v); return ok },
		touch: func(id string) bool { _, ok := p.GetEntryQuietly(id); p.SetExpiresAfter(id, c.TTL); return ok },
		wait:  p.CleanUp,
		close: func() { p.StopAllGoroutines() },
	}
}

func openTheine(c config) peer {
	p := must(theine.NewBuilder[string, []byte](c.Bytes).Build())
	set := func(id string, value []byte) bool { return p.SetWithTTL(id, value, int64(len(id)+len(value)), c.TTL) }
	return peer{
		set:   func(id string, value []byte) { set(copies(id, value)) },
		get:   func(id string, r *reader) bool { v, ok := p.Get(id); r.read(v); return ok },
		touch: func(id string) bool { v, ok := p.Get(id); return ok && set(id, v) },
		wait:  p.Wait,
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
	set := func(id string, value []byte) bool { return p.SetWithTTL(id, value, int64(len(id)+len(value)), c.TTL) }
	return peer{
		set:   func(id string, value []byte) { _, value = copies("", value); set(id, value) },
		get:   func(id string, r *reader) bool { v, ok := p.Get(id); r.read(v); return ok },
		touch: func(id string) bool { v, ok := p.Get(id); return ok && set(id, v) },
		wait:  func() { p.Wait(); runtime.Gosched() }, // Wait is for sets; gets go to another goroutine
		close: p.Close,
	}
}

func openFastcache(c config) peer {
	p := fastcache.New(int(c.Bytes))
	return peer{
		set:   func(id string, value []byte) { p.Set(bytesOf(id), value) },
		get:   func(id string, r *reader) bool { v, ok := p.HasGet(r.buf[:0], bytesOf(id)); r.read(v); return ok },
		close: p.Reset,
	}
}

func openFreecache(c config) peer {
	p, seconds := freecache.NewCache(int(c.Bytes)), max(1, int(math.Ceil(c.TTL.Seconds())))
	return peer{
		set: func(id string, value []byte) { _ = p.Set(bytesOf(id), value, seconds) },
		get: func(id string, r *reader) bool {
			return p.GetFn(bytesOf(id), func(v []byte) error { r.read(v); return nil }) == nil
		},
		touch: func(id string) bool { return p.Touch(bytesOf(id), seconds) == nil },
		close: p.Clear,
	}
}

// openBigcache has a get that allocates: the library cannot read into the
// caller's buffer.
func openBigcache(c config) peer {
	options := bigcache.DefaultConfig(c.TTL)
	options.MaxEntriesInWindow = c.Entries
	options.MaxEntrySize = c.EntryLen
	options.HardMaxCacheSize = int(max(c.Bytes>>20, 1))
	options.Verbose = false
	p := must(bigcache.New(context.Background(), options))
	return peer{
		set:   func(id string, value []byte) { _ = p.Set(id, value) },
		get:   func(id string, r *reader) bool { v, err := p.Get(id); r.read(v); return err == nil },
		touch: func(id string) bool { v, err := p.Get(id); return err == nil && p.Set(id, v) == nil },
		close: func() { _ = p.Close() },
	}
}

// openMemstore keeps scs's default of a cleanup a minute, unless the TTL is
// shorter. Its goroutine ends with the process: the library creates the stop
// channel inside that goroutine, so stopping it is a race.
func openMemstore(c config) peer {
	p := memstore.NewWithCleanupInterval(min(time.Minute, c.TTL))
	commit := func(id string, value []byte) error { return p.Commit(id, value, time.Now().Add(c.TTL)) }
	return peer{
		set: func(id string, value []byte) { _ = commit(copies(id, value)) },
		get: func(id string, r *reader) bool { v, ok, _ := p.Find(id); r.read(v); return ok },
		// scs commits the found value again. The map would keep the caller's
		// ID.
		touch: func(id string) bool { v, ok, _ := p.Find(id); return ok && commit(strings.Clone(id), v) == nil },
		close: func() {},
	}
}

func openXsync(config) peer {
	p := xsync.NewMap[string, []byte]()
	return peer{
		set:   func(id string, value []byte) { p.Store(copies(id, value)) },
		get:   func(id string, r *reader) bool { v, ok := p.Load(id); r.read(v); return ok },
		close: p.Clear,
	}
}

// openSyncMap has a get that allocates: the ID becomes an interface value.
func openSyncMap(config) peer {
	p := new(sync.Map)
	return peer{
		set:   func(id string, value []byte) { id, value = copies(id, value); p.Store(id, value) },
		get:   func(id string, r *reader) bool { v, ok := p.Load(id); b, _ := v.([]byte); r.read(b); return ok },
		close: p.Clear,
	}
}
