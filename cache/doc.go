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
// Append, Touch, Update and a Set over it, but not Peek, All or ScanValues. A lookup is
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
// A shard's memory is one region outside Go's heap (in it where there is no mmap,
// as on Windows). It has no pointers, so a garbage collection costs the same
// however many entries there are. It is divided into runs of 8-byte units, which
// 32-bit refs refer to:
//
//	┌──────┬─────────┬────────────┬──────────┬────────────┬──────────┬───────┐
//	│ edge │ segment │   record   │   hole   │   record   │ never used …     │
//	└──────┴─────────┴────────────┴──────────┴────────────┴──────────┴───────┘
//	                                                      ▲ top         end ▲
//
//	record:  │ run older deadline use+len newer │ ID │ value │
//	           4    4       8        8      4      28 bytes before the ID
//
// An entry is one record if a hole is long enough, so that a hit waits for memory
// twice, for the bucket and for the record. If no hole is long enough, a
// compaction makes one: it moves the entries of a short stretch elsewhere
// (compact.go). An entry of more than 8 KiB for which that is too much work is
// stored in parts, linked to each other (room.go).
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
// cap. If the arena is full, a compaction makes room for one. A cap that shrinks
// clears the end of the arena in a similar way (resize.go).
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
//     for each shard the rest of its last page and a copy of the longest ID that was
//     stored in parts. While Load sorts a shard it needs 2.5 bytes an entry of it.
//   - A change of the cap leaves nothing behind: memory, addresses and tables are
//     then those of a new cache, but for the number of shards and of the buckets in a
//     segment, which stay what New chose.
//   - No method returns or revives an entry whose deadline has come. Stepping the
//     wall clock moves no deadline. The monotonic clock stands still while the machine
//     is suspended (on Linux, on macOS), so TTLs are longer by that time.
//   - What Set stored is there until it expires, is deleted or is evicted for
//     room. No admission policy drops it.
//   - No method holds two shards' locks, and no caller's function runs under a lock.
//     The order of locks is: a shard's making, held while room is gathered in steps;
//     the cache's resizing; the shard's. SaveFile has one of its own before these.
//   - Runs cover the arena without a gap, no two holes are neighbours, and each
//     entry is in the index and in one list, once. Tests check it after each step.
//
// # Costs
//
// An entry takes 28 bytes beside its ID and value, 3.5 on average to fill its
// last unit, and 13 to 15 in the index.
//
// An operation that concerns more than an entry or two works in steps, and lets
// others have the lock between them. The goal is that none holds a shard's lock for
// longer than 1 ms, plus the time to copy or to free one value; preemption and page
// faults do not count. BenchmarkHolds measures it, in one shard with four million
// entries, by the processor time of the thread (2 cores of an Intel Xeon of 2.3 GHz,
// Linux). CONTRIBUTING.md has the command:
//
//	                                                 longest hold
//	Get                                                   0.22 ms
//	Set at the cap                                        0.17
//	Set of 300 bytes among 4 M tiny entries               0.19
//	Set of 16 KiB, or of 1 MiB, among them                0.23, 0.75
//	SetMaxBytes to a quarter                              0.33
//	the same, after every third entry was deleted         0.24
//	SetMaxBytes to twice as much                          0.46
//	a million entries expire at once                      0.29
//	33,000 entries of 20 KB expire; memory goes back      0.38
//	Save                                                  0.59
//	Load of 4 M entries, Load of none                     0.42, 0.00
//	All                                                   0.65
//	ScanValues none, ScanValues all (the collector helps)     0.32, 0.49 to 1.6
//	Set that fills new memory                             1.7
//
// The last line includes that the system clears large pages as they are first used.
// By the clock, with preemption, the longest holds of that run were 0.3 to 5.5 ms.
//
// # What was tried and lost
//
//   - XXH64 for the index: crafted IDs collide in it, and it was slower for an ID of
//     43 bytes.
//   - Moving an entry to the front of its list at each use waits for two more
//     lines of memory. Noting uses and carrying them out eight at a time was no
//     faster than doing so at once.
//   - Loading all lines of a record before looking at the first was slower;
//     prefetching them is not.
//   - A heap of deadlines, or a wheel: 8 bytes and two more lines an entry.
//   - Many more shards than the processors need made a Set slower.
//   - Large pages for small caches, which would be resident from the first few
//     sessions on.
//   - A coarse clock, moved by a ticker: on a busy machine a tick can be late by
//     any time, and something expired would be served.
//   - CLOCK_BOOTTIME, which goes on while the machine is suspended: Go needs a system
//     call for it, which takes several times as long as reading the monotonic clock.
//   - Chunks of memory for a cap that grows, instead of one region that is
//     remapped: an entry that had to fit in a chunk needed rules of its own.
//   - Sorting the lists under the lock after Load, which took seconds for four
//     million entries. In steps it takes somewhat longer in all.
//   - Reads without a lock, by a sequence number: the words of a record would
//     have to be written atomically, each a fenced instruction on amd64, which
//     makes a Set several times as expensive.
package cache
