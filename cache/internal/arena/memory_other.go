//go:build !linux || race || holdfast_heap

package arena

// Here memory stays with the process until Release.
func discard([]byte) {}

// Prefault does nothing here and returns 0.
func Prefault([]byte) int { return 0 }

// Collapse does nothing here.
func Collapse([]byte) {}
