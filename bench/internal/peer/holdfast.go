package peer

import (
	"time"

	"github.com/holdfast-go/holdfast/cache"
)

var holdfastInfo = Info{
	Name:   Holdfast,
	Module: "github.com/holdfast-go/holdfast",
	Bound:  "all bytes",
	Policy: "LRU, segmented",
	Touch:  "Touch",
	New:    newHoldfast,
}

type holdfast struct {
	cache *cache.Cache
	ttl   time.Duration
}

func newHoldfast(c Config) (Peer, error) {
	h, err := cache.New(cache.Options{MaxBytes: c.Bytes, MaxValue: c.MaxValue})
	return holdfast{h, c.TTL}, err
}

func (h holdfast) Set(id string, value []byte) { _ = h.cache.Set(id, value, h.ttl) }

func (h holdfast) Get(id string, r *Reader) bool {
	v, ok := h.cache.Append(r.buf[:0], id)
	r.Value(v)
	return ok
}

func (h holdfast) Touch(id string) bool { return h.cache.Touch(id, h.ttl) }

func (h holdfast) Close() { _ = h.cache.Close() }
