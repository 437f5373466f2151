//go:build !(holdfast_holds && linux)

package cache

import "sync"

// mutex is the type of a shard's lock. With the build tag holdfast_holds it
// measures how long it is held.
type mutex = sync.Mutex
