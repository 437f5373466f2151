// Package trace provides sequences of requests: from files and from a
// model of a site. It also replays them on
// two reference caches, the exact LRU and Belady's optimum.
package trace

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
)

// Trace is a sequence of requests for objects. The objects are numbered from 0
// in the order of their first request.
type Trace struct {
	Requests []uint32
	Objects  int

	// Lengths is each object's length in bytes. It is nil if all are equal.
	Lengths []uint16
}

// Load reads the trace in the file, in ARC's format, without compression. All
// objects count alike.
func Load(path string) (Trace, error) {
	f, err := os.Open(path)
	if err != nil {
		return Trace{}, err
	}
	defer f.Close()
	t, err := ReadARC(f)
	if err != nil {
		return Trace{}, fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return t, nil
}

// maxBlocks bounds the blocks of one line of an ARC trace, so that a damaged
// file cannot exhaust memory.
const maxBlocks = 1 << 20

// ReadARC reads the format of the traces published with ARC (Megiddo and Modha
// 2003). Each line has four numbers: the first block, the number of consecutive
// blocks, one that is ignored, and the number of the request. Each block is a
// request.
func ReadARC(r io.Reader) (Trace, error) {
	var t Trace
	number := make(map[uint64]uint32)
	lines := bufio.NewScanner(r)
	for line := 1; lines.Scan(); line++ {
		fields := bytes.Fields(lines.Bytes())
		if len(fields) == 0 {
			continue
		}
		if len(fields) < 2 {
			return Trace{}, fmt.Errorf("line %d has %d fields, not 4", line, len(fields))
		}
		first, err := strconv.ParseUint(string(fields[0]), 10, 63)
		if err != nil {
			return Trace{}, fmt.Errorf("line %d: the first block: %w", line, err)
		}
		count, err := strconv.ParseUint(string(fields[1]), 10, 63)
		if err != nil || count > maxBlocks {
			return Trace{}, fmt.Errorf("line %d: %q is no number of blocks up to %d", line, fields[1], maxBlocks)
		}
		for block := first; block < first+count; block++ {
			if _, ok := number[block]; !ok {
				number[block] = uint32(t.Objects)
				t.Objects++
			}
			t.Requests = append(t.Requests, number[block])
		}
	}
	return t, lines.Err()
}
