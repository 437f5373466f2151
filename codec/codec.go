// Package codec encodes session values as bytes and decodes them.
//
// Most applications use the default, [MsgPack], and never name it.
//
//	codec    encoding              choose it when
//	MsgPack  MessagePack           you have no reason for another: compact and
//	                               fast, and int, []byte and time.Time keep
//	                               their types even inside an any
//	JSON     JSON text             another program or a person reads the values;
//	                               an any loses some types
//	Sealed   encrypted MessagePack the store, its snapshots or its backups are
//	         or JSON               less trusted than the program
//
// To use your own encoding, implement [Codec]. Implement [Binder] too if nobody
// may move an encoded value to another session.
//
// # Sealed
//
// [Sealed] wraps another codec. It encrypts every value and detects every
// change. A session binds each of its sealed values to the session and to the
// name of the value. Decoding returns [ErrOpen] for bytes that somebody
// changed, or copied to another session or another name.
//
// Sealed protects values, and nothing else in a session record. Somebody who
// can read the store or a snapshot still sees
//
//   - the names of values, user IDs and times;
//   - the length of each value.
//
// Somebody who can write to the store can also
//
//   - delete values and sessions;
//   - put an older value back under the same name of the same session;
//   - change the user and the deadline of a session.
//
// Sealed does not protect from somebody who can read the memory of the process:
// the encryption keys and the values in use are there.
//
// # Key rotation
//
// [NewSealed] takes several encryption keys. The first one seals; all of them
// open. To replace a key:
//
//  1. If several processes share a store, first append the new key in all of
//     them, so that each can open values sealed with it.
//  2. Put the new key first and keep the old key after it. New values use the
//     new key. A stored value stays under the old key until the value changes
//     or its session gets a new ID.
//  3. Remove the old key when the last session from before step 2 has ended:
//     one Options.AbsoluteLifetime later.
//
// If a key leaked, remove it at once. Decoding then returns [ErrOpen] for the
// values sealed with it.
//
// # Panics
//
// The codecs of this package do not panic, even when a method of a value does,
// such as MarshalJSON or EncodeMsgpack. They return an error.
package codec

import "fmt"

// A Codec encodes values as bytes and decodes them. Implementations must follow
// these rules:
//
//   - All methods are safe for concurrent use.
//   - Marshal returns bytes that belong to the caller, who may keep and change
//     them. The codec does not touch them again, and no two calls return the
//     same memory.
//   - Marshal does not change v and keeps no reference to it.
//   - Unmarshal stores a value in v, a non-nil pointer. It reads data only
//     until it returns, never changes data, and stores no value that shares
//     memory with data.
//   - Unmarshal of bytes that Marshal did not write, such as truncated,
//     extended or hostile bytes, returns an error or some value. It does not
//     panic, and its memory is proportional to len(data).
//
// After an error from Unmarshal, the value in v is unspecified. Errors contain
// neither the value nor its bytes: programs log errors, and values are secret.
type Codec interface {
	Marshal(v any) ([]byte, error)
	Unmarshal(data []byte, v any) error
}

// A Binder is a Codec that can bind its output to a place, such as one key of
// one session.
//
// Bind returns a codec for one place. Its output decodes only with a codec for
// the same place, so bytes copied to another place fail to decode. Distinct
// strings are distinct places; the empty string is the place of the Binder
// itself. Bind is cheap enough to call for every value. The Binder and the
// bound codecs are safe for concurrent use. The codec may treat place as
// public, but its output and its errors do not contain place.
//
// Rebind converts data from the place from to the place to without decoding the
// value, so that a session with a new ID keeps its values. It reads data only
// until it returns. The returned bytes belong to the caller.
//
// Same reports whether a and b, both bound to place, encode the same value. A
// false result is always safe and costs the session one more write. Codecs that
// encode equal values as equal bytes may always return false.
type Binder interface {
	Codec
	Bind(place string) Codec
	Rebind(data []byte, from, to string) ([]byte, error)
	Same(a, b []byte, place string) bool
}

// recoverInto converts a panic in a method of v to an error: one bad value must
// not end a server. The error omits the panic value, which may be a secret.
func recoverInto(err *error, v any) {
	if recover() != nil {
		*err = fmt.Errorf("codec: a method of %T or of a value inside it panicked", v)
	}
}
