//go:build !(linux && (amd64 || arm64)) || race || holdfast_heap

package cache

// Where the system cannot resize a mapping, another takes its place.

// resizesInPlace: memory that truncate cuts off goes back to the system
// without moving the rest.
const resizesInPlace = false

// resized returns memory of size bytes that begins with the contents of memory,
// as far as they fit. It takes the place of memory, which nobody may look at any
// more. If it fails, memory stays what it was.
func resized(memory []byte, size int64, largePages bool) ([]byte, error) {
	other, err := reserve(size, largePages)
	if err != nil {
		return nil, err
	}
	copy(other, memory)
	release(memory)
	return other, nil
}

func truncate([]byte, int64) {}
