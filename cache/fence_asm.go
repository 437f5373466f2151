//go:build (amd64 || arm64) && !race

package cache

// canReadOptimistically reports whether reads try without the lock on this
// processor.
const canReadOptimistically = true

// fence keeps reads before it before reads after it, and writes before writes.
// An amd64 does that by itself. The compiler moves nothing across the call.
func fence()

// fenceStores keeps writes before it before writes after it, also those of long
// copies. For 1 MiB and more, Go's memmove uses non-temporal writes on an amd64,
// which the processor may reorder with writes before the copy. memmove itself
// fences the writes after it.
func fenceStores()

// storeRelease writes value to word, after all reads and writes before it. An
// amd64 does that for each write. An atomic write of Go would also keep later
// reads from beginning, which takes longer than the rest of a counted read.
//
//go:noescape
func storeRelease(word *uint64, value uint64)
