// Package wire reads the wire format of MessagePack: the head of a value, and
// whole values of the most common types.
//
// Package codec builds its decoder on heads. The root package calls
// [UnmarshalCommon] before it calls a codec.
package wire

import (
	"errors"
	"math"

	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// The errors name package codec, because users meet them only there.
var (
	// ErrTruncated reports input that ends before its value does.
	ErrTruncated = errors.New("codec: msgpack: truncated input")

	errFormat = errors.New("codec: msgpack: invalid format byte 0xc1")
)

// Kind is the type of a value on the wire. Encodings of one type that differ
// only in width have the same Kind.
type Kind uint8

// The kinds. Uint holds integers from zero up; Int holds the integers that the
// encoder wrote in a signed format, which may be positive too.
const (
	invalid Kind = iota
	Nil
	Bool
	Uint
	Int
	Float32
	Float64
	String
	Bytes
	Array
	Map
	Ext
)

var kindNames = [...]string{
	invalid: "invalid", Nil: "nil", Bool: "bool", Uint: "integer", Int: "integer",
	Float32: "float", Float64: "float", String: "string", Bytes: "bytes",
	Array: "array", Map: "map", Ext: "extension",
}

// String returns the name of k for error messages. It makes no difference
// between signed and unsigned integers, or between the two sizes of a float.
func (k Kind) String() string { return kindNames[k] }

// Head is the decoded start of a value.
type Head struct {
	Kind Kind
	Ext  int8 // the type of an extension
	Size int  // the length of the head itself in bytes

	// Bits is the value of a scalar, the length in bytes of a String, Bytes or
	// Ext, or the number of entries of an Array or Map.
	Bits uint64
}

// format describes one first byte. A big-endian number of width bytes follows
// it; if width is 0, the number is fixed.
type format struct {
	kind  Kind
	width uint8
	fixed uint8
}

var formats = makeFormats()

func makeFormats() (table [256]format) {
	for c := range table {
		switch b := byte(c); {
		case b <= msgpcode.PosFixedNumHigh:
			table[c] = format{kind: Uint, fixed: b}
		case b >= msgpcode.NegFixedNumLow:
			table[c] = format{kind: Int, fixed: b}
		case msgpcode.IsFixedMap(b):
			table[c] = format{kind: Map, fixed: b & msgpcode.FixedMapMask}
		case msgpcode.IsFixedArray(b):
			table[c] = format{kind: Array, fixed: b & msgpcode.FixedArrayMask}
		case msgpcode.IsFixedString(b):
			table[c] = format{kind: String, fixed: b & msgpcode.FixedStrMask}
		}
	}
	for c, f := range map[byte]format{
		msgpcode.Nil:   {kind: Nil},
		msgpcode.False: {kind: Bool}, msgpcode.True: {kind: Bool, fixed: 1},
		msgpcode.Uint8: {kind: Uint, width: 1}, msgpcode.Uint16: {kind: Uint, width: 2},
		msgpcode.Uint32: {kind: Uint, width: 4}, msgpcode.Uint64: {kind: Uint, width: 8},
		msgpcode.Int8: {kind: Int, width: 1}, msgpcode.Int16: {kind: Int, width: 2},
		msgpcode.Int32: {kind: Int, width: 4}, msgpcode.Int64: {kind: Int, width: 8},
		msgpcode.Float: {kind: Float32, width: 4}, msgpcode.Double: {kind: Float64, width: 8},
		msgpcode.Str8: {kind: String, width: 1}, msgpcode.Str16: {kind: String, width: 2},
		msgpcode.Str32: {kind: String, width: 4},
		msgpcode.Bin8:  {kind: Bytes, width: 1}, msgpcode.Bin16: {kind: Bytes, width: 2},
		msgpcode.Bin32:   {kind: Bytes, width: 4},
		msgpcode.Array16: {kind: Array, width: 2}, msgpcode.Array32: {kind: Array, width: 4},
		msgpcode.Map16: {kind: Map, width: 2}, msgpcode.Map32: {kind: Map, width: 4},
		msgpcode.FixExt1: {kind: Ext, fixed: 1}, msgpcode.FixExt2: {kind: Ext, fixed: 2},
		msgpcode.FixExt4: {kind: Ext, fixed: 4}, msgpcode.FixExt8: {kind: Ext, fixed: 8},
		msgpcode.FixExt16: {kind: Ext, fixed: 16},
		msgpcode.Ext8:     {kind: Ext, width: 1}, msgpcode.Ext16: {kind: Ext, width: 2},
		msgpcode.Ext32: {kind: Ext, width: 4},
	} {
		table[c] = f
	}
	return table
}

// ReadHead reads the head at the start of data. It fails on an empty or
// truncated head and on the one byte that MessagePack leaves unused. It does
// not check that data holds the payload.
func ReadHead(data []byte) (Head, error) {
	if len(data) == 0 {
		return Head{}, ErrTruncated
	}
	f := formats[data[0]]
	if f.kind == invalid {
		return Head{}, errFormat
	}
	h := Head{Kind: f.kind, Size: 1 + int(f.width), Bits: uint64(f.fixed)}
	if len(data) < h.Size {
		return Head{}, ErrTruncated
	}
	for _, b := range data[1:h.Size] {
		h.Bits = h.Bits<<8 | uint64(b)
	}
	switch f.kind {
	case Int:
		h.Bits = signExtend(h.Bits, max(f.width, 1))
	case Ext:
		if len(data) <= h.Size {
			return Head{}, ErrTruncated
		}
		h.Ext = int8(data[h.Size])
		h.Size++
	}
	return h, nil
}

func signExtend(bits uint64, width uint8) uint64 {
	shift := 64 - 8*width
	return uint64(int64(bits<<shift) >> shift)
}

// Payload returns the number of bytes after the head that hold a String, Bytes
// or Ext. It is 0 for the other kinds: their value is in the head, or follows
// as further values.
func (h Head) Payload() uint64 {
	switch h.Kind {
	case String, Bytes, Ext:
		return h.Bits
	}
	return 0
}

// Integer returns the number in h as an int64. It reports number false if h is
// not a number, and fits false if no int64 equals the number.
func (h Head) Integer() (n int64, fits, number bool) {
	switch h.Kind {
	case Int:
		return int64(h.Bits), true, true
	case Uint:
		return int64(h.Bits), h.Bits <= math.MaxInt64, true
	case Float32, Float64:
		f := h.Float()
		// Both bounds are powers of two, hence exact; NaN compares false.
		if f >= -1<<63 && f < 1<<63 && f == math.Trunc(f) {
			return int64(f), true, true
		}
		return 0, false, true
	}
	return 0, false, false
}

// Float returns the number in h, which is a Float32 or Float64.
func (h Head) Float() float64 {
	if h.Kind == Float32 {
		return float64(math.Float32frombits(uint32(h.Bits)))
	}
	return math.Float64frombits(h.Bits)
}
