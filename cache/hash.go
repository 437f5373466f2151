package cache

import "hash/maphash"

// hasher is the hash of Go's maps (hash/maphash) under a seed of its own. The
// seed is random, so nobody outside the process can choose IDs that collide.
type hasher struct{ seed maphash.Seed }

func (h hasher) string(id string) uint64 { return maphash.String(h.seed, id) }

func (h hasher) bytes(id []byte) uint64 { return maphash.Bytes(h.seed, id) }

func (c *Cache) hash(id string) uint64 { return c.hasher.string(id) & c.hashMask }

func (c *Cache) hashBytes(id []byte) uint64 { return c.hasher.bytes(id) & c.hashMask }

// shardOf returns the shard for a hash. The index uses other bits of the hash.
func (c *Cache) shardOf(hash uint64) *shard {
	return &c.shards[hash>>56&uint64(len(c.shards)-1)]
}
