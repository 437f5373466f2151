package trace

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// oracleRecord is the length of a record of libCacheSim's oracleGeneral format,
// little-endian and without padding: time (4 bytes), object (8), size (4), and
// when the object is next requested (8).
const oracleRecord = 4 + 8 + 4 + 8

// ReadOracle reads a trace in libCacheSim's oracleGeneral format.
func ReadOracle(r io.Reader) (Trace, error) {
	var t Trace
	seen := make(numbering[uint64])
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
