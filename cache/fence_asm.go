//go:build (amd64 || arm64) && !race

package cache

// canReadOptimistically reports whether reads try without the lock on this
// processor.
const canReadOptimistically = true

// fence keeps reads before it before reads after it, and writes before writes.
// An amd64 does that by itself. The compiler moves nothing across the call.
func fence()
