package sqlstore

import (
	"bytes"

	"github.com/holdfast-go/holdfast"
)

// tagOf returns the user tag of a value, or nil. The tag depends on the first
// bytes of the value alone, even if it is too short for a record. So all values
// that begin with a prefix have the tag of the prefix, if it has one.
func tagOf(value []byte) []byte {
	const longest = 64 // more than the header of a record
	padded := value
	if len(value) < longest {
		padded = append(bytes.Clone(value), make([]byte, longest)...)
	}
	tag, _ := holdfast.UserTag(padded)
	if len(tag) > len(value) {
		return nil
	}
	return tag
}
