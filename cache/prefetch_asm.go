//go:build amd64 || arm64

package cache

// A lookup waits for memory more than for anything else. These functions begin
// to fetch what is surely needed next, and return without waiting for it. They
// read nothing, so an address beyond the end of the memory does no harm.

// prefetchBucket fetches the line of b.
//
//go:noescape
func prefetchBucket(b *bucket)

// prefetchRecord fetches the first lines of r, enough for the ID and a value of
// some 200 bytes. Those of longer values follow each other, which the processor
// sees by itself.
//
//go:noescape
func prefetchRecord(r *record)

// prefetchHead fetches what of r tells whether somebody looks for it: its head,
// the ID that the session manager makes, and the first bytes of the value.
//
//go:noescape
func prefetchHead(r *record)
