package codec

import (
	"encoding"
	"encoding/json"
	"reflect"
	"sync"
	"time"

	"github.com/vmihailenco/msgpack/v5"
)

// mapping says how a Go type and MessagePack map onto each other. Encoding and decoding both follow it,
// so that one always reads what the other wrote.
type mapping struct {
	style  style
	fields *fieldSet // of a struct in plain style
}

// style names the methods of its own that a type is encoded by. A type is asked only if it has both
// directions: half a pair could write what nothing reads.
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

	plainMapping mapping  // of every type without fields and methods
	mappings     sync.Map // reflect.Type → *mapping; grows with the program's types, never with its data
)

// mappingOf returns the mapping of t, which is not a pointer or an interface.
func mappingOf(t reflect.Type) *mapping {
	if t.PkgPath() == "" && t.Kind() != reflect.Struct {
		return &plainMapping // only a defined type, or a struct that embeds one, has methods
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
	pointer := reflect.PointerTo(t) // has the methods of t, too
	for _, s := range methodStyles {
		if pointer.Implements(s.encode) && pointer.Implements(s.decode) {
			return s.style
		}
	}
	return plainStyle
}

// holdsBytes says whether t, a slice or array type, is written as one string of bytes.
func holdsBytes(t reflect.Type) bool {
	return t.Elem().Kind() == reflect.Uint8 && mappingOf(t.Elem()).style == plainStyle
}
