package codec

import (
	"encoding"
	"encoding/json"
	"reflect"
	"sync"
	"time"

	"github.com/vmihailenco/msgpack/v5"
)

// mapping describes how a Go type maps to MessagePack. The encoder and the
// decoder share it, so that the decoder reads everything that the encoder
// writes.
type mapping struct {
	style  style
	fields *fieldSet // set for a struct in plainStyle
}

// style selects the pair of methods by which a type encodes and decodes itself.
// A type that has only half of a pair does not use it, because the other
// direction would not understand the bytes.
type style uint8

const (
	plainStyle   style = iota // by its kind
	timeStyle                 // time.Time: MessagePack's timestamp extension
	customStyle               // msgpack.CustomEncoder and CustomDecoder
	marshalStyle              // msgpack.Marshaler and Unmarshaler
	binaryStyle               // encoding.BinaryMarshaler and BinaryUnmarshaler
	textStyle                 // encoding.TextMarshaler and TextUnmarshaler
	jsonStyle                 // json.Marshaler and Unmarshaler
)

// methodStyles is in order of precedence.
var methodStyles = []struct {
	style          style
	encode, decode reflect.Type
}{
	{customStyle, reflect.TypeFor[msgpack.CustomEncoder](), reflect.TypeFor[msgpack.CustomDecoder]()},
	{marshalStyle, reflect.TypeFor[msgpack.Marshaler](), reflect.TypeFor[msgpack.Unmarshaler]()},
	{binaryStyle, reflect.TypeFor[encoding.BinaryMarshaler](), reflect.TypeFor[encoding.BinaryUnmarshaler]()},
	{textStyle, reflect.TypeFor[encoding.TextMarshaler](), reflect.TypeFor[encoding.TextUnmarshaler]()},
	{jsonStyle, reflect.TypeFor[json.Marshaler](), reflect.TypeFor[json.Unmarshaler]()},
}

var (
	timeType   = reflect.TypeFor[time.Time]()
	stringType = reflect.TypeFor[string]()
	anyType    = reflect.TypeFor[any]()

	// plainMapping is the mapping of all types without fields and methods.
	plainMapping mapping

	// mappings caches *mapping by reflect.Type. Its size is bounded by the
	// number of types in the program.
	mappings sync.Map
)

// mappingOf returns the mapping of t, which must not be a pointer or an
// interface.
func mappingOf(t reflect.Type) *mapping {
	if t.PkgPath() == "" && t.Kind() != reflect.Struct {
		return &plainMapping // only defined types and structs have methods
	}
	if known, ok := mappings.Load(t); ok {
		return known.(*mapping)
	}
	m := &mapping{style: styleOf(t)}
	if m.style == plainStyle && t.Kind() == reflect.Struct {
		m.fields = fieldsOf(t)
	}
	known, _ := mappings.LoadOrStore(t, m)
	return known.(*mapping)
}

func styleOf(t reflect.Type) style {
	if t == timeType {
		return timeStyle
	}
	pointer := reflect.PointerTo(t) // has the methods of t too
	for _, s := range methodStyles {
		if pointer.Implements(s.encode) && pointer.Implements(s.decode) {
			return s.style
		}
	}
	return plainStyle
}

// holdsBytes reports whether the encoding of t, a slice or array type, is one
// string of bytes.
func holdsBytes(t reflect.Type) bool {
	return t.Elem().Kind() == reflect.Uint8 && mappingOf(t.Elem()).style == plainStyle
}
