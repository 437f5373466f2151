//go:build !(amd64 || arm64) || race

package cache

const canReadOptimistically = false

func fence() {}

func fenceStores() {}
