package cache

import "hash/maphash"

// hasher hashes IDs with a seed of its own, which nobody can know: the hash of
// Go's maps, made so that no one can choose keys that collide in it.
type hasher struct{ seed maphash.Seed }

func (h hasher) string(id string) uint64 { return maphash.String(h.seed, id) }

func (h hasher) bytes(id []byte) uint64 { return maphash.Bytes(h.seed, id) }

func (c *Cache) hash(id string) uint64 { return c.hasher.string(id) & c.hashMask }

func (c *Cache) hashBytes(id []byte) uint64 { return c.hasher.bytes(id) & c.hashMask }

// shardOf returns the shard of the IDs that have that hash. The index uses
// other bits of it.
func (c *Cache) shardOf(hash uint64) *shard {
	return &c.shards[hash>>56&uint64(len(c.shards)-1)]
}
