package codec

import (
	"reflect"
	"slices"
	"strings"
)

// field is one field of a struct, or of a struct embedded in it, under its name on the wire.
type field struct {
	name      string
	index     []int // path through embedded structs
	tagged    bool  // name comes from a tag
	omitEmpty bool
}

// fieldSet holds the fields of a struct type in the order of declaration, and by name.
type fieldSet struct {
	list   []field
	byName map[string]*field
}

// fieldsOf lists the fields of struct type t that take part: the rules are those of encoding/json, where
// fields of embedded structs are promoted, and of several with one name the least nested wins, then the
// tagged, and if that decides nothing, none.
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

// collectFields returns the fields of t and, in their place, those of the structs it embeds. Within is
// the chain of types that embed t, where a type that embeds itself is entered once.
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

// promotes says whether the fields of sf count as fields of the struct around it, and returns their type.
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
	// The struct around it would have t's methods for JSON itself, were they not shadowed there or taken
	// away by those of another: encoding/json then goes by the fields.
	s := styleOf(t)
	return t, s == plainStyle || s == jsonStyle
}

// dominates says whether no other field takes f's name from it.
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

// named returns the field that goes by name, which upper and lower case tell apart only where the fields do:
// one of exactly that name wins, else the first that differs in case alone, as in encoding/json. It is nil
// if there is none.
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

// in returns the field of v, a struct, or false if a nil pointer to an embedded struct lies before it.
func (f *field) in(v reflect.Value) (reflect.Value, bool) {
	for i, at := range f.index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return reflect.Value{}, false
			}
			v = v.Elem()
		}
		v = v.Field(at)
	}
	return v, true
}

// into returns the field of v, a settable struct, and makes the embedded structs on the way to it. It is
// false where one of them cannot be made from outside its package: a nil pointer to an unexported struct.
func (f *field) into(v reflect.Value) (reflect.Value, bool) {
	for i, at := range f.index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				if !v.CanSet() {
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

// isEmpty is what omitempty means by empty: false, zero, nil, or of no length.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		return false
	}
	return v.IsZero()
}
