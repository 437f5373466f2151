package peer

import (
	"time"

	"github.com/phuslu/lru"
)

var phusluInfo = Info{
	Name:   "phuslu",
	Module: "github.com/phuslu/lru",
	Bound:  "entries",
	Policy: "LRU per shard",
	Touch:  "sliding Get",
	New:    newPhuslu,
}

// phuslu has no touch; sessions that live on while they are used are what its
// sliding option is for, which makes each Get extend the TTL.
type phuslu struct {
	cache *lru.TTLCache[string, []byte]
	ttl   time.Duration
}

func newPhuslu(c Config) (Peer, error) {
	return phuslu{lru.NewTTLCache(c.Entries, lru.WithSliding[string, []byte](true)), c.TTL}, nil
}

func (p phuslu) Set(id string, value []byte) {
	id, value = copies(id, value)
	p.cache.Set(id, value, p.ttl)
}

func (p phuslu) Get(id string, r *Reader) bool {
	v, ok := p.cache.Get(id)
	r.Value(v)
	return ok
}

func (p phuslu) Touch(id string) bool {
	_, ok := p.cache.Get(id)
	return ok
}

func (p phuslu) Close() {}
