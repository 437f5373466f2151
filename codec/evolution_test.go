package codec_test

import (
	"encoding/json"
	"math/big"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/codec"
)

// price has an unexported field, which only its JSON methods encode.
type price struct{ cents int }

func (p price) MarshalJSON() ([]byte, error) { return json.Marshal(map[string]int{"c": p.cents}) }
func (p *price) UnmarshalJSON(data []byte) error {
	var m map[string]int
	err := json.Unmarshal(data, &m)
	p.cents = m["c"]
	return err
}

// Left and Right have JSON methods. A struct that embeds both has none, because
// they are ambiguous.
type (
	Left  struct{ L int }
	Right struct{ R int }
)

func (Left) MarshalJSON() ([]byte, error)   { return []byte(`"left"`), nil }
func (*Left) UnmarshalJSON(_ []byte) error  { return nil }
func (Right) MarshalJSON() ([]byte, error)  { return []byte(`"right"`), nil }
func (*Right) UnmarshalJSON(_ []byte) error { return nil }

type named string

// evolution is a value that one version of a program stores, and the value into
// which the next version decodes it.
type evolution struct {
	name     string
	old, new any
}

// read encodes e.old with c, decodes the bytes into a copy of e.new and returns
// that.
func (e evolution) read(c codec.Codec) (any, error) {
	data, err := c.Marshal(e.old)
	if err != nil {
		return nil, err
	}
	into := reflect.New(reflect.TypeOf(e.new))
	into.Elem().Set(reflect.ValueOf(e.new))
	err = c.Unmarshal(data, into.Interface())
	return into.Elem().Interface(), err
}

// MsgPack reads another version of a struct as JSON does.
func TestEvolution(t *testing.T) {
	type line struct{ N int }
	type longLine struct {
		N    int64  `json:"n"`
		Note string `json:"note"`
	}
	type Base struct{ ID int }
	type order struct {
		Base
		Lines []line
		ByKey map[string]line
		Next  *order
	}
	type newOrder struct {
		ID    int64 `json:"id"`
		Lines []longLine
		ByKey map[string]*longLine `json:"bykey"`
		Next  *newOrder            `json:"NEXT"`
		Paid  bool
	}
	one := 1
	stored := order{Base{1}, []line{{2}, {3}}, map[string]line{"k": {4}}, &order{Base: Base{5}}}
	for _, e := range []evolution{
		{"a field added", struct{ A int }{1}, struct{ A, B int }{}},
		{"field with a default added", struct{ A int }{1}, struct{ A, B int }{5, 6}},
		{"a field removed", struct{ A, B int }{1, 2}, struct{ B int }{}},
		{"fields in another order", struct{ A, B int }{1, 2}, struct{ B, A int }{}},
		{"tag of another case added", struct{ Name string }{"n"}, struct {
			Name string `json:"name"`
		}{}},
		{"tag of another case removed", struct {
			Name string `json:"name"`
		}{"n"}, struct{ Name string }{}},
		{"tag of another name added", struct{ Name string }{"n"}, struct {
			Name string `json:"title"`
		}{}},
		{"exact name after another case", struct{ Name string }{"n"}, struct {
			Other string `json:"name"`
			Name  string
		}{}},
		{"two cases become one field", struct{ NAME, Name int }{1, 2}, struct{ NAME int }{}},
		{"two fields of another case", struct{ Name string }{"n"}, struct{ NAME, NAme string }{}},
		{"an integer widened", struct{ N int8 }{-1}, struct{ N int64 }{}},
		{"an integer narrowed", struct{ N int64 }{-1}, struct{ N int8 }{}},
		{"an integer narrowed too far", struct{ N int64 }{300}, struct{ N int8 }{}},
		{"an integer to unsigned", struct{ N int }{1}, struct{ N uint8 }{}},
		{"a negative integer to unsigned", struct{ N int }{-1}, struct{ N uint8 }{}},
		{"an integer to a float", struct{ N int }{1}, struct{ N float64 }{}},
		{"a float to an integer", struct{ N float64 }{1}, struct{ N int }{}},
		{"a fraction to an integer", struct{ N float64 }{1.5}, struct{ N int }{}},
		{"a float narrowed", struct{ N float64 }{0.1}, struct{ N float32 }{}},
		{"an integer to a string", struct{ N int }{1}, struct{ N string }{}},
		{"a string to an integer", struct{ N string }{"1"}, struct{ N int }{}},
		{"a named string", struct{ S string }{"s"}, struct{ S named }{}},
		{"a value to a pointer", struct{ N int }{1}, struct{ N *int }{}},
		{"a pointer to a value", struct{ N *int }{&one}, struct{ N int }{}},
		{"no pointer to a value", struct{ N *int }{}, struct{ N int }{}},
		{"a value to an any", struct{ S string }{"s"}, struct{ S any }{}},
		{"an any to a value", struct{ S any }{"s"}, struct{ S string }{}},
		{"a struct embedded", struct{ ID int }{1}, struct{ Base }{}},
		{"embedded by pointer", struct{ Base }{Base{1}}, struct{ *Base }{}},
		{"a struct no longer embedded", struct{ Base }{Base{1}}, struct{ ID int }{}},
		{"an embedded struct named", struct{ Base }{Base{1}}, struct{ Base Base }{}},
		{"embedded field shadowed", struct{ Base }{Base{1}}, struct {
			Base
			ID int64
		}{}},
		{"ambiguous JSON methods", struct {
			Left
			*Right
		}{Left{1}, &Right{2}}, struct{ L, R int }{}},
		{"omitempty added", struct{ N int }{}, struct {
			N int `json:",omitempty"`
		}{5}},
		{"empty field omitted", struct {
			N int `json:",omitempty"`
		}{}, struct{ N int }{5}},
		{"a full field of another case", struct {
			N int `json:"n,omitempty"`
		}{1}, struct{ N int }{5}},
		{"a struct in a slice grown", []line{{1}, {2}}, []longLine{}},
		{"a struct in a map grown", map[string]line{"a": {1}}, map[string]longLine{}},
		{"a pointer in a map", map[string]line{"a": {1}}, map[string]*longLine{}},
		{"a map to a struct", map[string]int{"n": 1}, line{}},
		{"a struct to a map", line{1}, map[string]int{}},
		{"keys of a map widened", map[int8]string{1: "a"}, map[int64]string{}},
		{"an array to a slice", [2]int{1, 2}, []int{}},
		{"an array grown", [2]int{1, 2}, [3]int{7, 8, 9}},
		{"text methods to a string", struct{ B *big.Float }{big.NewFloat(1.5)}, struct{ B string }{}},
		{"a string to text methods", struct{ B string }{"1.5"}, struct{ B *big.Float }{}},
		{"JSON methods", struct{ P price }{price{1}}, struct {
			P *price `json:"p"`
		}{}},
		{"all at once", stored, newOrder{Paid: true}},
	} {
		t.Run(e.name, func(t *testing.T) {
			want, jsonErr := e.read(codec.JSON{})
			for name, c := range map[string]codec.Codec{
				"MsgPack": codec.MsgPack{}, "Sealed": newSealed(t, codec.MsgPack{}, testKey(1)),
			} {
				got, err := e.read(c)

				require.Equal(t, jsonErr == nil, err == nil, "%s: %v, JSON: %v", name, err, jsonErr)
				if err == nil {
					assert.Equal(t, want, got, name)
				}
			}
		})
	}
}

// The exceptions that the doc comment of MsgPack lists. A nil want stands for
// an error.
func TestEvolutionExceptions(t *testing.T) {
	address, instant := netip.MustParseAddr("10.0.0.1"), time.Unix(1, 0).UTC()
	zero := 0
	type zeroOmitted struct {
		N int `json:",omitzero"`
	}
	type quoted struct {
		N int `json:",string"`
	}
	for _, tc := range []struct {
		evolution
		want any
	}{
		{evolution{"an array shortened", [3]int{1, 2, 3}, [2]int{}}, nil},
		{evolution{"slice to a short one", []int{1, 2, 3}, [2]int{}}, nil},
		{evolution{"number to string keys", map[int]int{1: 2}, map[string]int{}}, nil},
		{evolution{"string to number keys", map[string]int{"1": 2}, map[int]int{}}, nil},
		{evolution{"a time to a string", instant, ""}, nil},
		{evolution{"a string to a time", "1970-01-01T00:00:01Z", time.Time{}}, nil},
		{evolution{"a number rounded", int64(1<<53 + 1), 0.0}, nil},
		{evolution{"binary to a string", address, ""}, "\x0a\x00\x00\x01"},
		{evolution{"a string to binary", "10.0.0.1", netip.Addr{}}, nil},
		{evolution{"methods to a number", big.NewInt(5), 0}, nil},
		{evolution{"a number to methods", 5, big.Int{}}, nil},
		{evolution{"JSON to a struct", price{1}, struct{ C int }{}}, nil},
		{evolution{"a struct to JSON", map[string]int{"c": 1}, price{}}, nil},
		{evolution{"bytes to a string", []byte("a"), ""}, "a"},
		{evolution{"a string to bytes", "YQ==", []byte{}}, []byte("YQ==")},
		{evolution{"a float widened", float32(0.1), 0.0}, float64(float32(0.1))},
		{evolution{"string option added", struct{ N int }{1}, quoted{}}, quoted{1}},
		{evolution{"string option removed", quoted{1}, struct{ N int }{}}, struct{ N int }{1}},
		{evolution{"quoted to a string", quoted{1}, struct{ N string }{}}, nil},
		{evolution{"omitzero", zeroOmitted{}, struct{ N *int }{}}, struct{ N *int }{&zero}},
		{evolution{"nil", struct{ N *int }{}, struct{ N int }{5}}, struct{ N int }{}},
		{evolution{"a map filled", map[string]int{"a": 1}, map[string]int{"b": 2}}, map[string]int{"a": 1}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := tc.read(codec.MsgPack{})
			if tc.want == nil {
				assert.Error(t, err)
			} else {
				require.NoError(t, err)
				assert.Equal(t, tc.want, got)
			}

			asJSON, jsonErr := tc.read(codec.JSON{})
			assert.False(t, (jsonErr == nil) == (err == nil) && reflect.DeepEqual(asJSON, got), "not an exception")
		})
	}
}
