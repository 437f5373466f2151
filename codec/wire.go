package codec

import (
	"errors"
	"fmt"

	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// maxDepth is how deep arrays, maps, structs and pointers may nest. It bounds the recursion of encoding
// and decoding, which makes a cyclic value and a hostile input errors instead of a stack overflow, from
// which no program recovers.
const maxDepth = 1000

var (
	errDepth     = fmt.Errorf("codec: msgpack: nested deeper than %d levels, or cyclic", maxDepth)
	errTruncated = errors.New("codec: msgpack: truncated")
	errTrailing  = errors.New("codec: msgpack: bytes after the value")
	errFormat    = errors.New("codec: msgpack: not a MessagePack format byte")
	errTimestamp = errors.New("codec: msgpack: malformed timestamp")
)

// kind says what a value is on the wire, whatever the width of its header.
type kind uint8

const (
	noKind kind = iota
	nilKind
	boolKind
	uintKind
	intKind
	float32Kind
	float64Kind
	stringKind
	bytesKind
	arrayKind
	mapKind
	extKind
)

var kindNames = [...]string{
	noKind: "nothing", nilKind: "nil", boolKind: "bool", uintKind: "integer", intKind: "integer",
	float32Kind: "float", float64Kind: "float", stringKind: "string", bytesKind: "bytes",
	arrayKind: "array", mapKind: "map", extKind: "extension",
}

func (k kind) String() string { return kindNames[k] }

// head is what stands before the payload of a value: its kind and one number.
type head struct {
	kind kind
	ext  int8   // the type of an extension
	size int    // bytes that the head itself takes
	bits uint64 // a scalar's value; the bytes of a string, bytes or ext; the entries of an array or map
}

// format is one row of MessagePack's table of first bytes: width bytes of a big-endian number follow,
// or else the number is fixed.
type format struct {
	kind  kind
	width uint8
	fixed uint8
}

var formats = makeFormats()

func makeFormats() (table [256]format) {
	for c := range table {
		switch b := byte(c); {
		case b <= msgpcode.PosFixedNumHigh:
			table[c] = format{kind: uintKind, fixed: b}
		case b >= msgpcode.NegFixedNumLow:
			table[c] = format{kind: intKind, fixed: b}
		case msgpcode.IsFixedMap(b):
			table[c] = format{kind: mapKind, fixed: b & msgpcode.FixedMapMask}
		case msgpcode.IsFixedArray(b):
			table[c] = format{kind: arrayKind, fixed: b & msgpcode.FixedArrayMask}
		case msgpcode.IsFixedString(b):
			table[c] = format{kind: stringKind, fixed: b & msgpcode.FixedStrMask}
		}
	}
	for c, f := range map[byte]format{
		msgpcode.Nil:   {kind: nilKind},
		msgpcode.False: {kind: boolKind}, msgpcode.True: {kind: boolKind, fixed: 1},
		msgpcode.Uint8: {kind: uintKind, width: 1}, msgpcode.Uint16: {kind: uintKind, width: 2},
		msgpcode.Uint32: {kind: uintKind, width: 4}, msgpcode.Uint64: {kind: uintKind, width: 8},
		msgpcode.Int8: {kind: intKind, width: 1}, msgpcode.Int16: {kind: intKind, width: 2},
		msgpcode.Int32: {kind: intKind, width: 4}, msgpcode.Int64: {kind: intKind, width: 8},
		msgpcode.Float: {kind: float32Kind, width: 4}, msgpcode.Double: {kind: float64Kind, width: 8},
		msgpcode.Str8: {kind: stringKind, width: 1}, msgpcode.Str16: {kind: stringKind, width: 2},
		msgpcode.Str32: {kind: stringKind, width: 4},
		msgpcode.Bin8:  {kind: bytesKind, width: 1}, msgpcode.Bin16: {kind: bytesKind, width: 2},
		msgpcode.Bin32:   {kind: bytesKind, width: 4},
		msgpcode.Array16: {kind: arrayKind, width: 2}, msgpcode.Array32: {kind: arrayKind, width: 4},
		msgpcode.Map16: {kind: mapKind, width: 2}, msgpcode.Map32: {kind: mapKind, width: 4},
		msgpcode.FixExt1: {kind: extKind, fixed: 1}, msgpcode.FixExt2: {kind: extKind, fixed: 2},
		msgpcode.FixExt4: {kind: extKind, fixed: 4}, msgpcode.FixExt8: {kind: extKind, fixed: 8},
		msgpcode.FixExt16: {kind: extKind, fixed: 16},
		msgpcode.Ext8:     {kind: extKind, width: 1}, msgpcode.Ext16: {kind: extKind, width: 2},
		msgpcode.Ext32: {kind: extKind, width: 4},
	} {
		table[c] = f
	}
	return table
}

// readHead reads the head that data begins with.
func readHead(data []byte) (head, error) {
	if len(data) == 0 {
		return head{}, errTruncated
	}
	f := formats[data[0]]
	if f.kind == noKind {
		return head{}, errFormat
	}
	h := head{kind: f.kind, size: 1 + int(f.width), bits: uint64(f.fixed)}
	if len(data) < h.size {
		return head{}, errTruncated
	}
	for _, b := range data[1:h.size] {
		h.bits = h.bits<<8 | uint64(b)
	}
	switch f.kind {
	case intKind:
		h.bits = signExtend(h.bits, max(f.width, 1))
	case extKind:
		if len(data) <= h.size {
			return head{}, errTruncated
		}
		h.ext = int8(data[h.size])
		h.size++
	}
	return h, nil
}

func signExtend(bits uint64, width uint8) uint64 {
	shift := 64 - 8*width
	return uint64(int64(bits<<shift) >> shift)
}

// payload is the number of bytes that follow the head and belong to no other value.
func (h head) payload() uint64 {
	switch h.kind {
	case stringKind, bytesKind, extKind:
		return h.bits
	}
	return 0
}

// children is the number of values that follow the head and belong to its value.
func (h head) children() uint64 {
	switch h.kind {
	case arrayKind:
		return h.bits
	case mapKind:
		return 2 * h.bits
	}
	return 0
}

// valueSize returns the length of the value that data begins with, once it has seen that all of it is
// there and that it nests no deeper than maxDepth, of which depth levels are in use already.
//
// Decoding trusts what has passed here: a declared length is then backed by as many bytes, so it may be
// allocated at once. The check does not recurse, and its time and memory are linear in data.
func valueSize(data []byte, depth int) (int, error) {
	var shallow [16]uint64
	open := shallow[:0] // for each container begun, the children still to come
	at := 0
	for {
		h, err := readHead(data[at:])
		if err != nil {
			return 0, err
		}
		at += h.size
		if h.payload() > uint64(len(data)-at) {
			return 0, errTruncated
		}
		at += int(h.payload())
		if h.kind == arrayKind || h.kind == mapKind {
			if depth+len(open) >= maxDepth {
				return 0, errDepth
			}
			if n := h.children(); n > 0 {
				open = append(open, n)
				continue
			}
		}
		if open = closeFinished(open); len(open) == 0 {
			return at, nil
		}
	}
}

// closeFinished counts one finished value, and with it all containers whose last child it was.
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
