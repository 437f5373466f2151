package record

import (
	"encoding/binary"
	"iter"
)

// Values holds the keys and encoded values of a record. Each key and each value
// is a field: its length, then its bytes.
type Values []byte

// whole reports whether no field is cut short. The other methods must not be
// called otherwise.
func (v Values) whole() bool {
	for at := 0; at < len(v); {
		_, keyEnd, ok := fieldAt(v, at)
		if !ok {
			return false
		}
		if _, at, ok = fieldAt(v, keyEnd); !ok {
			return false
		}
	}
	return true
}

// All iterates over the keys and encoded values. They refer to the record.
func (v Values) All() iter.Seq2[[]byte, []byte] {
	return func(yield func(key, encoded []byte) bool) {
		for at := 0; at < len(v); {
			keyAt, keyEnd, _ := fieldAt(v, at)
			valueAt, end, _ := fieldAt(v, keyEnd)
			if !yield(v[keyAt:keyEnd:keyEnd], v[valueAt:end:end]) {
				return
			}
			at = end
		}
	}
}

// Get returns the encoded value under key. It refers to the record.
func (v Values) Get(key string) (encoded []byte, found bool) {
	for k, encoded := range v.All() {
		if string(k) == key {
			return encoded, true
		}
	}
	return nil, false
}

// Append appends a key that v does not have.
func (v Values) Append(key string, encoded []byte) Values {
	v = binary.AppendUvarint(v, uint64(len(key)))
	v = append(v, key...)
	v = binary.AppendUvarint(v, uint64(len(encoded)))
	return append(v, encoded...)
}

// fieldAt returns where in b the bytes of the field at b[at] begin and end, and
// whether all of them are there.
func fieldAt(b []byte, at int) (start, end int, whole bool) {
	if at < len(b) && b[at] < 0x80 { // most lengths take one byte
		start = at + 1
		end = start + int(b[at])
		return start, end, end <= len(b)
	}
	return longFieldAt(b, at)
}

func longFieldAt(b []byte, at int) (start, end int, whole bool) {
	n, size := binary.Uvarint(b[at:])
	if size <= 0 || n > uint64(len(b)-at-size) {
		return 0, 0, false
	}
	start = at + size
	return start, start + int(n), true
}
