package peer

import (
	"time"

	"github.com/dgraph-io/ristretto/v2"
)

var ristrettoInfo = Info{
	Name:   "ristretto",
	Module: "github.com/dgraph-io/ristretto/v2",
	Bound:  "bytes of ID and value",
	Policy: "TinyLFU, sampled",
	Touch:  "Get, SetWithTTL",
	New:    newRistretto,
}

type ristrettoCache struct {
	cache *ristretto.Cache[string, []byte]
	ttl   time.Duration
}

func newRistretto(c Config) (Peer, error) {
	cache, err := ristretto.NewCache(&ristretto.Config[string, []byte]{
		NumCounters: 10 * int64(c.Entries), // what its documentation advises
		MaxCost:     c.Bytes,
		BufferItems: 64,
	})
	return ristrettoCache{cache, c.TTL}, err
}

// Set copies the value only: of the ID, ristretto keeps two hashes.
func (p ristrettoCache) Set(id string, value []byte) {
	_, value = copies("", value)
	p.cache.SetWithTTL(id, value, int64(len(id)+len(value)), p.ttl)
}

func (p ristrettoCache) Get(id string, r *Reader) bool {
	v, ok := p.cache.Get(id)
	r.Value(v)
	return ok
}

func (p ristrettoCache) Touch(id string) bool {
	v, ok := p.cache.Get(id)
	if ok {
		p.cache.SetWithTTL(id, v, int64(len(id)+len(v)), p.ttl)
	}
	return ok
}

func (p ristrettoCache) Close() { p.cache.Close() }
