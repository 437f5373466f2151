//go:build !(linux && (amd64 || arm64)) || race || holdfast_heap

package arena

// Where the system cannot resize a mapping, a copy takes its place.

// ResizesInPlace reports whether the memory that Cut gives up goes back to the
// system without moving the rest.
const ResizesInPlace = false

// resized returns memory of size bytes that begins with the contents of memory,
// as far as they fit, and releases memory. If it fails, memory is unchanged.
func resized(memory []byte, size int64, largePages bool) ([]byte, error) {
	other, err := reserve(size, largePages)
	if err != nil {
		return nil, err
	}
	copy(other, memory)
	Release(memory)
	return other, nil
}

// Truncate does nothing: here Cut releases the memory that it gives up.
func Truncate([]byte, int64) {}
