package codec

import (
	"bytes"
	"encoding"
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
		if err := self.(msgpack.CustomEncoder).EncodeMsgpack(e.wire); err != nil {
			return err
		}
		return e.oneValue(e.buf.Bytes()[start:], v.Type())
	case marshalStyle:
		data, err := self.(msgpack.Marshaler).MarshalMsgpack()
		if err != nil {
			return err
		}
		e.buf.Write(data)
		return e.oneValue(data, v.Type())
	case binaryStyle:
		data, err := self.(encoding.BinaryMarshaler).MarshalBinary()
		if err != nil {
			return err
		}
		return e.wire.EncodeBytes(data)
	default:
		data, err := self.(encoding.TextMarshaler).MarshalText()
		if err != nil {
			return err
		}
		return e.wire.EncodeString(string(data))
	}
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
		return self.(msgpack.Unmarshaler).UnmarshalMsgpack(cloneBytes(raw))
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
		return self.(encoding.BinaryUnmarshaler).UnmarshalBinary(cloneBytes(payload))
	}
	return self.(encoding.TextUnmarshaler).UnmarshalText(cloneBytes(payload))
}

// decodeCustom lends raw, one value, to a type that reads the wire itself. It sees no byte beyond it.
func decodeCustom(self msgpack.CustomDecoder, raw []byte) error {
	wire := msgpack.GetDecoder()
	rest := bytes.NewReader(cloneBytes(raw))
	wire.Reset(rest)
	wire.SetCustomStructTag("json")
	if err := self.DecodeMsgpack(wire); err != nil {
		return err
	}
	if rest.Len() > 0 {
		return fmt.Errorf("codec: msgpack: %T did not read all of its value", self)
	}
	msgpack.PutDecoder(wire) // not after a failure or panic, which may leave it in the midst of something
	return nil
}
