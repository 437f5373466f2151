// Package cache keeps sessions in bounded memory: bytes under an ID, for a
// time, within a number of bytes that is never exceeded.
//
//	c, err := cache.New(cache.Options{MaxBytes: 256 << 20})
//	...
//	err = c.Set(id, value, 30*time.Minute)
//	value, ok := c.Get(id)
//
// It knows nothing of HTTP, cookies or encodings. For sessions over HTTP use
// the package above it, github.com/holdfast-go/holdfast. For values that are to
// outlive the machine, or that several processes share, use a database.
//
// # Terms
//
// An entry is an ID, its value and its deadline. Its TTL is the time from now
// to the deadline; Set and Touch give it a new one. Expiry is the end of an
// entry whose deadline has come, eviction the end of one whose memory is
// needed. A use is anything that shows that somebody wants the entry: Get,
// Append, Touch, Update and a Set over it, but not Peek, All or Matching. A lookup is
// a Get or an Append, a hit one that found an entry, and the hit ratio is hits over
// lookups.
//
// # A shard
//
// The cache is divided into shards, each with its part of the cap. Bits of the
// ID's hash choose the shard. A shard is one mutex and all that it guards:
//
//	       ┌─ index: tag of the ID ──► record             (index.go)
//	       ├─ arena: records, buckets, holes              (arena.go, record.go)
//	mutex ─┼─ probation:  newest ── … ── oldest ─► goes first
//	       ├─ protected:  newest ── … ── oldest ─► then these (eviction.go)
//	       └─ earliest deadlines, one a segment           (expiry.go)
//
// The hash is that of Go's maps (hash/maphash) under a seed drawn for each
// cache. No one outside can choose IDs that collide in it, as they can for
// XXH64 whatever its seed; and on machines with AES instructions it is the
// faster of the two. The hash only narrows the search. The whole ID decides.
//
// # The arena
//
// A shard's memory lies outside Go's heap (in it where there is no mmap, as on
// Windows) and has no pointers, so a garbage collection costs the same however
// many entries there are. It is divided into runs of 8-byte units, which 32-bit
// refs refer to:
//
//	┌──────┬─────────┬────────────┬──────────┬────────────┬──────────┬───────┐
//	│ edge │ segment │   record   │   hole   │   record   │ never used …     │
//	└──────┴─────────┴────────────┴──────────┴────────────┴──────────┴───────┘
//	                                                      ▲ top         end ▲
//
//	record:  │ run older deadline use+len newer │ ID │ value │
//	           4    4       8        8      4      28 bytes before the ID
//
// An entry is one record where a hole is long enough, so that a hit waits for
// memory twice, for the bucket and for the record. Where no hole is, though
// together they would do, the entry is stored in pieces, each in a hole and
// linked to the next: fragmentation never refuses what fits.
//
// # The index
//
// The index is a linear hash table of buckets of one cache line. It grows and
// shrinks by a bucket at a time, so no operation ever waits for it to be copied.
//
//	tag ─► number of the bucket ─► segment ─► bucket: │ tag ref │ … │ tag ref │
//	                                                                or link ─► spill
//
// Segments, of 64 buckets, are runs of the arena like any other, inside the
// cap. Where the arena is full, room for one is made by moving the entries of a
// stretch of it elsewhere (claim.go); a cap that shrinks clears the end of the
// arena in the same way (resize.go).
//
// # Eviction
//
// A new entry starts in probation, and its next use takes it to protected. So
// a flood of sessions that are never used again, as crawlers and clients
// without cookies leave behind, evicts only itself, and the sessions of users
// who came back stay. Options.Protected bounds the protected part and with a
// negative value turns the whole into plain LRU.
//
// In a cache too small for its traffic that would keep users who are gone, and
// lose those who are here between two clicks. So it is remembered who was
// evicted of late (ghosts.go). When many of those who had used their session once
// ask for it in vain, protected shrinks, down to half of its share; when those ask
// who had used it again, it grows. It also grows while sessions used once are
// evicted and nobody asks for them, which is what a flood is.
//
// A use of an entry that is among the newest eighth of its list does not move
// it. It may be evicted as if that eighth had been used after it. Apart from
// that, and always where a list has less than 32 entries, victims are exactly
// the longest idle of their shard.
//
// # Expiry
//
// Every lookup compares the deadline with the exact, monotonic clock. For each
// segment of the index its earliest deadline is known, or a bound of it. So to
// count the live entries, to find expired ones when room is needed, and to give
// back their memory when nobody asks for them, only the segments are looked
// through in which something may have expired. The cache's one goroutine sleeps
// until then. Where it leaves a shard mostly empty, memory goes back to the
// system (giveback.go).
//
// # What always holds
//
//   - All that the cache accounts for (records, holes, index, tables and
//     the shards themselves) never exceeds MaxBytes: room is made before an entry
//     is written. Beside it are a few hundred bytes, the stack of one goroutine, and
//     for each shard a copy of the longest ID that was stored in pieces.
//   - No method returns or revives an entry whose deadline has come. Stepping the
//     wall clock moves no deadline.
//   - What Set stored is there until it expires, is deleted or is evicted for
//     room. No admission policy drops it.
//   - No method holds two shards' locks, and no caller's function runs under one.
//     Before a shard's lock, SetMaxBytes, Close and the cache's goroutine take the
//     one for resizing, and SaveFile the one for files.
//   - Runs cover the arena without a gap, no two holes are neighbours, and each
//     entry is in the index and in one list, once. Tests check it after each step.
//
// # Costs
//
// An entry takes 28 bytes beside its ID and value, 3.5 on average to fill its
// last unit, and 13 to 15 in the index. All and Save hold a lock for the IDs of
// some dozens of entries, and then for one value at a time. Where entries may have
// expired, Len and Stats hold it for 256 buckets of the index, a thousand entries
// or so; Matching does for up to two thousand, of which it copies a hundred at most.
//
// A hit on an entry in the processor's cache takes some 76 ns, of which the reading
// of the clock takes 26 and all but 20 pass under the lock (measured on a 2.6 GHz
// EPYC); one that waits for memory holds the lock for two or three such waits.
// With 256 shards and uniform use, that makes a taken lock the case of one
// operation in ten at about 35 cores (by calculation: none was at hand). One
// session that everybody reads is good for some ten million hits a second, measured
// with one core and two.
//
// # What was tried and lost
//
//   - XXH64 for the index: crafted IDs, and 17 ns instead of 6 for an ID of 43
//     bytes.
//   - Moving an entry to the front of its list at each use waits for two more
//     lines of memory. Noting uses and carrying them out eight at a time was no
//     faster than doing so at once.
//   - Loading all lines of a record before looking at the first was slower;
//     prefetching them is not.
//   - A heap of deadlines, or a wheel: 8 bytes and two more lines an entry.
//   - Many more shards than the processors need: with 256 instead of 32 on two, a
//     Set took a tenth longer.
//   - Large pages for small caches, which would be resident from the first few
//     sessions on.
//   - A coarse clock, moved by a ticker: on a busy machine a tick can be late by
//     any time, and something expired would be served.
//   - Reads without a lock, by a sequence number: the words of a record would
//     have to be written atomically, each a fenced instruction on amd64, which
//     makes a Set several times as expensive.
package cache
