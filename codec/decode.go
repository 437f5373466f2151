package codec

import (
	"fmt"
	"reflect"
)

// decoder walks bytes that valueSize has passed, and builds Go values. Hence no length in them exceeds
// what is there, and its recursion is bounded.
//
// The wire is read here and not by msgpack.Decoder, which lets an integer wrap into a narrower type, gives
// an any the width of the wire instead of an int, and allocates what a length merely declares.
type decoder struct {
	data []byte
	at   int
}

func (d *decoder) peek() (head, error) { return readHead(d.data[d.at:]) }

// take returns the payload of h, the head at hand, and moves past both. The bytes are the input's own.
func (d *decoder) take(h head) []byte {
	start := d.at + h.size
	d.at = start + int(h.payload())
	return d.data[start:d.at]
}

func (d *decoder) value(v reflect.Value) error {
	h, err := d.peek()
	if err != nil {
		return err
	}
	if h.kind == nilKind && nilable(v.Kind()) {
		d.take(h)
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
	if h.kind == nilKind {
		d.take(h)
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
	return h.scalar(v, d.take(h))
}

func nilable(k reflect.Kind) bool {
	switch k {
	case reflect.Pointer, reflect.Interface, reflect.Map, reflect.Slice:
		return true
	}
	return false
}

// pointee decodes into what v, a pointer, leads to, and makes it where it is missing.
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

// dynamic decodes into an interface: any takes everything, another what implements it.
func (d *decoder) dynamic(v reflect.Value) error {
	h, _ := d.peek()
	decoded, err := d.any()
	if err != nil {
		return err
	}
	dv := reflect.ValueOf(decoded)
	if !dv.Type().AssignableTo(v.Type()) {
		return h.mismatch(v.Type())
	}
	v.Set(dv)
	return nil
}

func (h head) unhashable() error {
	return fmt.Errorf("codec: msgpack: %s cannot be the key of a map", h.kind)
}

func cloneBytes(b []byte) []byte { return append([]byte{}, b...) }

func (d *decoder) slice(v reflect.Value, h head) error {
	payload := d.take(h)
	switch {
	case (h.kind == bytesKind || h.kind == stringKind) && holdsBytes(v.Type()):
		v.SetBytes(cloneBytes(payload))
		return nil
	case h.kind != arrayKind:
		return h.mismatch(v.Type())
	}
	n := int(h.bits)
	if v.Type().Elem() == anyType {
		s, err := d.anySlice(n)
		v.Set(reflect.ValueOf(s))
		return err
	}
	v.Set(reflect.MakeSlice(v.Type(), n, n))
	return d.elements(v, n)
}

// array decodes into an array, which may be longer than the data; the rest of it becomes zero.
func (d *decoder) array(v reflect.Value, h head) error {
	payload := d.take(h)
	isBytes := (h.kind == bytesKind || h.kind == stringKind) && holdsBytes(v.Type())
	if !isBytes && h.kind != arrayKind {
		return h.mismatch(v.Type())
	}
	if h.bits > uint64(v.Len()) {
		return h.overflow(v.Type())
	}
	v.SetZero()
	if isBytes {
		copy(v.Bytes(), payload)
		return nil
	}
	return d.elements(v, int(h.bits))
}

func (d *decoder) elements(v reflect.Value, n int) error {
	for i := range n {
		if err := d.value(v.Index(i)); err != nil {
			return err
		}
	}
	return nil
}

func (d *decoder) mapOf(v reflect.Value, h head) error {
	t := v.Type()
	if h.kind != mapKind {
		return h.mismatch(t)
	}
	d.take(h)
	if t.Key() == stringType && t.Elem() == anyType {
		return d.stringMap(v, h)
	}
	m := reflect.MakeMapWithSize(t, roomFor(int(h.bits)))
	key, elem := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
	for range h.bits {
		keyHead, _ := d.peek()
		key.SetZero()
		if err := d.value(key); err != nil {
			return err
		}
		if !key.Comparable() {
			return keyHead.unhashable()
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

// stringMap decodes into a map[string]any, by far the most common map, in less than half the time of reflection.
func (d *decoder) stringMap(v reflect.Value, h head) error {
	decoded, err := d.anyMap(int(h.bits))
	if err != nil {
		return err
	}
	m, ok := decoded.(map[string]any)
	if !ok {
		return fmt.Errorf("codec: msgpack: map with a key that is no string cannot be decoded into %s", v.Type())
	}
	v.Set(reflect.ValueOf(m))
	return nil
}

func (d *decoder) structOf(v reflect.Value, fields *fieldSet, h head) error {
	if h.kind != mapKind {
		return h.mismatch(v.Type())
	}
	d.take(h)
	for range h.bits {
		keyHead, err := d.peek()
		if err != nil {
			return err
		}
		if keyHead.kind != stringKind {
			return keyHead.mismatch(v.Type())
		}
		f := fields.named(d.take(keyHead))
		if f == nil {
			if err := d.skip(); err != nil {
				return err
			}
			continue
		}
		fv, ok := f.into(v)
		if !ok {
			return fmt.Errorf("codec: msgpack: field %s of %s lies behind a nil pointer to an unexported struct",
				f.name, v.Type())
		}
		if err := d.value(fv); err != nil {
			return fmt.Errorf("%w (field %s)", err, f.name)
		}
	}
	return nil
}

func (d *decoder) skip() error {
	_, err := d.raw()
	return err
}

// raw returns the bytes of the next value whole, and moves past it.
func (d *decoder) raw() ([]byte, error) {
	size, err := valueSize(d.data[d.at:], 0)
	if err != nil {
		return nil, err
	}
	d.at += size
	return d.data[d.at-size : d.at], nil
}
