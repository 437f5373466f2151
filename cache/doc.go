// Package cache keeps sessions in bounded memory: values under IDs, each for a
// limited time, within a number of bytes that is never exceeded.
//
//	c, err := cache.New(cache.Options{MaxBytes: 256 << 20})
//	if err != nil {
//		return err
//	}
//	defer c.Close()
//	err = c.Set(id, value, 30*time.Minute)
//	value, ok := c.Get(id)
//
// The cache knows nothing of HTTP, cookies or encodings. Most web servers use
// package github.com/holdfast-go/holdfast, which stands above it. Values that
// must survive the machine, or that several processes share, need a database.
//
// An entry is an ID, its value and its deadline. The TTL is the time until the
// deadline; Set and Touch set it. An entry expires at its deadline. It is
// evicted before that if its memory is needed. Get, Append, Touch, Update and
// a Set over an entry are uses of it; Peek, All, ScanValues and Survey are not.
//
// # Eviction
//
// A new entry is in probation, and its next use makes it protected. The victim
// is the longest idle entry in probation or, if there is none, the longest idle
// protected one, to within a second. So a flood of sessions that are never
// used again, from crawlers and clients without cookies, evicts only itself,
// and users who returned keep their sessions. Options.Protected sets the share
// of the memory for protected entries; a negative share means plain LRU.
//
// Stats.Curve estimates the hit ratio that other caps would have, from a sample
// of the IDs. Its memory is part of the cap.
//
// # What always holds
//
//   - Accounted bytes (IDs, values, index, bookkeeping) never exceed the cap.
//     Outside the cap are a few hundred bytes, one goroutine, the rest of the
//     last page of each shard, and a copy of the longest ID in fragments. Load
//     uses 2.5 bytes more per entry of the shard that it sorts.
//   - No method returns or revives an entry after its deadline. A step of the
//     wall clock moves no deadline. While the machine is suspended, the
//     monotonic clock stops (on Linux and macOS) and TTLs last longer.
//   - A stored value stays until it expires, is deleted or is evicted for room.
//     No admission policy drops it.
//   - The whole ID decides. Two IDs with one hash never mix, and an outsider
//     cannot choose IDs that collide. Operations on one ID are linearizable.
//   - OnEvict, the function of Update and the bodies of loops run without a
//     lock and may call every method.
//   - After a change of the cap, nothing of the old memory and tables is left.
//     The number of shards, MaxValue (also its default) and the size of an
//     index segment stay as New chose them.
//
// # Costs
//
// An entry takes about 45 bytes beside its ID and value: 28 in the record, 3.5
// on average to fill 8-byte granules, and 13 to 15 in the index. Entries lie
// outside Go's heap (inside it on systems without mmap, such as Windows), so a
// garbage collection costs the same for any number of them. Append allocates
// nothing if its buffer is long enough.
//
// Most lookups take no lock, on amd64 and arm64 in shards of 32 KiB and more. A
// lookup of an absent ID takes none. A hit takes one only if the order of
// eviction has to change: at most once a second for each entry, or, if the
// longest idle entry of its shard was used less than eight seconds ago, eight
// times in that time. In a shard of few entries each hit takes it, but for the
// entry used last.
//
// A lock hold takes at most about a millisecond of processor time, plus the
// time to copy or free one value and to fault in new pages; longer work runs in
// steps. docs/design-cache.md in the repository has the measured lock holds,
// the design and the reasons behind it.
//
// # Watching it
//
// Stats is cheap enough for every second: the hit ratio, the memory by purpose,
// evictions, the longest lock holds, and the long operations under way. Survey
// visits each entry, for what only that shows.
//
// # Limits
//
// IDs have 1 to 65,535 bytes and values at most 1 GiB. The cap is 4 KiB to
// 4 TiB. An entry must fit in one shard, so a cache with large values needs few
// shards (see Options.Shards). Expired entries release their memory at the next
// sweep, about a second after the deadline.
package cache
