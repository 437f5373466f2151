package codec

import (
	"fmt"
	"math"
	"reflect"
)

func (h head) mismatch(t reflect.Type) error {
	return fmt.Errorf("codec: msgpack: %s cannot be decoded into %s", h.kind, t)
}

func (h head) overflow(t reflect.Type) error {
	return fmt.Errorf("codec: msgpack: %s does not fit %s", h.kind, t)
}

// scalar stores the value of h, which has no parts, into v.
func (h head) scalar(v reflect.Value, payload []byte) error {
	switch v.Kind() {
	case reflect.Bool:
		if h.kind != boolKind {
			return h.mismatch(v.Type())
		}
		v.SetBool(h.bits != 0)
	case reflect.String:
		if h.kind != stringKind && h.kind != bytesKind {
			return h.mismatch(v.Type())
		}
		v.SetString(string(payload))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return h.signed(v)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return h.unsigned(v)
	case reflect.Float32, reflect.Float64:
		return h.float(v)
	default:
		return h.mismatch(v.Type())
	}
	return nil
}

func (h head) signed(v reflect.Value) error {
	n, fits, ok := h.integer()
	switch {
	case !ok:
		return h.mismatch(v.Type())
	case !fits || v.OverflowInt(n):
		return h.overflow(v.Type())
	}
	v.SetInt(n)
	return nil
}

// integer returns h as an int64, with fits false if it is a number that none equals, and ok false if it
// is no number.
func (h head) integer() (n int64, fits, ok bool) {
	switch h.kind {
	case intKind:
		return int64(h.bits), true, true
	case uintKind:
		return int64(h.bits), h.bits <= math.MaxInt64, true
	case float32Kind, float64Kind:
		f := h.floating()
		// Both bounds are powers of two, hence exact; NaN compares false.
		if f >= -1<<63 && f < 1<<63 && f == math.Trunc(f) {
			return int64(f), true, true
		}
		return 0, false, true
	}
	return 0, false, false
}

func (h head) unsigned(v reflect.Value) error {
	n := h.bits
	if h.kind != uintKind {
		signed, fits, ok := h.integer()
		if !ok {
			return h.mismatch(v.Type())
		}
		if !fits || signed < 0 {
			return h.overflow(v.Type())
		}
		n = uint64(signed)
	}
	if v.OverflowUint(n) {
		return h.overflow(v.Type())
	}
	v.SetUint(n)
	return nil
}

func (h head) floating() float64 {
	if h.kind == float32Kind {
		return float64(math.Float32frombits(uint32(h.bits)))
	}
	return math.Float64frombits(h.bits)
}

// float accepts an integer only if the destination can represent it exactly; a float64 is rounded to a
// float32, as Go programs expect, unless it is out of range.
func (h head) float(v reflect.Value) error {
	narrow := v.Kind() == reflect.Float32
	switch h.kind {
	case float32Kind, float64Kind:
		f := h.floating()
		if v.OverflowFloat(f) {
			return h.overflow(v.Type())
		}
		v.SetFloat(f)
	case intKind, uintKind:
		f := float64(int64(h.bits))
		if h.kind == uintKind {
			f = float64(h.bits)
		}
		if narrow {
			f = float64(float32(f))
		}
		if !h.equals(f) {
			return h.overflow(v.Type())
		}
		v.SetFloat(f)
	default:
		return h.mismatch(v.Type())
	}
	return nil
}

// equals says whether the integer h is f exactly. It compares integers, since comparing floats would round
// the difference away; the bounds keep the conversion defined.
func (h head) equals(f float64) bool {
	if h.kind == uintKind {
		return f < 1<<64 && uint64(f) == h.bits
	}
	return f < 1<<63 && int64(f) == int64(h.bits)
}
