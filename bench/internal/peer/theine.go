package peer

import (
	"time"

	"github.com/Yiling-J/theine-go"
)

var theineInfo = Info{
	Name:   "theine",
	Module: "github.com/Yiling-J/theine-go",
	Bound:  "bytes of ID and value",
	Policy: "W-TinyLFU",
	Touch:  "Get, SetWithTTL",
	New:    newTheine,
}

type theineCache struct {
	cache *theine.Cache[string, []byte]
	ttl   time.Duration
}

func newTheine(c Config) (Peer, error) {
	cache, err := theine.NewBuilder[string, []byte](c.Bytes).Build()
	return theineCache{cache, c.TTL}, err
}

func (p theineCache) Set(id string, value []byte) {
	id, value = copies(id, value)
	p.cache.SetWithTTL(id, value, int64(len(id)+len(value)), p.ttl)
}

func (p theineCache) Get(id string, r *Reader) bool {
	v, ok := p.cache.Get(id)
	r.Value(v)
	return ok
}

// Touch hands the same value back under the same ID, which need no copies.
func (p theineCache) Touch(id string) bool {
	v, ok := p.cache.Get(id)
	if ok {
		p.cache.SetWithTTL(id, v, int64(len(id)+len(v)), p.ttl)
	}
	return ok
}

func (p theineCache) Close() { p.cache.Close() }
