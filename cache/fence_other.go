//go:build !(amd64 || arm64) || race

package cache

import "sync/atomic"

const canReadOptimistically = false

func fence() {}

func fenceStores() {}

func storeRelease(word *uint64, value uint64) { atomic.StoreUint64(word, value) }
