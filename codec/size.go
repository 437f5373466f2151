package codec

import (
	"errors"
	"fmt"

	"github.com/holdfast-go/holdfast/internal/wire"
)

// maxDepth is the number of levels to which arrays, maps, structs and pointers
// may nest. It bounds the recursion of encoding and decoding: cyclic values and
// hostile input become errors, and not a stack overflow, which ends the
// program.
const maxDepth = 1000

var (
	errDepth    = fmt.Errorf("codec: msgpack: value is cyclic or nests deeper than %d levels", maxDepth)
	errTrailing = errors.New("codec: msgpack: bytes after the value")
)

// valueSize returns the length in bytes of the first value in data. It fails if
// data does not hold all of the value, or if the value nests too deep. depth is
// the number of levels already in use around it, out of maxDepth.
//
// The decoder relies on this check: after it, data backs every declared length,
// and the decoder may allocate that length at once. The check does not recurse;
// its time and memory are linear in len(data).
func valueSize(data []byte, depth int) (int, error) {
	var shallow [16]uint64
	open := shallow[:0] // for each unfinished container, its missing children
	at := 0
	for {
		h, err := wire.ReadHead(data[at:])
		if err != nil {
			return 0, err
		}
		at += h.Size
		if h.Payload() > uint64(len(data)-at) {
			return 0, wire.ErrTruncated
		}
		at += int(h.Payload())
		if h.Kind == wire.Array || h.Kind == wire.Map {
			if depth+len(open) >= maxDepth {
				return 0, errDepth
			}
			children := h.Bits
			if h.Kind == wire.Map {
				children *= 2 // a key and a value an entry
			}
			if children > 0 {
				open = append(open, children)
				continue
			}
		}
		if open = closeFinished(open); len(open) == 0 {
			return at, nil
		}
	}
}

// closeFinished counts one finished value and closes every container whose last
// child it was.
func closeFinished(open []uint64) []uint64 {
	for len(open) > 0 {
		last := len(open) - 1
		open[last]--
		if open[last] > 0 {
			break
		}
		open = open[:last]
	}
	return open
}
