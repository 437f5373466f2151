//go:build amd64 || arm64

package cache

// A lookup spends most of its time waiting for memory. These functions start to
// fetch memory that the lookup is sure to need, and return at once. They read
// nothing, so an address beyond the end of the region is harmless.

// prefetchBucket fetches the line of b.
//
//go:noescape
func prefetchBucket(b *bucket)

// prefetchRecord fetches the first lines of r, enough for the ID and a value of
// some 200 bytes. The processor detects and prefetches the lines of longer
// values by itself.
//
//go:noescape
func prefetchRecord(r *record)

// prefetchHeader fetches the first two lines of r: its header, an ID of the
// session manager and the first bytes of the value. A scan needs no more to
// decide whether the entry matches.
//
//go:noescape
func prefetchHeader(r *record)
