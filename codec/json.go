package codec

import (
	"encoding/json"
	"errors"
	"fmt"
)

// JSON writes values as [encoding/json] does. The zero value is ready to use, and safe for concurrent use.
//
// Choose it when something else must read the bytes. JSON has fewer types than Go: into an any, every
// number comes back as float64 (an int beyond 2^53 changes its value), a []byte as a base64 string, a
// time.Time as an RFC 3339 string. Into a typed destination all of these survive. [MsgPack] keeps them in
// both, in fewer bytes.
//
// Anything after the first value, other than white space, is an error.
type JSON struct{}

var _ Codec = JSON{}

// Marshal returns v as JSON. It fails on what JSON cannot express: channels, functions, complex numbers,
// NaN, infinities and cyclic values. The bytes belong to the caller.
func (JSON) Marshal(v any) (data []byte, err error) {
	defer recoverInto(&err, v)
	data, err = json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("codec: %s cannot be written as JSON", unwritable(v, err))
	}
	return data, nil
}

// Unmarshal stores the JSON in data into v, a non-nil pointer. It fails on malformed JSON, on a value of
// another type than v's and on a number that does not fit. It keeps no reference to data.
func (JSON) Unmarshal(data []byte, v any) (err error) {
	defer recoverInto(&err, v)
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("codec: the JSON does not fit %s", unfit(v, err))
	}
	return nil
}

// The errors of encoding/json quote what they could not read or write, which
// may be a secret. unwritable and unfit keep of them what is none.

func unwritable(v any, err error) string {
	if e, ok := errors.AsType[*json.UnsupportedTypeError](err); ok {
		return e.Type.String()
	}
	return fmt.Sprintf("a %T", v)
}

func unfit(v any, err error) string {
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && e.Type != nil && e.Field != "" {
		return fmt.Sprintf("a %T, whose field %s is a %s", v, e.Field, e.Type)
	}
	return fmt.Sprintf("a %T", v)
}
