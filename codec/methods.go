package codec

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"github.com/vmihailenco/msgpack/v5"
)

// styled writes v, whose type has methods for it.
func (e *encoder) styled(v reflect.Value, s style) error {
	self := addressable(v).Addr().Interface()
	switch s {
	case timeStyle:
		return e.wire.EncodeTime(*self.(*time.Time))
	case customStyle:
		start := e.buf.Len()
		if self.(msgpack.CustomEncoder).EncodeMsgpack(e.wire) != nil {
			return refused("encode", v.Type())
		}
		return e.oneValue(e.buf.Bytes()[start:], v.Type())
	case marshalStyle:
		data, err := self.(msgpack.Marshaler).MarshalMsgpack()
		if err != nil {
			return refused("encode", v.Type())
		}
		e.buf.Write(data)
		return e.oneValue(data, v.Type())
	case binaryStyle:
		data, err := self.(encoding.BinaryMarshaler).MarshalBinary()
		if err != nil {
			return refused("encode", v.Type())
		}
		return e.wire.EncodeBytes(data)
	case textStyle:
		data, err := self.(encoding.TextMarshaler).MarshalText()
		if err != nil {
			return refused("encode", v.Type())
		}
		return e.wire.EncodeString(string(data))
	default:
		// Not json.Marshal, which would change the text: it drops white space and escapes <, > and &.
		data, err := self.(json.Marshaler).MarshalJSON()
		if err != nil || !json.Valid(data) {
			return refused("encode", v.Type())
		}
		return e.wire.EncodeString(string(data))
	}
}

// refused is the error of a type's own method, in other words: the method's may quote the value.
func refused(verb string, t reflect.Type) error {
	return fmt.Errorf("codec: msgpack: %s could not %s itself", t, verb)
}

// oneValue refuses what a type's own method wrote unless it is exactly one value: one byte more or less
// would shift the meaning of all that follows.
func (e *encoder) oneValue(written []byte, t reflect.Type) error {
	if size, err := valueSize(written, e.depth); err != nil || size != len(written) {
		return fmt.Errorf("codec: msgpack: %s did not encode itself as one value", t)
	}
	return nil
}

// addressable returns v or a copy of it, whichever has an address, so that methods on the pointer are
// found even of a value inside a map or an interface.
func addressable(v reflect.Value) reflect.Value {
	if v.CanAddr() {
		return v
	}
	copied := reflect.New(v.Type()).Elem()
	copied.Set(v)
	return copied
}

// styled decodes into v, whose type has methods for it.
func (d *decoder) styled(v reflect.Value, s style, h head) error {
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
		return decoded(v, self.(msgpack.Unmarshaler).UnmarshalMsgpack(cloneBytes(raw)))
	}
	payload := d.take(h)
	switch {
	case h.kind == nilKind:
		v.SetZero()
		return nil
	case s == timeStyle:
		if h.kind != extKind {
			return h.mismatch(v.Type())
		}
		t, err := h.time(payload)
		*self.(*time.Time) = t
		return err
	case h.kind != bytesKind && h.kind != stringKind:
		return h.mismatch(v.Type())
	case s == binaryStyle:
		return decoded(v, self.(encoding.BinaryUnmarshaler).UnmarshalBinary(cloneBytes(payload)))
	case s == textStyle:
		return decoded(v, self.(encoding.TextUnmarshaler).UnmarshalText(cloneBytes(payload)))
	}
	// An UnmarshalJSON may rely on its input being JSON, which json.Unmarshal sees to before it calls it.
	return decoded(v, json.Unmarshal(cloneBytes(payload), self))
}

// decoded returns what is to be told of the error of v's own method.
func decoded(v reflect.Value, err error) error {
	if err != nil {
		return refused("decode", v.Type())
	}
	return nil
}

// decodeCustom lends raw, one value, to a type that reads the wire itself. It sees no byte beyond it.
func decodeCustom(self msgpack.CustomDecoder, raw []byte) error {
	wire := msgpack.GetDecoder()
	rest := bytes.NewReader(cloneBytes(raw))
	wire.Reset(rest)
	wire.SetCustomStructTag("json")
	if self.DecodeMsgpack(wire) != nil {
		return refused("decode", reflect.TypeOf(self).Elem())
	}
	if rest.Len() > 0 {
		return fmt.Errorf("codec: msgpack: %T did not read all of its value", self)
	}
	msgpack.PutDecoder(wire) // not after a failure or panic, which may leave it in the midst of something
	return nil
}
