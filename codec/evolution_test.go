package codec_test

import (
	"encoding/json"
	"errors"
	"math/big"
	"net/netip"
	"net/url"
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/codec"
)

// price has an unexported field, which only its methods for JSON keep.
type price struct{ cents int }

func (p price) MarshalJSON() ([]byte, error) { return json.Marshal(map[string]int{"c": p.cents}) }
func (p *price) UnmarshalJSON(data []byte) error {
	var m map[string]int
	err := json.Unmarshal(data, &m)
	p.cents = m["c"]
	return err
}

// Left and Right have methods for JSON, of which a struct that embeds both has none.
type (
	Left  struct{ L int }
	Right struct{ R int }
)

func (Left) MarshalJSON() ([]byte, error)   { return []byte(`"left"`), nil }
func (*Left) UnmarshalJSON(_ []byte) error  { return nil }
func (Right) MarshalJSON() ([]byte, error)  { return []byte(`"right"`), nil }
func (*Right) UnmarshalJSON(_ []byte) error { return nil }

// onlyMarshals and onlyUnmarshals have half a pair each, which is not used.
type onlyMarshals struct{ N int }

func (onlyMarshals) MarshalJSON() ([]byte, error) { return []byte(`"half"`), nil }

type onlyUnmarshals struct{ N int }

func (*onlyUnmarshals) UnmarshalJSON([]byte) error { return errors.New("half") }

// both has methods for text, too, and these come first.
type both struct{ n int }

func (b both) MarshalText() ([]byte, error) { return strconv.AppendInt(nil, int64(b.n), 10), nil }
func (b *both) UnmarshalText(text []byte) (err error) {
	b.n, err = strconv.Atoi(string(text))
	return err
}
func (both) MarshalJSON() ([]byte, error)  { return []byte(`"not used"`), nil }
func (*both) UnmarshalJSON(_ []byte) error { return errors.New("not used") }

func TestMsgPackTypesWithMethodsForJSONAloneComeBackWhole(t *testing.T) {
	type shop struct {
		P price
		Q *price
		M map[string]price
		L []price
		R json.RawMessage
	}
	want := shop{price{1}, &price{2}, map[string]price{"x": {3}}, []price{{4}, {5}}, json.RawMessage(`{"a": "<"}`)}

	assert.Equal(t, want, roundTrip[shop](t, codec.MsgPack{}, want))
	assert.Equal(t, `{"c":6}`, roundTrip[any](t, codec.MsgPack{}, price{6}), "a string in an any")
	assert.Equal(t, price{7}, roundTrip[price](t, codec.MsgPack{}, []byte(` {"c":7} `)))
	assert.Zero(t, roundTrip[price](t, codec.MsgPack{}, nil))
}

func TestMsgPackUsesMethodsForJSONOnlyInPairsAndLast(t *testing.T) {
	assert.Equal(t, onlyMarshals{1}, roundTrip[onlyMarshals](t, codec.MsgPack{}, onlyMarshals{1}))
	assert.Equal(t, onlyUnmarshals{2}, roundTrip[onlyUnmarshals](t, codec.MsgPack{}, onlyUnmarshals{2}))
	assert.Equal(t, both{3}, roundTrip[both](t, codec.MsgPack{}, both{3}))
}

// leaky writes what it is told to, and its errors quote it.
type leaky struct{ write string }

func (l leaky) MarshalJSON() ([]byte, error) {
	if l.write == "" {
		return nil, errors.New(secretText)
	}
	return []byte(l.write), nil
}
func (*leaky) UnmarshalJSON(data []byte) error { return errors.New(string(data)) }

func TestMsgPackErrorsOfMethodsForJSONNameTheTypeAndQuoteNothing(t *testing.T) {
	for _, written := range []string{"", secretText, `{"` + secretText, "1 2"} {
		_, err := codec.MsgPack{}.Marshal([]leaky{{written}})

		assert.ErrorContains(t, err, "codec_test.leaky")
		assert.NotContains(t, err.Error(), secretText)
	}
	for _, stored := range []any{`"` + secretText + `"`, secretText, "", 1, []int{1}} {
		err := decodeInto[leaky](t, stored)

		assert.ErrorContains(t, err, "codec_test.leaky")
		assert.NotContains(t, err.Error(), secretText)
	}
	_, err := codec.MsgPack{}.Marshal(jsonRogue{})
	assert.ErrorContains(t, err, "jsonRogue")
	assert.NotContains(t, err.Error(), "secret", "what it panicked with")
	assert.ErrorContains(t, decodeInto[jsonRogue](t, "1"), "jsonRogue")
}

func TestMsgPackFieldsOfOtherCaseAreFoundOnlyWhereNoneMatchesExactly(t *testing.T) {
	type names struct {
		NAME, Name int
		Other      int `json:"oTHER"`
		Kelvin     int
	}

	assert.Equal(t, names{Name: 1}, roundTrip[names](t, codec.MsgPack{}, map[string]int{"Name": 1}))
	assert.Equal(t, names{NAME: 2}, roundTrip[names](t, codec.MsgPack{}, map[string]int{"name": 2}), "the first")
	assert.Equal(t, names{Other: 3}, roundTrip[names](t, codec.MsgPack{}, map[string]int{"Other": 3}))
	assert.Equal(t, names{Kelvin: 4}, roundTrip[names](t, codec.MsgPack{}, map[string]int{"\u212aelvin": 4}))
	assert.Zero(t, roundTrip[names](t, codec.MsgPack{}, map[string]int{"nam": 5, "names": 6, "": 7}))
}

func TestMsgPackFieldsOfTheSameNameNeedNoMemoryToBeFound(t *testing.T) {
	type long struct {
		AFieldWhoseNameIsTooLongForABufferOnTheStack int
	}
	data, err := codec.MsgPack{}.Marshal(long{1})
	require.NoError(t, err)
	var got long

	assert.Zero(t, testing.AllocsPerRun(100, func() { _ = codec.MsgPack{}.Unmarshal(data, &got) }))
}

type named string

// evolution is a value that one version of a program stored, and what the next reads it into.
type evolution struct {
	name     string
	old, new any
}

// read returns what e.new becomes when e.old has gone through c.
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

func TestMsgPackReadsAnotherVersionOfAStructAsJSONDoes(t *testing.T) {
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
		{"a field added that has a default", struct{ A int }{1}, struct{ A, B int }{5, 6}},
		{"a field removed", struct{ A, B int }{1, 2}, struct{ B int }{}},
		{"fields in another order", struct{ A, B int }{1, 2}, struct{ B, A int }{}},
		{"a tag of another case added", struct{ Name string }{"n"}, struct {
			Name string `json:"name"`
		}{}},
		{"a tag of another case removed", struct {
			Name string `json:"name"`
		}{"n"}, struct{ Name string }{}},
		{"a tag of another name added", struct{ Name string }{"n"}, struct {
			Name string `json:"title"`
		}{}},
		{"a field of exactly the name after one of another case", struct{ Name string }{"n"}, struct {
			Other string `json:"name"`
			Name  string
		}{}},
		{"two fields that differ in case become one", struct{ NAME, Name int }{1, 2}, struct{ NAME int }{}},
		{"two fields of another case", struct{ Name string }{"n"}, struct{ NAME, NAme string }{}},
		{"an integer widened", struct{ N int8 }{-1}, struct{ N int64 }{}},
		{"an integer narrowed", struct{ N int64 }{-1}, struct{ N int8 }{}},
		{"an integer narrowed too far", struct{ N int64 }{300}, struct{ N int8 }{}},
		{"an integer without a sign", struct{ N int }{1}, struct{ N uint8 }{}},
		{"a negative integer without a sign", struct{ N int }{-1}, struct{ N uint8 }{}},
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
		{"a struct embedded by pointer", struct{ Base }{Base{1}}, struct{ *Base }{}},
		{"a struct no longer embedded", struct{ Base }{Base{1}}, struct{ ID int }{}},
		{"an embedded struct named", struct{ Base }{Base{1}}, struct{ Base Base }{}},
		{"a field that shadows an embedded one", struct{ Base }{Base{1}}, struct {
			Base
			ID int64
		}{}},
		{"embedded structs whose methods for JSON cancel out", struct {
			Left
			*Right
		}{Left{1}, &Right{2}}, struct{ L, R int }{}},
		{"omitempty added", struct{ N int }{}, struct {
			N int `json:",omitempty"`
		}{5}},
		{"an empty field left out", struct {
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
		{"a type with text methods to a string", struct{ B *big.Float }{big.NewFloat(1.5)}, struct{ B string }{}},
		{"a string to a type with text methods", struct{ B string }{"1.5"}, struct{ B *big.Float }{}},
		{"a type with methods for JSON", struct{ P price }{price{1}}, struct {
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

// These are the exceptions that the documentation of MsgPack lists. A nil want stands for an error.
func TestMsgPackReadsAnotherVersionUnlikeJSONWhereDocumented(t *testing.T) {
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
		{evolution{"a slice to a short array", []int{1, 2, 3}, [2]int{}}, nil},
		{evolution{"numbers to strings as keys", map[int]int{1: 2}, map[string]int{}}, nil},
		{evolution{"strings to numbers as keys", map[string]int{"1": 2}, map[int]int{}}, nil},
		{evolution{"a time to a string", instant, ""}, nil},
		{evolution{"a string to a time", "1970-01-01T00:00:01Z", time.Time{}}, nil},
		{evolution{"a number rounded", int64(1<<53 + 1), 0.0}, nil},
		{evolution{"binary and text to a string", address, ""}, "\x0a\x00\x00\x01"},
		{evolution{"a string to binary and text", "10.0.0.1", netip.Addr{}}, nil},
		{evolution{"an own type to a number", big.NewInt(5), 0}, nil},
		{evolution{"a number to an own type", 5, big.Int{}}, nil},
		{evolution{"methods for JSON to a struct", price{1}, struct{ C int }{}}, nil},
		{evolution{"a struct to methods for JSON", map[string]int{"c": 1}, price{}}, nil},
		{evolution{"bytes to a string", []byte("a"), ""}, "a"},
		{evolution{"a string to bytes", "YQ==", []byte{}}, []byte("YQ==")},
		{evolution{"a float widened", float32(0.1), 0.0}, float64(float32(0.1))},
		{evolution{"the option string added", struct{ N int }{1}, quoted{}}, quoted{1}},
		{evolution{"the option string dropped", quoted{1}, struct{ N int }{}}, struct{ N int }{1}},
		{evolution{"a quoted number to a string", quoted{1}, struct{ N string }{}}, nil},
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
			assert.False(t, (jsonErr == nil) == (err == nil) && reflect.DeepEqual(asJSON, got), "no exception")
		})
	}
}

func TestMsgPackErrorsOfATypesOwnMethodsQuoteNoValue(t *testing.T) {
	for name, into := range map[string]any{
		"text":   new(big.Int),
		"binary": new(url.URL),
	} {
		data, err := codec.MsgPack{}.Marshal("://the secret %zz")
		require.NoError(t, err)
		err = codec.MsgPack{}.Unmarshal(data, into)
		require.Error(t, err, name)
		assert.NotContains(t, err.Error(), "secret", name)
		assert.Contains(t, err.Error(), "could not decode itself", name)
	}
}
