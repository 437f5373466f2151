// Package trace reads recorded sequences of requests from the public formats
// in which cache traces are published.
package trace

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Trace is a sequence of requests for objects. The objects are numbered from 0
// in the order of their first request.
type Trace struct {
	Requests []uint32
	Objects  int

	// Lengths is each object's length in bytes; nil if all are alike.
	Lengths []uint16
}

// Load reads the trace in the file; its extension tells the format:
//
//	.lis                   ARC
//	.csv                   libCacheSim's CSV
//	.bin, .oracleGeneral   libCacheSim's oracleGeneral
//
// A compressed file has to be decompressed first. Sizes are not read: what is
// compared is who stays, with every object alike.
func Load(path string) (Trace, error) {
	read, ok := formats[strings.ToLower(filepath.Ext(path))]
	if !ok {
		return Trace{}, fmt.Errorf("%s: the extension tells the format, and must be .lis, .csv, .bin or .oracleGeneral", filepath.Base(path))
	}
	f, err := os.Open(path)
	if err != nil {
		return Trace{}, err
	}
	defer f.Close()
	t, err := read(bufio.NewReaderSize(f, 1<<20))
	if err != nil {
		return Trace{}, fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return t, nil
}

var formats = map[string]func(io.Reader) (Trace, error){
	".lis":           ReadARC,
	".csv":           ReadCSV,
	".bin":           ReadOracle,
	".oraclegeneral": ReadOracle,
}

// numbering gives each key a number in the order of appearance.
type numbering[K comparable] map[K]uint32

func (n numbering[K]) request(t *Trace, key K) {
	number, ok := n[key]
	if !ok {
		number = uint32(len(n))
		n[key] = number
		t.Objects++
	}
	t.Requests = append(t.Requests, number)
}
