package peer

import (
	"context"

	"github.com/allegro/bigcache/v3"
)

var bigcacheInfo = Info{
	Name:   "bigcache",
	Module: "github.com/allegro/bigcache/v3",
	Bound:  "megabytes of its queues",
	Policy: "FIFO",
	Touch:  "Get, Set",
	New:    newBigcache,
}

type bigCache struct{ cache *bigcache.BigCache }

func newBigcache(c Config) (Peer, error) {
	config := bigcache.DefaultConfig(c.TTL)
	config.MaxEntriesInWindow = c.Entries
	config.MaxEntrySize = c.EntryLen
	config.HardMaxCacheSize = int(max(c.Bytes>>20, 1))
	config.Verbose = false
	cache, err := bigcache.New(context.Background(), config)
	return bigCache{cache}, err
}

func (p bigCache) Set(id string, value []byte) { _ = p.cache.Set(id, value) }

// Get allocates: bigcache has no read into the caller's buffer.
func (p bigCache) Get(id string, r *Reader) bool {
	v, err := p.cache.Get(id)
	r.Value(v)
	return err == nil
}

func (p bigCache) Touch(id string) bool {
	v, err := p.cache.Get(id)
	if err == nil {
		_ = p.cache.Set(id, v)
	}
	return err == nil
}

func (p bigCache) Close() { _ = p.cache.Close() }
