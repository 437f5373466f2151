//go:build !amd64 && !arm64

package cache

func prefetchBucket(*bucket) {}
func prefetchRecord(*record) {}
func prefetchHeader(*record) {}
