package peer

import (
	"strings"
	"unsafe"
)

// copies returns what a cache that keeps references is handed.
func copies(id string, value []byte) (string, []byte) {
	return strings.Clone(id), append(make([]byte, 0, len(value)), value...)
}

// bytesOf returns id's bytes without copying them, for libraries whose keys
// are byte slices which they neither change nor keep.
func bytesOf(id string) []byte { return unsafe.Slice(unsafe.StringData(id), len(id)) }
