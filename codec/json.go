package codec

import (
	"encoding/json"
	"errors"
	"fmt"
)

// JSON encodes values with [encoding/json]. The zero value is ready to use. It
// is safe for concurrent use.
//
// Choose it when another program or a person reads the bytes. JSON has fewer
// types than Go. Into an any, every number decodes as a float64 (an int beyond
// 2^53 may change its value), a []byte as a base64 string, and a time.Time as
// an RFC 3339 string. Into a destination of their own type they all decode
// unchanged. [MsgPack] keeps the types in both cases, in fewer bytes.
type JSON struct{}

var _ Codec = JSON{}

// Marshal returns v as JSON. It fails on values that JSON cannot express:
// channels, functions, complex numbers, NaN, infinities and cyclic values. The
// returned bytes belong to the caller.
func (JSON) Marshal(v any) (data []byte, err error) {
	defer recoverInto(&err, v)
	data, err = json.Marshal(v)
	if err != nil {
		return nil, marshalError(v, err)
	}
	return data, nil
}

// Unmarshal decodes data into v, a non-nil pointer. It fails on malformed JSON,
// on bytes after the value other than white space, on a value of another type,
// and on a number that does not fit. It keeps no reference to data.
func (JSON) Unmarshal(data []byte, v any) (err error) {
	defer recoverInto(&err, v)
	if err := json.Unmarshal(data, v); err != nil {
		return unmarshalError(v, err)
	}
	return nil
}

// The errors of encoding/json quote values, which may be secrets. marshalError
// and unmarshalError keep only types and the names of fields.

func marshalError(v any, err error) error {
	if e, ok := errors.AsType[*json.UnsupportedTypeError](err); ok {
		return fmt.Errorf("codec: json: %s cannot be encoded", e.Type)
	}
	return fmt.Errorf("codec: json: %T cannot be encoded", v)
}

func unmarshalError(v any, err error) error {
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && e.Type != nil && e.Field != "" {
		return fmt.Errorf("codec: json: data does not fit %T (field %s, a %s)", v, e.Field, e.Type)
	}
	return fmt.Errorf("codec: json: data does not fit %T", v)
}
