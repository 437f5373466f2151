//go:build unix && !linux && !race && !holdfast_heap

package arena

func preferLargePages([]byte) {}
