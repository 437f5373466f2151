package codec

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/holdfast-go/holdfast/internal/wire"
)

// styled encodes v, whose type has style s, not plainStyle.
func (e *encoder) styled(v reflect.Value, s style) error {
	self := addressable(v).Addr().Interface()
	switch s {
	case timeStyle:
		return e.wire.EncodeTime(*self.(*time.Time))
	case customStyle:
		start := e.buf.Len()
		if self.(msgpack.CustomEncoder).EncodeMsgpack(e.wire) != nil {
			return methodError("encode", v.Type())
		}
		return e.oneValue(e.buf.Bytes()[start:], v.Type())
	case marshalStyle:
		data, err := self.(msgpack.Marshaler).MarshalMsgpack()
		if err != nil {
			return methodError("encode", v.Type())
		}
		e.buf.Write(data)
		return e.oneValue(data, v.Type())
	case binaryStyle:
		data, err := self.(encoding.BinaryMarshaler).MarshalBinary()
		if err != nil {
			return methodError("encode", v.Type())
		}
		return e.wire.EncodeBytes(data)
	case textStyle:
		data, err := self.(encoding.TextMarshaler).MarshalText()
		if err != nil {
			return methodError("encode", v.Type())
		}
		return e.wire.EncodeString(string(data))
	default:
		// json.Marshal would change the text: it drops white space and escapes
		// <, > and &.
		data, err := self.(json.Marshaler).MarshalJSON()
		if err != nil || !json.Valid(data) {
			return methodError("encode", v.Type())
		}
		return e.wire.EncodeString(string(data))
	}
}

// methodError replaces the error of a type's own method, which may quote the
// value.
func methodError(verb string, t reflect.Type) error {
	return fmt.Errorf("codec: msgpack: %s could not %s itself", t, verb)
}

// oneValue fails unless written, the output of a type's own method, is exactly
// one value. One byte more or less would change the meaning of all later bytes.
func (e *encoder) oneValue(written []byte, t reflect.Type) error {
	if size, err := valueSize(written, e.depth); err != nil || size != len(written) {
		return fmt.Errorf("codec: msgpack: %s did not encode itself as one value", t)
	}
	return nil
}

// addressable returns v, or a copy of v if v has no address, such as a value in
// a map or an interface. Methods with a pointer receiver need an address.
func addressable(v reflect.Value) reflect.Value {
	if v.CanAddr() {
		return v
	}
	copied := reflect.New(v.Type()).Elem()
	copied.Set(v)
	return copied
}

// styled decodes into v, whose type has style s, not plainStyle. h is the next
// head.
func (d *decoder) styled(v reflect.Value, s style, h wire.Head) error {
	self := v.Addr().Interface()
	switch s {
	case customStyle:
		raw, err := d.raw()
		if err != nil {
			return err
		}
		return decodeCustom(self.(msgpack.CustomDecoder), raw)
	case marshalStyle:
		raw, err := d.raw()
		if err != nil {
			return err
		}
		return checkDecoded(v, self.(msgpack.Unmarshaler).UnmarshalMsgpack(bytes.Clone(raw)))
	}
	payload := d.consume(h)
	switch {
	case h.Kind == wire.Nil:
		v.SetZero()
		return nil
	case s == timeStyle:
		if h.Kind != wire.Ext {
			return mismatch(h.Kind, v.Type())
		}
		t, err := timestamp(h, payload)
		*self.(*time.Time) = t
		return err
	case h.Kind != wire.Bytes && h.Kind != wire.String:
		return mismatch(h.Kind, v.Type())
	case s == binaryStyle:
		return checkDecoded(v, self.(encoding.BinaryUnmarshaler).UnmarshalBinary(bytes.Clone(payload)))
	case s == textStyle:
		return checkDecoded(v, self.(encoding.TextUnmarshaler).UnmarshalText(bytes.Clone(payload)))
	}
	// json.Unmarshal checks that payload is JSON before it calls UnmarshalJSON,
	// which may rely on that.
	return checkDecoded(v, json.Unmarshal(bytes.Clone(payload), self))
}

// checkDecoded replaces err, the error of v's own method, if it is not nil.
func checkDecoded(v reflect.Value, err error) error {
	if err != nil {
		return methodError("decode", v.Type())
	}
	return nil
}

// decodeCustom calls the DecodeMsgpack of self with a decoder that holds raw,
// one value, and no byte after it.
func decodeCustom(self msgpack.CustomDecoder, raw []byte) error {
	dec := msgpack.GetDecoder()
	rest := bytes.NewReader(bytes.Clone(raw))
	dec.Reset(rest)
	dec.SetCustomStructTag("json")
	if self.DecodeMsgpack(dec) != nil {
		return methodError("decode", reflect.TypeOf(self).Elem())
	}
	if rest.Len() > 0 {
		return fmt.Errorf("codec: msgpack: %T did not read all of its value", self)
	}
	// Not deferred: a failed or panicked call leaves the decoder in an unknown
	// state, and the pool must not contain it.
	msgpack.PutDecoder(dec)
	return nil
}
