package peer

import (
	"time"

	"github.com/maypok86/otter/v2"
)

var otterInfo = Info{
	Name:   "otter",
	Module: "github.com/maypok86/otter/v2",
	Bound:  "bytes of ID and value",
	Policy: "W-TinyLFU",
	Touch:  "SetExpiresAfter",
	New:    newOtter,
}

type otterCache struct {
	cache *otter.Cache[string, []byte]
	ttl   time.Duration
}

func newOtter(c Config) (Peer, error) {
	cache, err := otter.New(&otter.Options[string, []byte]{
		MaximumWeight:    uint64(c.Bytes),
		Weigher:          func(id string, value []byte) uint32 { return uint32(len(id) + len(value)) },
		ExpiryCalculator: otter.ExpiryWriting[string, []byte](c.TTL),
	})
	return otterCache{cache, c.TTL}, err
}

func (p otterCache) Set(id string, value []byte) { p.cache.Set(copies(id, value)) }

func (p otterCache) Get(id string, r *Reader) bool {
	v, ok := p.cache.GetIfPresent(id)
	r.Value(v)
	return ok
}

// Touch looks the session up first, because SetExpiresAfter does not tell
// whether there was one.
func (p otterCache) Touch(id string) bool {
	_, ok := p.cache.GetEntryQuietly(id)
	if ok {
		p.cache.SetExpiresAfter(id, p.ttl)
	}
	return ok
}

func (p otterCache) Close() { p.cache.StopAllGoroutines() }
