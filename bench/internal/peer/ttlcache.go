package peer

import (
	"time"

	"github.com/jellydator/ttlcache/v3"
)

var ttlcacheInfo = Info{
	Name:   "ttlcache",
	Module: "github.com/jellydator/ttlcache/v3",
	Bound:  "bytes of ID and value",
	Policy: "LRU",
	Touch:  "Touch",
	New:    newTTLCache,
}

type ttlCache struct {
	cache *ttlcache.Cache[string, []byte]
	ttl   time.Duration
}

func newTTLCache(c Config) (Peer, error) {
	cost := func(item ttlcache.CostItem[string, []byte]) uint64 {
		return uint64(len(item.Key) + len(item.Value))
	}
	cache := ttlcache.New(
		ttlcache.WithTTL[string, []byte](c.TTL),
		ttlcache.WithMaxCost(uint64(c.Bytes), cost),
		// Touch is asked for separately, as in the other peers.
		ttlcache.WithDisableTouchOnHit[string, []byte](),
	)
	go cache.Start() // removes what has expired
	return ttlCache{cache, c.TTL}, nil
}

func (p ttlCache) Set(id string, value []byte) {
	id, value = copies(id, value)
	p.cache.Set(id, value, ttlcache.DefaultTTL)
}

func (p ttlCache) Get(id string, r *Reader) bool {
	item := p.cache.Get(id)
	if item == nil {
		return false
	}
	r.Value(item.Value())
	return true
}

// Touch looks the session up first, because ttlcache's Touch does not tell
// whether there was one.
func (p ttlCache) Touch(id string) bool {
	found := p.cache.Has(id)
	if found {
		p.cache.Touch(id)
	}
	return found
}

func (p ttlCache) Close() { p.cache.Stop() }
