package peer

import "github.com/hashicorp/golang-lru/v2/expirable"

var hashicorpInfo = Info{
	Name:   "hashicorp",
	Module: "github.com/hashicorp/golang-lru/v2",
	Bound:  "entries",
	Policy: "LRU",
	Touch:  "Get, Add",
	New:    newHashicorp,
}

type hashicorp struct {
	cache *expirable.LRU[string, []byte]
}

func newHashicorp(c Config) (Peer, error) {
	return hashicorp{expirable.NewLRU[string, []byte](c.Entries, nil, c.TTL)}, nil
}

func (p hashicorp) Set(id string, value []byte) { p.cache.Add(copies(id, value)) }

func (p hashicorp) Get(id string, r *Reader) bool {
	v, ok := p.cache.Get(id)
	r.Value(v)
	return ok
}

// Touch hands the same value back under the same ID, which need no copies.
func (p hashicorp) Touch(id string) bool {
	v, ok := p.cache.Get(id)
	if ok {
		p.cache.Add(id, v)
	}
	return ok
}

// Close empties the cache; its goroutine cannot be stopped.
func (p hashicorp) Close() { p.cache.Purge() }
