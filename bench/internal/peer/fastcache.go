package peer

import "github.com/VictoriaMetrics/fastcache"

var fastcacheInfo = Info{
	Name:   "fastcache",
	Module: "github.com/VictoriaMetrics/fastcache",
	Bound:  "bytes of ID and value",
	Policy: "FIFO",
	New:    newFastcache,
}

type fastCache struct{ cache *fastcache.Cache }

func newFastcache(c Config) (Peer, error) {
	return fastCache{fastcache.New(int(c.Bytes))}, nil
}

func (p fastCache) Set(id string, value []byte) { p.cache.Set(bytesOf(id), value) }

func (p fastCache) Get(id string, r *Reader) bool {
	v, ok := p.cache.HasGet(r.buf[:0], bytesOf(id))
	r.Value(v)
	return ok
}

// Touch only looks: there is no TTL to extend.
func (p fastCache) Touch(id string) bool { return p.cache.Has(bytesOf(id)) }

func (p fastCache) Close() { p.cache.Reset() }
