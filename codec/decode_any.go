package codec

import (
	"bytes"
	"math"
	"reflect"

	"github.com/holdfast-go/holdfast/internal/wire"
)

// any decodes the next value as the Go type closest to its kind.
func (d *decoder) any() (any, error) {
	h, err := d.peek()
	if err != nil {
		return nil, err
	}
	payload := d.consume(h)
	switch h.Kind {
	case wire.Nil:
		return nil, nil
	case wire.Bool:
		return h.Bits != 0, nil
	case wire.Int:
		return shortest(int64(h.Bits)), nil
	case wire.Uint:
		if h.Bits > math.MaxInt64 {
			return h.Bits, nil
		}
		return shortest(int64(h.Bits)), nil
	case wire.Float32:
		return math.Float32frombits(uint32(h.Bits)), nil
	case wire.Float64:
		return math.Float64frombits(h.Bits), nil
	case wire.String:
		return string(payload), nil
	case wire.Bytes:
		return bytes.Clone(payload), nil
	case wire.Array:
		return d.anySlice(int(h.Bits))
	case wire.Map:
		return d.anyMap(int(h.Bits))
	}
	return timestamp(h, payload)
}

// shortest returns n as an int if an int can hold it, else as an int64.
func shortest(n int64) any {
	if int64(int(n)) == n {
		return int(n)
	}
	return n
}

func (d *decoder) anySlice(n int) ([]any, error) {
	s := make([]any, n)
	for i := range s {
		v, err := d.any()
		if err != nil {
			return nil, err
		}
		s[i] = v
	}
	return s, nil
}

// sizeHint returns the size hint for a map of so many entries. It is bounded:
// an entry may take two bytes on the wire, and none in the map if its key
// repeats.
func sizeHint(entries int) int { return min(entries, 64) }

// anyMap decodes n entries into a map[string]any. At the first key that is not
// a string it changes to a map[any]any.
func (d *decoder) anyMap(n int) (any, error) {
	m := make(map[string]any, sizeHint(n))
	for i := range n {
		h, err := d.peek()
		if err != nil {
			return nil, err
		}
		if h.Kind != wire.String {
			return d.mixedMap(m, n-i)
		}
		key := string(d.consume(h))
		if m[key], err = d.any(); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// mixedMap copies begun and decodes the other entries, rest in number.
func (d *decoder) mixedMap(begun map[string]any, rest int) (any, error) {
	m := make(map[any]any, len(begun)+sizeHint(rest))
	for key, v := range begun {
		m[key] = v
	}
	for range rest {
		h, _ := d.peek()
		key, err := d.any()
		if err != nil {
			return nil, err
		}
		if key != nil && !reflect.ValueOf(key).Comparable() {
			return nil, badKey(h.Kind)
		}
		if m[key], err = d.any(); err != nil {
			return nil, err
		}
	}
	return m, nil
}
