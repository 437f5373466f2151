// Package cache keeps sessions in bounded memory: bytes under an ID, for a
// time, within a number of bytes that is never exceeded.
//
//	c, err := cache.New(cache.Options{MaxBytes: 256 << 20})
//	...
//	err = c.Set(id, value, 30*time.Minute)
//	value, ok := c.Get(id)
//
// It knows nothing of HTTP, cookies or encodings. For sessions over HTTP use
// the package above it, github.com/holdfast-go/holdfast.
//
// # Terms
//
// An entry is an ID, its value and its deadline. Its TTL is the time from now
// to the deadline; Set and Touch give it a new one. Expiry is the end of an
// entry whose deadline has come, eviction the end of one whose memory is
// needed. A use is anything that shows that somebody wants the entry: Get,
// Append, Touch, Update and a Set over it, but not Peek or All. A hit is a
// lookup that found an entry, and the hit ratio is hits over lookups.
//
// # How it is built
//
// The cache is divided into shards; a hash of the ID chooses the shard, and
// nothing else: within it the whole ID decides, so two IDs whose hashes collide
// are as different as any others. A shard is one mutex and all that it guards:
//
//	       ┌─ map: ID ──► entry
//	mutex ─┼─ eviction order:  recent ── probation ── idle ─► evicted first
//	       │                   recent ── protected ── idle ─► then these
//	       └─ heap of deadlines
//
// A new entry starts in probation, and its next use takes it to protected. So
// a flood of sessions that are never used again, as crawlers and clients
// without cookies leave behind, evicts only itself, and the sessions of users
// who came back stay. Options.Protected bounds the protected part and with a
// negative value turns the whole into plain LRU.
//
// # What always holds
//
//   - The accounted bytes (ID, value and a fixed overhead of 192 bytes for each
//     entry) never exceed MaxBytes: room is made before an entry is written.
//   - No method returns or revives an entry whose deadline has come. Deadlines
//     follow the monotonic clock; stepping the wall clock moves none of them.
//   - What Set stored is there until it expires, is deleted or is evicted for
//     room. No admission policy drops it.
//   - No method holds two locks, and no caller's function runs under one.
//
// The accounted bytes lie in Go's heap, of which the garbage collector lets the
// process use more than is live: with the default GOGC up to twice as much.
// Set a memory limit (GOMEMLIMIT) where the resident set has to be bounded too.
package cache
