package codec

import (
	"bytes"
	"errors"
	"reflect"

	"github.com/holdfast-go/holdfast/internal/wire"
)

// MsgPack encodes values as [MessagePack]. It writes with
// github.com/vmihailenco/msgpack. The zero value is ready to use. It is safe
// for concurrent use.
//
// # Types
//
// A value decodes unchanged into a destination of its own type, except for
// unexported fields and for the time zone of a time.Time. Into an any, the
// bytes decide the type:
//
//   - an integer of any Go type becomes an int if an int can hold it, else an
//     int64 or a uint64;
//   - a float64 stays a float64 and a float32 a float32, even without a
//     fraction;
//   - a string, a []byte, a bool and nil keep their types;
//   - a time.Time stays a time.Time. Everywhere, a decoded time.Time is the
//     same instant to the nanosecond, in UTC and without a monotonic reading;
//   - a slice becomes a []any;
//   - a map becomes a map[string]any, or a map[any]any if a key is not a
//     string;
//   - a struct becomes a map[string]any of its fields.
//
// A number that its destination cannot hold is an error: 300 in an int8, -1 in
// a uint, 1.5 in an int, 2^53+1 in a float64. One conversion rounds: a float64
// decoded into a float32, if in range. A value of another kind is an error too,
// such as a string in an int. But integers and floats convert to each other if
// nothing is lost, and a string and a []byte convert to each other.
//
// # Structs
//
// Structs follow encoding/json. The name of a field is its msgpack tag, else
// its json tag, else its Go name. The tag "-" omits the field; the option
// omitempty omits the field if it is empty. Embedded structs are flattened.
//
// On decoding, a name matches exactly, else the first field that differs only
// in case. Unknown names are ignored. A field without data keeps its value in
// v. A slice or map in v is replaced, not extended. nil sets its destination to
// zero.
//
// # Types that encode themselves
//
// A type encodes itself if it has both methods of a pair. The first pair in
// this order counts:
//
//   - msgpack.CustomEncoder and CustomDecoder;
//   - msgpack.Marshaler and Unmarshaler;
//   - encoding.BinaryMarshaler and BinaryUnmarshaler;
//   - encoding.TextMarshaler and TextUnmarshaler;
//   - json.Marshaler and Unmarshaler, whose JSON is stored as a string.
//
// MsgPack ignores extensions registered with msgpack.RegisterExt, and the tag
// options as_array and intern.
//
// # Changing a type
//
// A new version of a program reads a struct that an older version stored as
// encoding/json would, with these exceptions. It is an error to change
//
//   - an array to one shorter than the stored array;
//   - the keys of a map from strings to numbers, or back;
//   - a time.Time to a string, or back;
//   - a type that encodes itself to a type of another kind, or back. Text is an
//     exception: it is stored as a string. A type with both binary and text
//     methods is stored as binary: a netip.Addr changed to a string decodes as
//     the bytes of the address, and the change back is an error.
//
// A []byte changed to a string, or back, keeps its bytes. A float32 changed to
// a float64 keeps its value. MsgPack ignores the tag options string and
// omitzero: it stores a number as a number, and a zero like any other value.
//
// # Limits
//
// Channels, functions, complex numbers, cyclic values and more than 1000 levels
// of nesting are errors.
//
// Hostile input is safe. MsgPack compares every length with the data before it
// allocates, so memory is proportional to len(data). Into an any, an array of
// nils takes 16 bytes a byte of data. The worst case that we know, nested maps
// of one entry, takes 192, because a Go map is that large. Into a typed slice,
// one byte of data can take the size of an element.
//
// [MessagePack]: https://msgpack.org
type MsgPack struct{}

var _ Codec = MsgPack{}

var errDestination = errors.New("codec: msgpack: destination is not a non-nil pointer")

// Marshal returns v as MessagePack. The returned bytes belong to the caller.
// Two calls may order the entries of a map differently. It fails on values that
// [MsgPack] does not support, and if a method of v fails or panics.
func (MsgPack) Marshal(v any) (data []byte, err error) {
	defer recoverInto(&err, v)
	e := acquireEncoder()
	if err := e.any(v); err != nil {
		return nil, err
	}
	data = bytes.Clone(e.buf.Bytes())
	// Not deferred: a failed or panicked call leaves e in an unknown state, and
	// the pool must not contain it.
	e.recycle()
	return data, nil
}

// Unmarshal decodes data, exactly one value, into v, a non-nil pointer. It
// fails on malformed or truncated data, on bytes after the value, and on a
// value that does not fit v. It keeps no reference to data.
func (MsgPack) Unmarshal(data []byte, v any) (err error) {
	defer recoverInto(&err, v)
	if wire.UnmarshalCommon(data, v) {
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
