package holdfast

import (
	"encoding/binary"
	"iter"
)

// values are the keys and encoded values of a record, as it holds them. Each is
// a field: its length, and so many bytes.
type values []byte

// whole reports whether no field is cut short, without which the other methods
// must not be called.
func (v values) whole() bool {
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

// all iterates over the keys and encoded values, which refer to the record.
func (v values) all() iter.Seq2[[]byte, []byte] {
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

func (v values) value(key string) (encoded []byte, found bool) {
	for k, encoded := range v.all() {
		if string(k) == key {
			return encoded, true
		}
	}
	return nil, false
}

func appendValue(dst []byte, key string, encoded []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(key)))
	dst = append(dst, key...)
	dst = binary.AppendUvarint(dst, uint64(len(encoded)))
	return append(dst, encoded...)
}

// fieldAt returns where in b the bytes of the field at b[at] begin and end, and
// whether they all are there.
func fieldAt(b []byte, at int) (start, end int, whole bool) {
	if at < len(b) && b[at] < 0x80 { // as most lengths, in one byte
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
