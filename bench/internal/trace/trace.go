// Package trace provides sequences of requests: from files in the public
// formats of cache traces, and from a model of a site. It also replays them on
// two reference caches, the exact LRU and Belady's optimum.
package trace

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Trace is a sequence of requests for objects. The objects are numbered from 0
// in the order of their first request.
type Trace struct {
	Requests []uint32
	Objects  int

	// Lengths is each object's length in bytes. It is nil if all are equal.
	Lengths []uint16
}

// Load reads the trace in the file. The extension selects the format:
//
//	.lis                   ARC
//	.csv                   libCacheSim's CSV
//	.bin, .oracleGeneral   libCacheSim's oracleGeneral
//
// Load does not decompress, and it ignores sizes: all objects count alike.
func Load(path string) (Trace, error) {
	name := filepath.Base(path)
	var read func(io.Reader) (Trace, error)
	switch strings.ToLower(filepath.Ext(path)) {
	case ".lis":
		read = ReadARC
	case ".csv":
		read = ReadCSV
	case ".bin", ".oraclegeneral":
		read = ReadOracle
	default:
		return Trace{}, fmt.Errorf("%s: the extension selects the format, and must be .lis, .csv, .bin or .oracleGeneral", name)
	}
	f, err := os.Open(path)
	if err != nil {
		return Trace{}, err
	}
	defer f.Close()
	t, err := read(bufio.NewReaderSize(f, 1<<20))
	if err != nil {
		return Trace{}, fmt.Errorf("%s: %w", name, err)
	}
	return t, nil
}

// numbers numbers the keys in the order of their first request.
type numbers[K comparable] map[K]uint32

func (n numbers[K]) request(t *Trace, key K) {
	number, ok := n[key]
	if !ok {
		number = uint32(len(n))
		n[key] = number
		t.Objects++
	}
	t.Requests = append(t.Requests, number)
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
	seen := make(numbers[uint64])
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
			seen.request(&t, block)
		}
	}
	return t, lines.Err()
}

// objectNames are the names of the object's column in the header of a CSV
// trace. Without a header it is the second column.
var objectNames = []string{"obj_id", "obj-id", "objid", "object", "object_id", "lbn", "id", "key"}

// ReadCSV reads libCacheSim's CSV format: time, object, size and more, which is
// ignored. A header may name the columns. Lines that begin with # are comments.
// An object may be any text.
func ReadCSV(r io.Reader) (Trace, error) {
	var t Trace
	seen := make(numbers[string])
	records := csv.NewReader(r)
	records.Comment = '#'
	records.FieldsPerRecord = -1
	records.TrimLeadingSpace = true
	records.ReuseRecord = true
	column := 1
	for first := true; ; first = false {
		record, err := records.Read()
		if errors.Is(err, io.EOF) {
			return t, nil
		} else if err != nil {
			return Trace{}, err
		}
		if first {
			named := slices.IndexFunc(record, func(name string) bool {
				return slices.Contains(objectNames, strings.ToLower(strings.TrimSpace(name)))
			})
			if named >= 0 {
				column = named
				continue
			}
		}
		if column >= len(record) {
			line, _ := records.FieldPos(0)
			return Trace{}, fmt.Errorf("line %d has no column %d for the object", line, column+1)
		}
		seen.request(&t, strings.Clone(record[column]))
	}
}

// oracleRecord is the length of a record of libCacheSim's oracleGeneral format,
// little-endian and without padding: time (4 bytes), object (8), size (4), and
// time of the object's next request (8).
const oracleRecord = 4 + 8 + 4 + 8

// ReadOracle reads libCacheSim's oracleGeneral format.
func ReadOracle(r io.Reader) (Trace, error) {
	var t Trace
	seen := make(numbers[uint64])
	var record [oracleRecord]byte
	for {
		switch _, err := io.ReadFull(r, record[:]); {
		case errors.Is(err, io.EOF):
			return t, nil
		case err != nil:
			return Trace{}, fmt.Errorf("record %d: %w", len(t.Requests)+1, err)
		}
		seen.request(&t, binary.LittleEndian.Uint64(record[4:]))
	}
}
