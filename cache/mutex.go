//go:build !(holdfast_holds && linux)

package cache

import "sync"

// mutex is a shard's lock. With the build tag holdfast_holds it measures its
// lock holds.
type mutex = sync.Mutex
