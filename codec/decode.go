package codec

import (
	"bytes"
	"fmt"
	"reflect"

	"github.com/holdfast-go/holdfast/internal/wire"
)

// decoder decodes bytes that valueSize has checked: every length is backed by
// data, and the nesting is bounded.
//
// It does not use msgpack.Decoder, which wraps an integer that is too large for
// its destination, decodes an integer into an any with the width of the wire
// and not as an int, and allocates declared lengths before it checks them.
type decoder struct {
	data []byte
	at   int
}

func (d *decoder) peek() (wire.Head, error) { return wire.ReadHead(d.data[d.at:]) }

// consume skips h, the head at the current position, and its payload. It
// returns the payload, which shares memory with the input.
func (d *decoder) consume(h wire.Head) []byte {
	start := d.at + h.Size
	d.at = start + int(h.Payload())
	return d.data[start:d.at]
}

func (d *decoder) value(v reflect.Value) error {
	h, err := d.peek()
	if err != nil {
		return err
	}
	if h.Kind == wire.Nil && nilable(v.Kind()) {
		d.consume(h)
		v.SetZero()
		return nil
	}
	switch v.Kind() {
	case reflect.Pointer:
		return d.pointee(v)
	case reflect.Interface:
		return d.dynamic(v)
	}
	m := mappingOf(v.Type())
	if m.style != plainStyle {
		return d.styled(v, m.style, h)
	}
	if h.Kind == wire.Nil {
		d.consume(h)
		v.SetZero()
		return nil
	}
	switch v.Kind() {
	case reflect.Slice:
		return d.slice(v, h)
	case reflect.Array:
		return d.array(v, h)
	case reflect.Map:
		return d.mapOf(v, h)
	case reflect.Struct:
		return d.structOf(v, m.fields, h)
	}
	return setScalar(v, h, d.consume(h))
}

func nilable(k reflect.Kind) bool {
	switch k {
	case reflect.Pointer, reflect.Interface, reflect.Map, reflect.Slice:
		return true
	}
	return false
}

// pointee decodes into the variable that v, a pointer, points to. It allocates
// the variable if v is nil.
func (d *decoder) pointee(v reflect.Value) error {
	for hops := 0; v.Kind() == reflect.Pointer; hops++ {
		if hops == maxDepth {
			return errDepth // type P *P
		}
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		v = v.Elem()
	}
	return d.value(v)
}

// dynamic decodes into an interface, if the decoded value implements it.
func (d *decoder) dynamic(v reflect.Value) error {
	h, _ := d.peek()
	decoded, err := d.any()
	if err != nil {
		return err
	}
	dv := reflect.ValueOf(decoded)
	if !dv.Type().AssignableTo(v.Type()) {
		return mismatch(h.Kind, v.Type())
	}
	v.Set(dv)
	return nil
}

func (d *decoder) slice(v reflect.Value, h wire.Head) error {
	payload := d.consume(h)
	switch {
	case isBytes(h.Kind, v.Type()):
		v.SetBytes(bytes.Clone(payload))
		return nil
	case h.Kind != wire.Array:
		return mismatch(h.Kind, v.Type())
	}
	n := int(h.Bits)
	if v.Type().Elem() == anyType {
		s, err := d.anySlice(n)
		v.Set(reflect.ValueOf(s))
		return err
	}
	v.Set(reflect.MakeSlice(v.Type(), n, n))
	return d.elements(v, n)
}

// array decodes into an array, which may be longer than the data; its other
// elements become zero.
func (d *decoder) array(v reflect.Value, h wire.Head) error {
	payload := d.consume(h)
	asBytes := isBytes(h.Kind, v.Type())
	if !asBytes && h.Kind != wire.Array {
		return mismatch(h.Kind, v.Type())
	}
	if h.Bits > uint64(v.Len()) {
		return overflow(h.Kind, v.Type())
	}
	v.SetZero()
	if asBytes {
		copy(v.Bytes(), payload)
		return nil
	}
	return d.elements(v, int(h.Bits))
}

// isBytes reports whether a value of kind k decodes into t, a slice or array
// type, as one string of bytes.
func isBytes(k wire.Kind, t reflect.Type) bool {
	return (k == wire.Bytes || k == wire.String) && holdsBytes(t)
}

func (d *decoder) elements(v reflect.Value, n int) error {
	for i := range n {
		if err := d.value(v.Index(i)); err != nil {
			return err
		}
	}
	return nil
}

func (d *decoder) mapOf(v reflect.Value, h wire.Head) error {
	t := v.Type()
	if h.Kind != wire.Map {
		return mismatch(h.Kind, t)
	}
	d.consume(h)
	if t.Key() == stringType && t.Elem() == anyType {
		return d.stringMap(v, h)
	}
	m := reflect.MakeMapWithSize(t, sizeHint(int(h.Bits)))
	key, elem := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
	for range h.Bits {
		keyHead, _ := d.peek()
		key.SetZero()
		if err := d.value(key); err != nil {
			return err
		}
		if !key.Comparable() {
			return badKey(keyHead.Kind)
		}
		elem.SetZero()
		if err := d.value(elem); err != nil {
			return err
		}
		m.SetMapIndex(key, elem)
	}
	v.Set(m)
	return nil
}

// stringMap decodes into a map[string]any, the most common map, in less than
// half the time that reflection takes.
func (d *decoder) stringMap(v reflect.Value, h wire.Head) error {
	decoded, err := d.anyMap(int(h.Bits))
	if err != nil {
		return err
	}
	m, ok := decoded.(map[string]any)
	if !ok {
		return fmt.Errorf("codec: msgpack: map with a key that is not a string cannot be decoded into %s", v.Type())
	}
	v.Set(reflect.ValueOf(m))
	return nil
}

func (d *decoder) structOf(v reflect.Value, fields *fieldSet, h wire.Head) error {
	if h.Kind != wire.Map {
		return mismatch(h.Kind, v.Type())
	}
	d.consume(h)
	for range h.Bits {
		keyHead, err := d.peek()
		if err != nil {
			return err
		}
		if keyHead.Kind != wire.String {
			return mismatch(keyHead.Kind, v.Type())
		}
		f := fields.named(d.consume(keyHead))
		if f == nil {
			if _, err := d.raw(); err != nil {
				return err
			}
			continue
		}
		fv, ok := f.of(v, true)
		if !ok {
			return fmt.Errorf("codec: msgpack: field %s of %s cannot be set: it is behind a nil pointer to an unexported struct",
				f.name, v.Type())
		}
		if err := d.value(fv); err != nil {
			return fmt.Errorf("%w (field %s)", err, f.name)
		}
	}
	return nil
}

// raw skips the next value and returns its bytes, which are those of the input.
func (d *decoder) raw() ([]byte, error) {
	size, err := valueSize(d.data[d.at:], 0)
	if err != nil {
		return nil, err
	}
	d.at += size
	return d.data[d.at-size : d.at], nil
}

func mismatch(k wire.Kind, t reflect.Type) error {
	return fmt.Errorf("codec: msgpack: %s cannot be decoded into %s", k, t)
}

func overflow(k wire.Kind, t reflect.Type) error {
	return fmt.Errorf("codec: msgpack: %s does not fit %s", k, t)
}

func badKey(k wire.Kind) error {
	return fmt.Errorf("codec: msgpack: %s cannot be a map key", k)
}
