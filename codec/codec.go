// Package codec turns the values of a session into bytes and back.
//
// Three codecs are here. Most applications will use the first and never name it:
//
//   - [MsgPack], the default. Compact and quick, and a value comes back with the type it had: an int
//     inside an any is an int again, a []byte a []byte, a time.Time a time.Time.
//   - [JSON], for values that another program, or a person, must read. It loses some types; see there.
//   - [Sealed], which encrypts and authenticates each value that another codec wrote. A dump of the store
//     or a snapshot on disk then shows no value, but still who is logged in, the names and lengths of
//     values, and times; and who can write to the store can change those.
//
// A codec of your own implements [Codec]. One whose bytes must stay in their place, as a sealed value
// must not be moved into another's session, implements [Binder] too.
//
// No method of this package panics, even when a value's own method (MarshalJSON, EncodeMsgpack and the
// like) does: it returns an error.
package codec

import "fmt"

// A Codec turns values into bytes and back. An implementation promises that
//
//   - its methods may be called from many goroutines at once;
//   - Marshal returns bytes that belong to the caller, who may keep and change them: the codec never
//     touches them again, and two calls never return the same memory;
//   - Marshal leaves v as it was and keeps no reference to it;
//   - Unmarshal stores a value into v, a non-nil pointer, reads data only while it runs, never changes
//     it, and lets no part of the value share its memory;
//   - Unmarshal of bytes that Marshal did not write, be they cut short, lengthened or hostile, returns an
//     error or some value, but does not panic, and uses memory in proportion to data.
//
// After an error from Unmarshal, the value at v is unspecified. No error quotes the value or the bytes:
// errors are logged, and values are secret.
type Codec interface {
	Marshal(v any) ([]byte, error)
	Unmarshal(data []byte, v any) error
}

// A Binder is a codec that can tie its output to the place where it is kept: one key of one session, say.
//
// Bind returns a codec whose output can be read back only by a codec bound to the same place, so that
// bytes copied from one place to another are refused there. Each distinct string is a distinct place, the
// empty one being the place of the codec itself. Bind is cheap enough to call for each value, and both
// the original and the bound codec may be used from many goroutines at once. Place is not a secret to the
// codec, yet appears neither in its output nor in its errors.
//
// Rebind returns data, which was written at the place from, as it would have been written at the place to,
// without decoding the value: a session that gets a new ID keeps its values. It reads data only while it
// runs, and the bytes that it returns belong to the caller.
//
// Same reports whether a and b, both written at place, are encodings of the same value. False is always
// safe: it costs a session one more write. A codec that writes equal values as equal bytes may return false.
type Binder interface {
	Codec
	Bind(place string) Codec
	Rebind(data []byte, from, to string) ([]byte, error)
	Same(a, b []byte, place string) bool
}

// recoverInto reports a panic of a value's own method as an error, because the caller of a codec is a
// server that must survive its values.
func recoverInto(err *error, v any) {
	if recover() != nil {
		*err = fmt.Errorf("codec: a method of %T, or of what it holds, panicked", v)
	}
}
