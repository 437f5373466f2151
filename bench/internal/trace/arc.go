package trace

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strconv"
)

// maxRun bounds the blocks that one line of an ARC trace may ask for, so that a
// damaged file cannot ask for more memory than there is.
const maxRun = 1 << 20

// ReadARC reads a trace in the format of the traces published with the ARC
// cache. Each line has four numbers: the first block, how many blocks follow
// each other from it, one that is ignored, and the number of the request. Each
// block is a request of its own.
func ReadARC(r io.Reader) (Trace, error) {
	var t Trace
	seen := make(numbering[uint64])
	lines := bufio.NewScanner(r)
	for number := 1; lines.Scan(); number++ {
		fields := bytes.Fields(lines.Bytes())
		if len(fields) == 0 {
			continue
		}
		if len(fields) < 2 {
			return Trace{}, fmt.Errorf("line %d has %d fields, not 4", number, len(fields))
		}
		first, err := strconv.ParseUint(string(fields[0]), 10, 63)
		if err != nil {
			return Trace{}, fmt.Errorf("line %d: the first block: %w", number, err)
		}
		count, err := strconv.ParseUint(string(fields[1]), 10, 63)
		if err != nil || count > maxRun {
			return Trace{}, fmt.Errorf("line %d: %q is no number of blocks", number, fields[1])
		}
		for block := first; block < first+count; block++ {
			seen.request(&t, block)
		}
	}
	return t, lines.Err()
}
