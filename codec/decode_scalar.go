package codec

import (
	"reflect"

	"github.com/holdfast-go/holdfast/internal/wire"
)

// setScalar stores the value of h and its payload in v, which is not a
// container.
func setScalar(v reflect.Value, h wire.Head, payload []byte) error {
	switch v.Kind() {
	case reflect.Bool:
		if h.Kind != wire.Bool {
			return mismatch(h.Kind, v.Type())
		}
		v.SetBool(h.Bits != 0)
	case reflect.String:
		if h.Kind != wire.String && h.Kind != wire.Bytes {
			return mismatch(h.Kind, v.Type())
		}
		v.SetString(string(payload))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return setInt(v, h)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return setUint(v, h)
	case reflect.Float32, reflect.Float64:
		return setFloat(v, h)
	default:
		return mismatch(h.Kind, v.Type())
	}
	return nil
}

func setInt(v reflect.Value, h wire.Head) error {
	n, fits, number := h.Integer()
	switch {
	case !number:
		return mismatch(h.Kind, v.Type())
	case !fits || v.OverflowInt(n):
		return overflow(h.Kind, v.Type())
	}
	v.SetInt(n)
	return nil
}

func setUint(v reflect.Value, h wire.Head) error {
	n := h.Bits
	if h.Kind != wire.Uint {
		signed, fits, number := h.Integer()
		if !number {
			return mismatch(h.Kind, v.Type())
		}
		if !fits || signed < 0 {
			return overflow(h.Kind, v.Type())
		}
		n = uint64(signed)
	}
	if v.OverflowUint(n) {
		return overflow(h.Kind, v.Type())
	}
	v.SetUint(n)
	return nil
}

// setFloat accepts an integer only if v can represent it exactly. It rounds a
// float64 to a float32, unless the float64 is out of range.
func setFloat(v reflect.Value, h wire.Head) error {
	switch h.Kind {
	case wire.Float32, wire.Float64:
		f := h.Float()
		if v.OverflowFloat(f) {
			return overflow(h.Kind, v.Type())
		}
		v.SetFloat(f)
	case wire.Int, wire.Uint:
		f := float64(int64(h.Bits))
		if h.Kind == wire.Uint {
			f = float64(h.Bits)
		}
		if v.Kind() == reflect.Float32 {
			f = float64(float32(f))
		}
		if !equals(h, f) {
			return overflow(h.Kind, v.Type())
		}
		v.SetFloat(f)
	default:
		return mismatch(h.Kind, v.Type())
	}
	return nil
}

// equals reports whether h, an integer, equals f exactly. It compares integers:
// a conversion of h to a float would round. The bounds keep the conversion of f
// defined.
func equals(h wire.Head, f float64) bool {
	if h.Kind == wire.Uint {
		return f < 1<<64 && uint64(f) == h.Bits
	}
	return f < 1<<63 && int64(f) == int64(h.Bits)
}
