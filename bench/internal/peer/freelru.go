package peer

import (
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/elastic/go-freelru"
)

var freelruInfo = Info{
	Name:   "freelru",
	Module: "github.com/elastic/go-freelru",
	Bound:  "entries",
	Policy: "LRU per shard",
	Touch:  "GetAndRefresh",
	New:    newFreelru,
}

type freeLRU struct {
	cache *freelru.ShardedLRU[string, []byte]
	ttl   time.Duration
}

func newFreelru(c Config) (Peer, error) {
	hash := func(id string) uint32 { return uint32(xxhash.Sum64String(id)) }
	lru, err := freelru.NewSharded[string, []byte](uint32(c.Entries), hash)
	return freeLRU{lru, c.TTL}, err
}

func (p freeLRU) Set(id string, value []byte) {
	id, value = copies(id, value)
	p.cache.AddWithLifetime(id, value, p.ttl)
}

func (p freeLRU) Get(id string, r *Reader) bool {
	v, ok := p.cache.Get(id)
	r.Value(v)
	return ok
}

func (p freeLRU) Touch(id string) bool {
	_, ok := p.cache.GetAndRefresh(id, p.ttl)
	return ok
}

func (p freeLRU) Close() {}
