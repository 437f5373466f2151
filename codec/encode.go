package codec

import (
	"bytes"
	"fmt"
	"reflect"
	"sync"
	"time"

	"github.com/vmihailenco/msgpack/v5"
)

// maxPooledBuffer is the largest buffer in bytes that returns to the pool, so
// that one huge value does not occupy memory forever.
const maxPooledBuffer = 64 << 10

// encoder writes Go values to buf. It comes from the pool encoders and is not
// safe for concurrent use.
type encoder struct {
	buf   bytes.Buffer
	wire  *msgpack.Encoder // writes to buf
	depth int              // levels of nesting in use, at most maxDepth
}

var encoders = sync.Pool{New: func() any { return &encoder{wire: msgpack.NewEncoder(nil)} }}

func acquireEncoder() *encoder {
	e := encoders.Get().(*encoder)
	e.buf.Reset()
	e.depth = 0
	e.wire.Reset(&e.buf)
	// A type that encodes itself may pass values on to wire: these two settings
	// encode them as this package does.
	e.wire.SetCustomStructTag("json")
	e.wire.UseCompactInts(true)
	return e
}

func (e *encoder) recycle() {
	if e.buf.Cap() <= maxPooledBuffer {
		encoders.Put(e)
	}
}

// enter starts a level of nesting. Pointers count too, so that a pointer to
// itself fails, and so that the decoder accepts the depth of everything that
// the encoder writes.
func (e *encoder) enter() error {
	if e.depth >= maxDepth {
		return errDepth
	}
	e.depth++
	return nil
}

func (e *encoder) leave() { e.depth-- }

// any writes v, without reflection if its type is common in sessions.
func (e *encoder) any(v any) error {
	switch v := v.(type) {
	case nil:
		return e.wire.EncodeNil()
	case bool:
		return e.wire.EncodeBool(v)
	case int:
		return e.wire.EncodeInt(int64(v))
	case int64:
		return e.wire.EncodeInt(v)
	case float64:
		return e.wire.EncodeFloat64(v)
	case string:
		return e.wire.EncodeString(v)
	case []byte:
		return e.wire.EncodeBytes(v)
	case time.Time:
		return e.wire.EncodeTime(v)
	case map[string]any:
		return e.anyMap(v)
	case []any:
		return e.anySlice(v)
	}
	return e.value(reflect.ValueOf(v))
}

func (e *encoder) anyMap(m map[string]any) error {
	if m == nil {
		return e.wire.EncodeNil()
	}
	if err := e.enter(); err != nil {
		return err
	}
	defer e.leave()
	if err := e.wire.EncodeMapLen(len(m)); err != nil {
		return err
	}
	for key, v := range m {
		if err := e.wire.EncodeString(key); err != nil {
			return err
		}
		if err := e.any(v); err != nil {
			return err
		}
	}
	return nil
}

func (e *encoder) anySlice(s []any) error {
	if s == nil {
		return e.wire.EncodeNil()
	}
	if err := e.enter(); err != nil {
		return err
	}
	defer e.leave()
	if err := e.wire.EncodeArrayLen(len(s)); err != nil {
		return err
	}
	for _, v := range s {
		if err := e.any(v); err != nil {
			return err
		}
	}
	return nil
}

func (e *encoder) value(v reflect.Value) error {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		return e.pointee(v)
	}
	m := mappingOf(v.Type())
	if m.style != plainStyle {
		return e.styled(v, m.style)
	}
	switch v.Kind() {
	case reflect.Bool:
		return e.wire.EncodeBool(v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return e.wire.EncodeInt(v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return e.wire.EncodeUint(v.Uint())
	case reflect.Float32:
		return e.wire.EncodeFloat32(float32(v.Float()))
	case reflect.Float64:
		return e.wire.EncodeFloat64(v.Float())
	case reflect.String:
		return e.wire.EncodeString(v.String())
	case reflect.Slice:
		return e.slice(v)
	case reflect.Array:
		return e.array(v)
	case reflect.Map:
		return e.mapOf(v)
	case reflect.Struct:
		return e.structOf(v, m.fields)
	}
	return fmt.Errorf("codec: msgpack: %s cannot be encoded", v.Type())
}

func (e *encoder) pointee(v reflect.Value) error {
	if v.IsNil() {
		return e.wire.EncodeNil()
	}
	if err := e.enter(); err != nil {
		return err
	}
	defer e.leave()
	return e.value(v.Elem())
}

func (e *encoder) slice(v reflect.Value) error {
	switch {
	case v.IsNil():
		return e.wire.EncodeNil()
	case holdsBytes(v.Type()):
		return e.wire.EncodeBytes(v.Bytes())
	}
	return e.elements(v)
}

func (e *encoder) array(v reflect.Value) error {
	if holdsBytes(v.Type()) {
		return e.wire.EncodeBytes(addressable(v).Bytes())
	}
	return e.elements(v)
}

func (e *encoder) elements(v reflect.Value) error {
	if err := e.enter(); err != nil {
		return err
	}
	defer e.leave()
	if err := e.wire.EncodeArrayLen(v.Len()); err != nil {
		return err
	}
	for i := range v.Len() {
		if err := e.value(v.Index(i)); err != nil {
			return err
		}
	}
	return nil
}

func (e *encoder) mapOf(v reflect.Value) error {
	if v.IsNil() {
		return e.wire.EncodeNil()
	}
	if err := e.enter(); err != nil {
		return err
	}
	defer e.leave()
	if err := e.wire.EncodeMapLen(v.Len()); err != nil {
		return err
	}
	for entry := v.MapRange(); entry.Next(); {
		if err := e.value(entry.Key()); err != nil {
			return err
		}
		if err := e.value(entry.Value()); err != nil {
			return err
		}
	}
	return nil
}

func (e *encoder) structOf(v reflect.Value, fields *fieldSet) error {
	if err := e.enter(); err != nil {
		return err
	}
	defer e.leave()
	present := 0
	for i := range fields.list {
		if _, ok := fields.list[i].toWrite(v); ok {
			present++
		}
	}
	if err := e.wire.EncodeMapLen(present); err != nil {
		return err
	}
	for i := range fields.list {
		f := &fields.list[i]
		fv, ok := f.toWrite(v)
		if !ok {
			continue
		}
		if err := e.wire.EncodeString(f.name); err != nil {
			return err
		}
		if err := e.value(fv); err != nil {
			return fmt.Errorf("%w (field %s)", err, f.name)
		}
	}
	return nil
}

// toWrite returns the field f of v, a struct, or false if the encoding omits
// the field.
func (f *field) toWrite(v reflect.Value) (reflect.Value, bool) {
	fv, ok := f.of(v, false)
	return fv, ok && !(f.omitEmpty && isEmpty(fv))
}
