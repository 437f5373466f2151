package codec

import (
	"math"
	"reflect"
)

// any decodes the next value as the Go type closest to its kind.
func (d *decoder) any() (any, error) {
	h, err := d.peek()
	if err != nil {
		return nil, err
	}
	switch h.kind {
	case arrayKind:
		d.take(h)
		return d.anySlice(int(h.bits))
	case mapKind:
		d.take(h)
		return d.anyMap(int(h.bits))
	}
	payload := d.take(h)
	switch h.kind {
	case nilKind:
		return nil, nil
	case boolKind:
		return h.bits != 0, nil
	case intKind:
		return shortest(int64(h.bits)), nil
	case uintKind:
		if h.bits > math.MaxInt64 {
			return h.bits, nil
		}
		return shortest(int64(h.bits)), nil
	case float32Kind:
		return math.Float32frombits(uint32(h.bits)), nil
	case float64Kind:
		return math.Float64frombits(h.bits), nil
	case stringKind:
		return string(payload), nil
	case bytesKind:
		return cloneBytes(payload), nil
	}
	return h.time(payload)
}

// shortest returns n as an int, or, where int has 32 bits and n more, as it is.
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

// roomFor bounds the entries for which a map is given room in advance: an entry may take two bytes on the
// wire and, if its key repeats, nothing in the map.
func roomFor(entries int) int { return min(entries, 64) }

// anyMap decodes n entries into a map[string]any, and changes to a map[any]any at the first key that
// is not a string.
func (d *decoder) anyMap(n int) (any, error) {
	m := make(map[string]any, roomFor(n))
	for i := range n {
		h, err := d.peek()
		if err != nil {
			return nil, err
		}
		if h.kind != stringKind {
			return d.mixedMap(m, n-i)
		}
		key := string(d.take(h))
		if m[key], err = d.any(); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (d *decoder) mixedMap(begun map[string]any, rest int) (any, error) {
	m := make(map[any]any, len(begun)+roomFor(rest))
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
			return nil, h.unhashable()
		}
		if m[key], err = d.any(); err != nil {
			return nil, err
		}
	}
	return m, nil
}
