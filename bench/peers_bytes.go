package main

import (
	"context"
	"math"

	"github.com/VictoriaMetrics/fastcache"
	"github.com/allegro/bigcache/v3"
	"github.com/coocood/freecache"
)

// The caches that keep entries in byte rings.

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
		set:   func(id string, value []byte) { _ = p.Set(bytesOf(id), value, seconds) },
		get:   func(id string, r *reader) bool { return p.GetFn(bytesOf(id), r.value) == nil },
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
		set: func(id string, value []byte) { _ = p.Set(id, value) },
		get: func(id string, r *reader) bool { v, err := p.Get(id); r.read(v); return err == nil },
		touch: func(id string) bool {
			v, err := p.Get(id)
			if err == nil {
				_ = p.Set(id, v)
			}
			return err == nil
		},
		close: func() { _ = p.Close() },
	}
}
