package codec

import (
	"reflect"
	"slices"
	"strings"
)

// field is a field of a struct, or a field that an embedded struct promotes.
type field struct {
	name      string // on the wire
	index     []int  // path through embedded structs
	tagged    bool   // name comes from a tag
	omitEmpty bool
}

// fieldSet is the fields of a struct type, in the order of declaration and by
// name.
type fieldSet struct {
	list   []field
	byName map[string]*field
}

// fieldsOf returns the encoded fields of struct type t, by the rules of
// encoding/json: embedded structs promote their fields. If several fields have
// one name, the least nested wins, then the one with a tag. If neither rule
// decides, the encoding omits them all.
func fieldsOf(t reflect.Type) *fieldSet {
	all := collectFields(t, nil, nil)
	set := &fieldSet{byName: make(map[string]*field, len(all))}
	for _, f := range all {
		if dominates(f, all) {
			set.list = append(set.list, f)
		}
	}
	for i := range set.list {
		set.byName[set.list[i].name] = &set.list[i]
	}
	return set
}

// collectFields returns the fields of t; the fields of an embedded struct take
// its position. path is the index of t in the outermost struct. within is the
// chain of types that embed t: a type that embeds itself contributes its fields
// once.
func collectFields(t reflect.Type, path []int, within []reflect.Type) []field {
	if slices.Contains(within, t) {
		return nil
	}
	within = append(slices.Clone(within), t)
	var found []field
	for i := range t.NumField() {
		sf := t.Field(i)
		tag := fieldTag(sf)
		if tag == "-" {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		index := append(slices.Clone(path), i)
		if inner, ok := promotes(sf); ok && name == "" {
			found = append(found, collectFields(inner, index, within)...)
			continue
		}
		if !sf.IsExported() {
			continue
		}
		f := field{name: name, index: index, tagged: name != ""}
		if name == "" {
			f.name = sf.Name
		}
		f.omitEmpty = slices.Contains(strings.Split(options, ","), "omitempty")
		found = append(found, f)
	}
	return found
}

func fieldTag(sf reflect.StructField) string {
	if tag := sf.Tag.Get("msgpack"); tag != "" {
		return tag
	}
	return sf.Tag.Get("json")
}

// promotes reports whether sf is an embedded struct that promotes its fields,
// and returns the type of that struct.
func promotes(sf reflect.StructField) (reflect.Type, bool) {
	if !sf.Anonymous {
		return nil, false
	}
	t := sf.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil, false
	}
	// The outer struct inherits t's JSON methods, and is then not in plain
	// style, unless it shadows them or another embedded struct has the same
	// methods. In these cases encoding/json encodes the fields.
	s := styleOf(t)
	return t, s == plainStyle || s == jsonStyle
}

// dominates reports whether f wins its name among all.
func dominates(f field, all []field) bool {
	for _, other := range all {
		if other.name != f.name || slices.Equal(other.index, f.index) {
			continue
		}
		if len(other.index) < len(f.index) || len(other.index) == len(f.index) && (other.tagged || !f.tagged) {
			return false
		}
	}
	return true
}

// named returns the field with exactly this name, else the first whose name
// differs only in case, else nil, as in encoding/json.
func (s *fieldSet) named(name []byte) *field {
	if f := s.byName[string(name)]; f != nil {
		return f
	}
	folded := string(name)
	for i := range s.list {
		if strings.EqualFold(s.list[i].name, folded) {
			return &s.list[i]
		}
	}
	return nil
}

// of returns the field f of v, a struct. If a nil pointer to an embedded struct
// is in the way, of allocates the struct if create is true and v is settable.
// It reports false if it does not or cannot: reflection cannot set a pointer to
// an unexported struct.
func (f *field) of(v reflect.Value, create bool) (reflect.Value, bool) {
	for i, at := range f.index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				if !create || !v.CanSet() {
					return reflect.Value{}, false
				}
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(at)
	}
	return v, true
}

// isEmpty reports whether the option omitempty omits v, by the rules of
// encoding/json.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		return false
	}
	return v.IsZero()
}
