package trace

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// The names of the column that identifies the object, and which column it is
// in a file without a header.
var objectNames = []string{"obj_id", "obj-id", "objid", "object", "object_id", "lbn", "id", "key"}

const objectColumn = 1

// ReadCSV reads a trace in the CSV format of libCacheSim: time, object, size
// and more, which is ignored. A header, if there is one, may name the columns
// otherwise. Lines that begin with # are comments. An object may be any text.
func ReadCSV(r io.Reader) (Trace, error) {
	var t Trace
	seen := make(numbering[string])
	records := csv.NewReader(r)
	records.Comment = '#'
	records.FieldsPerRecord = -1
	records.TrimLeadingSpace = true
	records.ReuseRecord = true
	column := objectColumn
	for first := true; ; first = false {
		record, err := records.Read()
		if errors.Is(err, io.EOF) {
			return t, nil
		} else if err != nil {
			return Trace{}, err
		}
		if named := headerColumn(record); first && named >= 0 {
			column = named
			continue
		}
		if column >= len(record) {
			line, _ := records.FieldPos(0)
			return Trace{}, fmt.Errorf("line %d has no column %d for the object", line, column+1)
		}
		seen.request(&t, strings.Clone(record[column]))
	}
}

// headerColumn returns the column that the record, as a header, gives to the
// object; -1 if the record is no header.
func headerColumn(record []string) int {
	return slices.IndexFunc(record, func(name string) bool {
		return slices.Contains(objectNames, strings.ToLower(strings.TrimSpace(name)))
	})
}
