package peer

import (
	"math"

	"github.com/coocood/freecache"
)

var freecacheInfo = Info{
	Name:   "freecache",
	Module: "github.com/coocood/freecache",
	Bound:  "bytes of ID, value and header",
	Policy: "LRU, approximate",
	Touch:  "Touch",
	New:    newFreecache,
}

type freeCache struct {
	cache   *freecache.Cache
	seconds int
}

func newFreecache(c Config) (Peer, error) {
	seconds := int(math.Ceil(c.TTL.Seconds()))
	return freeCache{freecache.NewCache(int(c.Bytes)), max(seconds, 1)}, nil
}

func (p freeCache) Set(id string, value []byte) { _ = p.cache.Set(bytesOf(id), value, p.seconds) }

func (p freeCache) Get(id string, r *Reader) bool {
	return p.cache.GetFn(bytesOf(id), r.read) == nil
}

func (p freeCache) Touch(id string) bool {
	return p.cache.Touch(bytesOf(id), p.seconds) == nil
}

func (p freeCache) Close() { p.cache.Clear() }
