//go:build unix && !linux && !race && !holdfast_heap

package cache

func preferLargePages([]byte) {}
