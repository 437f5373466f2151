package codec_test

import (
	"math/big"
	"net/netip"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/codec"
)

type address struct {
	Street string `json:"street"`
	Zip    string `json:"-"`
}

type base struct {
	ID      int64
	Version uint8 `msgpack:"v"`
}

type grade int8

type hue uint8

type profile struct {
	base
	Name     string  `msgpack:"name" json:"ignored"`
	Age      *int    `json:"age,omitempty"`
	Grade    grade   `msgpack:",omitempty"`
	Score    float32 `json:",omitempty"`
	Home     address
	Others   []address
	Tags     map[string][]string
	Blob     []byte
	Digest   [4]byte
	Hues     []hue
	Pair     [2]int16
	Any      any
	Seen     time.Time
	Wait     time.Duration
	Next     *profile
	Link     url.URL
	From     netip.Addr
	Big      *big.Int
	ByNumber map[int16]bool
	hidden   int
}

func fullProfile() profile {
	age := 30
	return profile{
		base: base{ID: -9, Version: 200}, Name: "Ada", Age: &age, Grade: -3, Score: 1.5,
		Home: address{Street: "Main"}, Others: []address{{Street: "a"}, {}},
		Tags: map[string][]string{"x": {"1", "2"}, "nil": nil}, Blob: []byte{1, 2}, Digest: [4]byte{9, 8, 7, 6},
		Hues: []hue{1, 2}, Pair: [2]int16{-1, 300}, Any: map[string]any{"k": []any{1}},
		Seen: time.Date(2024, 5, 6, 7, 8, 9, 10, time.UTC), Wait: time.Minute, Next: &profile{Name: "next"},
		Link: url.URL{Scheme: "https", Host: "example.com", Path: "/p"}, From: netip.MustParseAddr("10.0.0.1"),
		Big: new(big.Int).Lsh(big.NewInt(1), 100), ByNumber: map[int16]bool{-300: true},
	}
}

type Branch struct{ Leaf string }

func TestMsgPackStruct(t *testing.T) {
	t.Run("round trip", func(t *testing.T) {
		want := fullProfile()

		got := roundTrip[profile](t, codec.MsgPack{}, want)

		assert.Equal(t, want, got)
	})

	t.Run("unexported and dashed", func(t *testing.T) {
		in := profile{hidden: 5, Home: address{Zip: "secret"}}

		got := roundTrip[map[string]any](t, codec.MsgPack{}, in)

		assert.NotContains(t, got, "hidden")
		assert.Equal(t, map[string]any{"street": ""}, got["Home"])
	})

	t.Run("tags", func(t *testing.T) {
		age := 1

		got := roundTrip[map[string]any](t, codec.MsgPack{}, profile{Name: "n", Age: &age})

		assert.Equal(t, "n", got["name"])
		assert.Equal(t, 1, got["age"])
		assert.Equal(t, 0, got["v"], "promoted from an embedded struct")
		assert.NotContains(t, got, "Grade", "empty, and omitempty")
	})

	t.Run("omitempty", func(t *testing.T) {
		type options struct {
			B bool           `msgpack:",omitempty"`
			N int            `json:",omitempty"`
			S string         `json:"s,omitempty"`
			L []int          `json:",omitempty"`
			M map[string]int `json:",omitempty"`
			P *int           `json:",omitempty"`
			A any            `json:",omitempty"`
			T time.Time      `json:",omitempty"` // a struct is never empty, as in encoding/json
		}

		empty := roundTrip[map[string]any](t, codec.MsgPack{}, options{L: []int{}, M: map[string]int{}})
		full := options{true, 1, "s", []int{0}, map[string]int{"": 0}, new(int), "", time.Unix(0, 0).UTC()}

		assert.Equal(t, map[string]any{"T": time.Time{}}, empty)
		assert.Equal(t, full, roundTrip[options](t, codec.MsgPack{}, full))
	})

	// Unknown names are ignored; fields without data keep their values.
	t.Run("unknown and missing", func(t *testing.T) {
		data := marshal(t, codec.MsgPack{}, map[string]any{"Gone": map[string]any{"deep": []any{1}}, "B": 2})
		got := struct{ A, B int }{A: 7}

		require.NoError(t, codec.MsgPack{}.Unmarshal(data, &got))

		assert.Equal(t, struct{ A, B int }{A: 7, B: 2}, got)
	})

	// Two fields of one name and depth are both omitted.
	t.Run("ambiguous", func(t *testing.T) {
		type left struct{ X, L int }
		type right struct{ X, R int }

		got := roundTrip[map[string]any](t, codec.MsgPack{}, struct {
			left
			right
		}{left{1, 2}, right{3, 4}})

		assert.Equal(t, map[string]any{"L": 2, "R": 4}, got)
	})

	t.Run("shadowed", func(t *testing.T) {
		type outer struct {
			base
			ID string // declared later, and of another type
		}
		want := outer{base: base{Version: 1}, ID: "outer"}

		got := roundTrip[outer](t, codec.MsgPack{}, want)

		assert.Equal(t, want, got)
	})

	// A nil pointer stays nil if the data has no field for it.
	t.Run("embedded pointer", func(t *testing.T) {
		type tree struct {
			*Branch
			N int
		}

		assert.Equal(t, tree{N: 1}, roundTrip[tree](t, codec.MsgPack{}, tree{N: 1}))
		assert.Equal(t, tree{Branch: &Branch{"l"}}, roundTrip[tree](t, codec.MsgPack{}, tree{Branch: &Branch{"l"}}))
	})

	t.Run("unexported pointer", func(t *testing.T) {
		type outer struct{ *base }

		assert.ErrorContains(t, decodeInto[outer](t, map[string]any{"ID": 1}), "ID")
	})
}

func TestMsgPackFieldNames(t *testing.T) {
	// A name in another case matches only if no field matches exactly.
	t.Run("other case", func(t *testing.T) {
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
	})

	// An exact match allocates nothing.
	t.Run("no allocation", func(t *testing.T) {
		type long struct {
			AFieldWhoseNameIsTooLongForABufferOnTheStack int
		}
		data := marshal(t, codec.MsgPack{}, long{1})
		var got long

		assert.Zero(t, testing.AllocsPerRun(100, func() { _ = codec.MsgPack{}.Unmarshal(data, &got) }))
	})
}
