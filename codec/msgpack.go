package codec

import (
	"bytes"
	"errors"
	"reflect"
)

// MsgPack writes values as [MessagePack], by way of github.com/vmihailenco/msgpack. The zero value is
// ready to use, and safe for concurrent use.
//
// What comes back is what went in. Into a destination of the same type everything does, unexported fields
// aside. Into an any, where the bytes alone decide:
//
//   - every integer, of whatever Go type it was, is an int where it fits one, else an int64 or a uint64;
//   - a float64 is a float64 and a float32 a float32, even without a fraction;
//   - a string is a string, a []byte a []byte, a bool a bool, nil is nil;
//   - a time.Time is a time.Time: the same instant to the nanosecond, in UTC, without a monotonic reading,
//     here and in a typed destination alike;
//   - a slice is a []any; a map is a map[string]any, or a map[any]any if it has a key of another type;
//     a struct is a map[string]any of its fields.
//
// A number that does not fit its destination is an error: 300 into an int8, -1 into a uint, 1.5 into an
// int, 2^53+1 into a float64; only a float64 is rounded to a float32, if in its range. So is a value of
// another kind, as a string into an int. An integer may become a float and a string a []byte, each also the
// other way round if nothing is lost.
//
// Structs follow encoding/json. A field goes by its msgpack tag, or its json tag, or its name; "-" leaves it
// out, and so does omitempty if it is empty; embedded structs are flattened. On reading, unknown fields are
// ignored and missing ones keep what v held. A slice or map in v is replaced, not filled up, and nil clears
// what it is read into. A name is matched exactly, or else by the first field that differs from it in case
// alone.
//
// Types may encode themselves, by both methods of a pair: msgpack.CustomEncoder and CustomDecoder,
// msgpack.Marshaler and Unmarshaler, encoding's BinaryMarshaler or TextMarshaler and its opposite, or
// json.Marshaler and Unmarshaler. The first pair in this order is used; the JSON of the last is kept as a
// string. Extensions registered with msgpack.RegisterExt, and the tag options as_array and intern, are not
// used.
//
// So a struct that one version of a program stored is read by the next as encoding/json would read it, but
// for some changes of a field's type. These are errors: an array made shorter than what is stored; a map's
// keys made numbers instead of strings, or the reverse; a time.Time made a string, or the reverse; and a type
// that encodes itself made one of another kind, or the reverse, save that text is a string. A type with both
// binary and text methods is stored as binary, so a netip.Addr made a string is four or more odd bytes, and
// the reverse an error. A []byte made a string, or the reverse, keeps its bytes, and a float32 made a float64
// its value. The tag options string and omitzero are not used either: a number is stored as a number, and a
// zero like any other value.
//
// Channels, functions, complex numbers, cyclic values and nesting beyond 1000 levels are errors.
//
// Bytes from elsewhere do no harm: lengths are checked against the data before anything is allocated, so
// that memory is in proportion to data. Decoding into an any takes 16 bytes to the byte for an array of
// nils; the worst case we know, maps of one entry within each other, takes 192, as a Go map is that large.
// Into a type of yours an array takes the size of its elements, which may have one byte each in data.
//
// [MessagePack]: https://msgpack.org
type MsgPack struct{}

var _ Codec = MsgPack{}

var errDestination = errors.New("codec: msgpack: destination is not a non-nil pointer")

// Marshal returns v as MessagePack. The bytes belong to the caller. Two calls may order the entries of a
// map differently.
func (MsgPack) Marshal(v any) (data []byte, err error) {
	defer recoverInto(&err, v)
	e := borrowEncoder()
	if err := e.any(v); err != nil {
		return nil, err
	}
	data = bytes.Clone(e.buf.Bytes())
	e.giveBack() // not deferred: after a panic its state is unknown, and it must not be used again
	return data, nil
}

// Unmarshal stores the one value in data into v, a non-nil pointer. Bytes after it are an error. It
// keeps no reference to data.
func (m MsgPack) Unmarshal(data []byte, v any) (err error) {
	defer recoverInto(&err, v)
	if m.UnmarshalCommon(data, v) {
		return nil
	}
	destination := reflect.ValueOf(v)
	if destination.Kind() != reflect.Pointer || destination.IsNil() {
		return errDestination
	}
	size, err := valueSize(data, 0)
	if err != nil {
		return err
	}
	if size != len(data) {
		return errTrailing
	}
	d := decoder{data: data}
	return d.value(destination.Elem())
}

// UnmarshalCommon is Unmarshal for the types that are most common in sessions, into a *string, a *int or a
// *bool. Where it reports false it has stored nothing, and Unmarshal finds the value or what is wrong.
// Unlike Unmarshal it lets v point to a variable on the caller's stack, which saves an allocation.
func (MsgPack) UnmarshalCommon(data []byte, v any) bool {
	h, err := readHead(data)
	if err != nil || uint64(len(data)-h.size) != h.payload() {
		return false
	}
	switch v := v.(type) {
	case *string:
		if v != nil && h.kind == stringKind {
			*v = string(data[h.size:])
			return true
		}
	case *int:
		if n, fits, _ := h.integer(); v != nil && fits && int64(int(n)) == n {
			*v = int(n)
			return true
		}
	case *bool:
		if v != nil && h.kind == boolKind {
			*v = h.bits != 0
			return true
		}
	}
	return false
}
