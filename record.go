package holdfast

import (
	"encoding/binary"
	"fmt"
	"iter"
	"time"
)

// A record is a session as the store holds it: a header, then for each value
// its key and its encoded bytes. The values stay encoded until someone asks
// for one.
//
//	version  1 byte
//	created  8 bytes  Unix time in nanoseconds
//	written  8 bytes  likewise, of the latest commit
//	idle     8 bytes  idle timeout in nanoseconds; 0: the Manager's
//	values   { uvarint length, key, uvarint length, value } …
//
// Numbers are little-endian.
type record struct {
	created time.Time
	written time.Time
	idle    time.Duration
	values  []byte
}

const (
	recordVersion = 1
	headerLen     = 1 + 3*8
)

// parseRecord checks all of raw, so that what reads the record later needs no
// checks. The record refers to raw.
func parseRecord(raw []byte) (record, error) {
	if len(raw) < headerLen {
		return record{}, fmt.Errorf("%w: %d bytes, a header has %d", ErrRecord, len(raw), headerLen)
	}
	if raw[0] != recordVersion {
		return record{}, fmt.Errorf("%w: version %d, this is version %d", ErrRecord, raw[0], recordVersion)
	}
	r := record{
		created: time.Unix(0, int64(binary.LittleEndian.Uint64(raw[1:]))),
		written: time.Unix(0, int64(binary.LittleEndian.Uint64(raw[9:]))),
		idle:    time.Duration(binary.LittleEndian.Uint64(raw[17:])),
		values:  raw[headerLen:],
	}
	if r.idle < 0 {
		return record{}, fmt.Errorf("%w: a negative idle timeout", ErrRecord)
	}
	for rest := r.values; len(rest) > 0; {
		var whole bool
		if _, rest, whole = cutField(rest); whole {
			_, rest, whole = cutField(rest)
		}
		if !whole {
			return record{}, fmt.Errorf("%w: a value is cut short", ErrRecord)
		}
	}
	return r, nil
}

// appendHeader appends all of r but its values.
func (r record) appendHeader(dst []byte) []byte {
	dst = append(dst, recordVersion)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(r.created.UnixNano()))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(r.written.UnixNano()))
	return binary.LittleEndian.AppendUint64(dst, uint64(r.idle))
}

func appendValue(dst []byte, key string, encoded []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(key)))
	dst = append(dst, key...)
	dst = binary.AppendUvarint(dst, uint64(len(encoded)))
	return append(dst, encoded...)
}

// all iterates over the keys and encoded values, which refer to the record.
func (r record) all() iter.Seq2[[]byte, []byte] {
	return func(yield func(key, encoded []byte) bool) {
		for rest := r.values; len(rest) > 0; {
			var key, encoded []byte
			key, rest, _ = cutField(rest)
			encoded, rest, _ = cutField(rest)
			if !yield(key, encoded) {
				return
			}
		}
	}
}

func (r record) value(key string) (encoded []byte, found bool) {
	for k, encoded := range r.all() {
		if string(k) == key {
			return encoded, true
		}
	}
	return nil, false
}

// cutField splits a length and so many bytes off the front of b.
func cutField(b []byte) (field, rest []byte, whole bool) {
	n, size := binary.Uvarint(b)
	if size <= 0 || n > uint64(len(b)-size) {
		return nil, nil, false
	}
	end := size + int(n)
	return b[size:end:end], b[end:], true
}
