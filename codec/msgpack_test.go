package codec_test

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"net/netip"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/holdfast-go/holdfast/codec"
	"github.com/holdfast-go/holdfast/internal/wire"
)

// roundTrip encodes v and decodes it into a new T.
func roundTrip[T any](t *testing.T, c codec.Codec, v any) T {
	t.Helper()
	data, err := c.Marshal(v)
	require.NoError(t, err)
	var got T
	require.NoError(t, c.Unmarshal(data, &got))
	return got
}

func TestMsgPackAnyComesBackWithItsType(t *testing.T) {
	instant := time.Date(2025, 3, 1, 12, 30, 0, 123456789, time.UTC)
	for _, tc := range []struct{ in, want any }{
		{nil, nil},
		{true, true},
		{false, false},
		{42, 42},
		{-1, -1},
		{-33, -33},
		{128, 128},
		{65536, 65536},
		{-40000, -40000},
		{math.MaxInt, math.MaxInt},
		{math.MinInt, math.MinInt},
		{int8(-5), -5},
		{uint16(500), 500},
		{int64(7), 7},
		{uint64(math.MaxUint64), uint64(math.MaxUint64)},
		{3.0, 3.0},
		{math.Inf(-1), math.Inf(-1)},
		{float32(1.5), float32(1.5)},
		{"", ""},
		{"h\xffi", "h\xffi"},
		{[]byte{0, 255}, []byte{0, 255}},
		{[]byte{}, []byte{}},
		{instant, instant},
		{time.Time{}, time.Time{}},
		{time.Second, 1000000000},
		{[]any{}, []any{}},
		{[]string{"a"}, []any{"a"}},
		{map[string]int{"a": 1}, map[string]any{"a": 1}},
		{map[int]string{1: "a"}, map[any]any{1: "a"}},
		{map[any]any{"a": 1, 2: "b"}, map[any]any{"a": 1, 2: "b"}},
		{struct{ A int }{3}, map[string]any{"A": 3}},
		{
			map[string]any{"n": 42, "in": map[string]any{"s": []any{1, "x", nil, 2.5, []byte("b"), instant}}},
			map[string]any{"n": 42, "in": map[string]any{"s": []any{1, "x", nil, 2.5, []byte("b"), instant}}},
		},
	} {
		t.Run(fmt.Sprintf("%T_%.20v", tc.in, tc.in), func(t *testing.T) {
			got := roundTrip[any](t, codec.MsgPack{}, tc.in)

			assert.Equal(t, tc.want, got)
		})
	}
}

func TestMsgPackIntegerBeyond32BitsIsInt64WhereIntIsNarrow(t *testing.T) {
	got := roundTrip[any](t, codec.MsgPack{}, int64(1)<<40)

	if math.MaxInt == math.MaxInt32 {
		assert.Equal(t, any(int64(1)<<40), got)
	} else {
		assert.EqualValues(t, int64(1)<<40, got)
		assert.IsType(t, 0, got)
	}
}

func TestMsgPackTimeComesBackInUTCWithoutMonotonicReading(t *testing.T) {
	in := time.Now().In(time.FixedZone("far", 9*3600))

	got := roundTrip[time.Time](t, codec.MsgPack{}, in)

	assert.Equal(t, in.Round(0).UTC(), got)
}

func TestMsgPackTimeKeepsInstantsFarAway(t *testing.T) {
	for _, in := range []time.Time{
		time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(1969, 12, 31, 23, 59, 59, 999999999, time.UTC),
		time.Unix(1<<34-1, 1).UTC(), time.Unix(1<<34, 0).UTC(), time.Date(9999, 1, 1, 0, 0, 0, 1, time.UTC),
	} {
		assert.Equal(t, in, roundTrip[time.Time](t, codec.MsgPack{}, in))
	}
}

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

func TestMsgPackStructComesBackWhole(t *testing.T) {
	want := fullProfile()

	got := roundTrip[profile](t, codec.MsgPack{}, want)

	assert.Equal(t, want, got)
}

func TestMsgPackUnexportedAndDashedFieldsStayOut(t *testing.T) {
	in := profile{hidden: 5, Home: address{Zip: "secret"}}

	got := roundTrip[map[string]any](t, codec.MsgPack{}, in)

	assert.NotContains(t, got, "hidden")
	assert.Equal(t, map[string]any{"street": ""}, got["Home"])
}

func TestMsgPackFieldsGoByTheirTags(t *testing.T) {
	age := 1

	got := roundTrip[map[string]any](t, codec.MsgPack{}, profile{Name: "n", Age: &age})

	assert.Equal(t, "n", got["name"])
	assert.Equal(t, 1, got["age"])
	assert.Equal(t, 0, got["v"], "promoted from an embedded struct")
	assert.NotContains(t, got, "Grade", "empty, and omitempty")
}

func TestMsgPackOmitEmptyLeavesOutWhatIsEmpty(t *testing.T) {
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
}

func TestMsgPackFieldsOfOneNameAndDepthCancelOut(t *testing.T) {
	type left struct{ X, L int }
	type right struct{ X, R int }

	got := roundTrip[map[string]any](t, codec.MsgPack{}, struct {
		left
		right
	}{left{1, 2}, right{3, 4}})

	assert.Equal(t, map[string]any{"L": 2, "R": 4}, got)
}

func TestMsgPackCannotFillAnUnexportedEmbeddedPointer(t *testing.T) {
	type outer struct{ *base }

	assert.ErrorContains(t, decodeInto[outer](t, map[string]any{"ID": 1}), "ID")
}

func TestMsgPackOuterFieldShadowsPromotedOne(t *testing.T) {
	type outer struct {
		base
		ID string // declared after, and of another type than, the one it shadows
	}
	want := outer{base: base{Version: 1}, ID: "outer"}

	got := roundTrip[outer](t, codec.MsgPack{}, want)

	assert.Equal(t, want, got)
}

type Branch struct{ Leaf string }

func TestMsgPackEmbeddedPointerIsMadeOnlyWhenThere(t *testing.T) {
	type tree struct {
		*Branch
		N int
	}

	assert.Equal(t, tree{N: 1}, roundTrip[tree](t, codec.MsgPack{}, tree{N: 1}))
	assert.Equal(t, tree{Branch: &Branch{"l"}}, roundTrip[tree](t, codec.MsgPack{}, tree{Branch: &Branch{"l"}}))
}

func TestMsgPackUnknownFieldsAreIgnoredAndMissingOnesKept(t *testing.T) {
	data, err := codec.MsgPack{}.Marshal(map[string]any{"Gone": map[string]any{"deep": []any{1}}, "B": 2})
	require.NoError(t, err)
	got := struct{ A, B int }{A: 7}

	require.NoError(t, codec.MsgPack{}.Unmarshal(data, &got))

	assert.Equal(t, struct{ A, B int }{A: 7, B: 2}, got)
}

func TestMsgPackReplacesWhatTheDestinationHeld(t *testing.T) {
	data, err := codec.MsgPack{}.Marshal(map[string][]int{"new": {1}})
	require.NoError(t, err)
	got := map[string][]int{"old": {9}}

	require.NoError(t, codec.MsgPack{}.Unmarshal(data, &got))

	assert.Equal(t, map[string][]int{"new": {1}}, got)
}

func TestMsgPackNilClearsTheDestination(t *testing.T) {
	data, err := codec.MsgPack{}.Marshal(nil)
	require.NoError(t, err)
	n := 5
	number, pointer, list := 5, &n, []int{1}

	require.NoError(t, codec.MsgPack{}.Unmarshal(data, &number))
	require.NoError(t, codec.MsgPack{}.Unmarshal(data, &pointer))
	require.NoError(t, codec.MsgPack{}.Unmarshal(data, &list))

	assert.Zero(t, number)
	assert.Nil(t, pointer)
	assert.Nil(t, list)
}

// decodeInto returns the error of decoding what v encodes to into a T.
func decodeInto[T any](t *testing.T, v any) error {
	t.Helper()
	data, err := codec.MsgPack{}.Marshal(v)
	require.NoError(t, err)
	var into T
	return codec.MsgPack{}.Unmarshal(data, &into)
}

func TestMsgPackRefusesWhatDoesNotFit(t *testing.T) {
	for name, decode := range map[string]func(any) error{
		"int8":    func(v any) error { return decodeInto[int8](t, v) },
		"named":   func(v any) error { return decodeInto[grade](t, v) },
		"field":   func(v any) error { return decodeInto[struct{ N int8 }](t, map[string]any{"N": v}) },
		"element": func(v any) error { return decodeInto[[]int8](t, []any{v}) },
		"value":   func(v any) error { return decodeInto[map[string]int8](t, map[string]any{"k": v}) },
		"key":     func(v any) error { return decodeInto[map[int8]int](t, map[any]any{v: 1}) },
		"pointer": func(v any) error { return decodeInto[*int8](t, v) },
	} {
		t.Run(name, func(t *testing.T) {
			assert.NoError(t, decode(127))
			assert.NoError(t, decode(-128))
			for _, tooMuch := range []any{128, 300, -129, 1 << 20, uint64(math.MaxUint64), 1.5, math.NaN(), 1e300} {
				assert.Error(t, decode(tooMuch), "%v", tooMuch)
			}
		})
	}
	assert.Error(t, decodeInto[uint64](t, -1))
	assert.Error(t, decodeInto[uint8](t, 256))
	assert.Error(t, decodeInto[uint8](t, -1.0))
	assert.Error(t, decodeInto[int64](t, uint64(math.MaxInt64)+1))
	assert.Error(t, decodeInto[int64](t, float64(1<<63)))
	assert.Error(t, decodeInto[float64](t, int64(1<<53+1)))
	assert.Error(t, decodeInto[float64](t, uint64(math.MaxUint64)))
	assert.Error(t, decodeInto[float32](t, 1<<24+1))
	assert.Error(t, decodeInto[float32](t, 1e300))
	assert.Error(t, decodeInto[[2]int](t, []int{1, 2, 3}))
	assert.Error(t, decodeInto[[2]byte](t, []byte{1, 2, 3}))
}

func TestMsgPackConvertsNumbersThatFitExactly(t *testing.T) {
	assert.Equal(t, 3.0, roundTrip[float64](t, codec.MsgPack{}, 3))
	assert.Equal(t, float64(-1<<62), roundTrip[float64](t, codec.MsgPack{}, int64(-1<<62)))
	assert.Equal(t, 3, roundTrip[int](t, codec.MsgPack{}, 3.0))
	assert.Equal(t, uint8(255), roundTrip[uint8](t, codec.MsgPack{}, 255.0))
	assert.Equal(t, int64(math.MinInt64), roundTrip[int64](t, codec.MsgPack{}, float64(math.MinInt64)))
	assert.Equal(t, uint64(math.MaxUint64), roundTrip[uint64](t, codec.MsgPack{}, uint64(math.MaxUint64)))
}

func TestMsgPackRefusesAValueOfAnotherKind(t *testing.T) {
	for name, err := range map[string]error{
		"string into int":    decodeInto[int](t, "5"),
		"int into string":    decodeInto[string](t, 5),
		"bool into int":      decodeInto[int](t, true),
		"int into bool":      decodeInto[bool](t, 1),
		"map into slice":     decodeInto[[]int](t, map[string]int{}),
		"slice into map":     decodeInto[map[string]int](t, []int{}),
		"int into struct":    decodeInto[profile](t, 1),
		"slice into struct":  decodeInto[profile](t, []int{1}),
		"int map to struct":  decodeInto[profile](t, map[int]int{1: 1}),
		"int into time":      decodeInto[time.Time](t, 1),
		"time into int":      decodeInto[int](t, time.Now()),
		"int into Stringer":  decodeInto[fmt.Stringer](t, 1),
		"int into chan":      decodeInto[chan int](t, 1),
		"int into text":      decodeInto[netip.Addr](t, 1),
		"bad text":           decodeInto[big.Int](t, "not a number"),
		"slice as key":       decodeInto[map[any]int](t, map[[1]int]int{{1}: 1}),
		"slice as any's key": decodeInto[any](t, map[[1]int]int{{1}: 1}),
	} {
		assert.Error(t, err, name)
	}
}

func TestMsgPackStringsAndBytesConvert(t *testing.T) {
	assert.Equal(t, "ab", roundTrip[string](t, codec.MsgPack{}, []byte("ab")))
	assert.Equal(t, []byte("ab"), roundTrip[[]byte](t, codec.MsgPack{}, "ab"))
	assert.Equal(t, [3]byte{'a', 'b', 0}, roundTrip[[3]byte](t, codec.MsgPack{}, "ab"))
	assert.Equal(t, []byte{1, 2}, roundTrip[[]byte](t, codec.MsgPack{}, []int{1, 2}))
}

func TestMsgPackRefusesWhatItCannotEncode(t *testing.T) {
	for _, v := range []any{make(chan int), func() {}, complex(1, 2), struct{ F func() }{}, map[string]any{"c": make(chan int)}} {
		_, err := codec.MsgPack{}.Marshal(v)

		assert.Error(t, err, "%T", v)
	}
}

type selfPointer *selfPointer

func TestMsgPackRefusesCyclicValues(t *testing.T) {
	slice := []any{nil}
	slice[0] = slice
	m := map[string]any{}
	m["m"] = m
	p := &profile{}
	p.Next = p
	var itself any
	itself = &itself
	var pointer selfPointer
	pointer = &pointer
	for _, v := range []any{slice, m, p, itself, pointer} {
		_, err := codec.MsgPack{}.Marshal(v)

		assert.ErrorContains(t, err, "deeper", "%T", v)
	}
}

func TestMsgPackReadsTheDeepestItWrites(t *testing.T) {
	nest := func(levels int) any {
		var v any = 1
		for range levels {
			v = []any{v}
		}
		return v
	}

	assert.Equal(t, nest(1000), roundTrip[any](t, codec.MsgPack{}, nest(1000)))
	_, err := codec.MsgPack{}.Marshal(nest(1001))
	assert.Error(t, err)
}

func TestMsgPackRefusesDestinationsItCannotFill(t *testing.T) {
	for _, v := range []any{nil, 5, profile{}, (*int)(nil), map[string]any{}} {
		assert.Error(t, codec.MsgPack{}.Unmarshal([]byte{1}, v), "%T", v)
	}
	assert.Error(t, codec.MsgPack{}.Unmarshal([]byte{1}, new(selfPointer)))
}

func TestMsgPackRefusesTrailingBytes(t *testing.T) {
	var n int

	assert.ErrorContains(t, codec.MsgPack{}.Unmarshal([]byte{1, 2}, &n), "after")
}

func TestMsgPackRefusesEveryTruncation(t *testing.T) {
	data, err := codec.MsgPack{}.Marshal(fullProfile())
	require.NoError(t, err)
	for n := range data {
		var whole profile
		var loose any
		assert.Error(t, codec.MsgPack{}.Unmarshal(data[:n], &whole), "%d bytes", n)
		assert.Error(t, codec.MsgPack{}.Unmarshal(data[:n], &loose), "%d bytes", n)
	}
}

// allocated returns the bytes that f allocates in all, freed or not.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestMsgPackDeclaredLengthsAllocateNothing(t *testing.T) {
	for _, hostile := range []string{
		"\xdd\xff\xff\xff\xff", "\xdf\xff\xff\xff\xff", "\xdb\xff\xff\xff\xff", "\xc6\xff\xff\xff\xff",
		"\xc9\xff\xff\xff\xff\xff", "\xdd\x7f\xff\xff\xff\x01", "\xdf\x80\x00\x00\x00\x01\x01",
		strings.Repeat("\xdd\x00\xff\xff\xff", 500),
	} {
		for _, into := range []any{new(any), new([]int), new(map[string]any), new(map[int]int), new([]byte), new(string), new(profile), new([]string)} {
			got := allocated(func() {
				assert.ErrorContains(t, codec.MsgPack{}.Unmarshal([]byte(hostile), into), "truncated", "%T", into)
			})

			assert.Less(t, got, uint64(64<<10), "%q into %T", hostile, into)
		}
	}
}

func TestMsgPackDeepInputIsRefusedWithoutRecursion(t *testing.T) {
	for _, level := range []string{"\x91", "\x81\xa0", "\x81", "\xdc\x00\x01"} {
		hostile := []byte(strings.Repeat(level, 4<<20) + "\xc0")
		var v any

		got := allocated(func() { assert.Error(t, codec.MsgPack{}.Unmarshal(hostile, &v)) })

		assert.Less(t, got, uint64(1<<20))
	}
}

// The bounds are those the documentation of MsgPack states.
func TestMsgPackMemoryIsInProportionToInput(t *testing.T) {
	repeated := func(n int, element string) []byte {
		return append([]byte{0xdd, 0, byte(n >> 16), byte(n >> 8), byte(n)}, strings.Repeat(element, n)...)
	}
	for _, tc := range []struct {
		name    string
		data    []byte
		perByte float64
	}{
		{"nils", repeated(100_000, "\xc0"), 17},
		{"short strings", repeated(100_000, "\xa1a"), 20},
		{"empty slices", repeated(100_000, "\x90"), 42},
		{"empty maps", repeated(100_000, "\x80"), 66},
		{"maps of one entry", repeated(100_000, "\x81\xa0\xc0"), 130},
		{"maps of maps", repeated(100, strings.Repeat("\x81\xa0", 999)+"\xc0"), 170},
		{"maps of maps under nil", repeated(100, strings.Repeat("\x81\xc0", 999)+"\xc0"), 195},
		{"one key again and again", append([]byte{0xdf, 0, 1, 0, 0}, strings.Repeat("\xa0\xc0", 1<<16)...), 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var v any

			got := allocated(func() { require.NoError(t, codec.MsgPack{}.Unmarshal(tc.data, &v)) })

			assert.Less(t, float64(got)/float64(len(tc.data)), tc.perByte)
		})
	}
}

func TestMsgPackRefusesMalformedValues(t *testing.T) {
	for name, data := range map[string]string{
		"empty":                    "",
		"unused format":            "\xc1",
		"unknown extension":        "\xd4\x05\x00",
		"timestamp of one byte":    "\xd4\xff\x00",
		"nanoseconds of a second":  "\xc7\x0c\xff\x3b\x9a\xca\x00\x00\x00\x00\x00\x00\x00\x00\x00",
		"nanoseconds in 64 bits":   "\xd7\xff\xff\xff\xff\xff\x00\x00\x00\x00",
		"extension without a type": "\xd4",
	} {
		var loose any
		var instant time.Time
		assert.Error(t, codec.MsgPack{}.Unmarshal([]byte(data), &loose), name)
		assert.Error(t, codec.MsgPack{}.Unmarshal([]byte(data), &instant), name)
	}
}

func TestMsgPackMarshalReturnsBytesOfItsOwn(t *testing.T) {
	first, err := codec.MsgPack{}.Marshal("first")
	require.NoError(t, err)
	_, err = codec.MsgPack{}.Marshal("later")
	require.NoError(t, err)

	var got string
	require.NoError(t, codec.MsgPack{}.Unmarshal(first, &got))
	assert.Equal(t, "first", got)
}

func TestMsgPackUnmarshalKeepsNothingOfItsInput(t *testing.T) {
	in := map[string]any{"k": []byte("bytes"), "s": "string"}
	data, err := codec.MsgPack{}.Marshal(in)
	require.NoError(t, err)
	var got map[string]any
	require.NoError(t, codec.MsgPack{}.Unmarshal(data, &got))

	clear(data)

	assert.Equal(t, in, got)
}

// celsius writes itself through msgpack's encoder, kelvin as raw bytes; both have the methods on the pointer.
type celsius struct{ degrees int }

func (c *celsius) EncodeMsgpack(e *msgpack.Encoder) error {
	return e.EncodeMulti(map[string]int{"c": c.degrees})
}
func (c *celsius) DecodeMsgpack(d *msgpack.Decoder) error {
	var m map[string]int
	err := d.Decode(&m)
	c.degrees = m["c"]
	return err
}

type kelvin struct{ degrees byte }

func (k *kelvin) MarshalMsgpack() ([]byte, error) { return []byte{k.degrees & 0x7f}, nil }
func (k *kelvin) UnmarshalMsgpack(b []byte) error { k.degrees = b[0]; return nil }

func TestMsgPackTypesEncodeThemselvesWhereverTheyStand(t *testing.T) {
	type weather struct {
		C celsius
		K *kelvin
		M map[string]celsius
		L []kelvin
	}
	want := weather{celsius{20}, &kelvin{3}, map[string]celsius{"x": {1}}, []kelvin{{4}, {5}}}

	assert.Equal(t, want, roundTrip[weather](t, codec.MsgPack{}, want))
	assert.Equal(t, celsius{7}, roundTrip[celsius](t, codec.MsgPack{}, celsius{7}))
	assert.Equal(t, celsius{7}, roundTrip[celsius](t, codec.MsgPack{}, map[string]any{"c": 7}))
}

// rogue does in its methods what it is told to.
type rogue struct {
	write string
	panic any
}

func (r rogue) MarshalMsgpack() ([]byte, error) {
	if r.panic != nil {
		panic(r.panic)
	}
	return []byte(r.write), nil
}
func (r *rogue) UnmarshalMsgpack([]byte) error { panic("rogue") }

func TestMsgPackRefusesATypeThatDoesNotWriteExactlyOneValue(t *testing.T) {
	for _, written := range []string{"", "\x01\x02", "\x92\x01", "\xc1", strings.Repeat("\x91", 1000) + "\x01"} {
		_, err := codec.MsgPack{}.Marshal([]any{rogue{write: written}})

		assert.Error(t, err, "%q", written)
	}
}

// glutton reads on after its own value, and sluggard reads nothing.
type glutton struct{ celsius }

func (*glutton) DecodeMsgpack(d *msgpack.Decoder) error { return errors.Join(d.Skip(), d.Skip()) }

type sluggard struct{ celsius }

func (*sluggard) DecodeMsgpack(*msgpack.Decoder) error { return nil }

func TestMsgPackRefusesATypeThatDoesNotReadExactlyOneValue(t *testing.T) {
	assert.Error(t, decodeInto[[]glutton](t, []int{1, 2}))
	assert.Error(t, decodeInto[[]sluggard](t, []int{1, 2}))
}

func TestMsgPackReportsAPanicOfTheValueAsAnError(t *testing.T) {
	_, err := codec.MsgPack{}.Marshal(rogue{panic: "boom"})
	assert.ErrorContains(t, err, "codec_test.rogue")
	assert.NotContains(t, err.Error(), "boom", "what it panicked with may be a secret")
	assert.ErrorContains(t, decodeInto[rogue](t, 1), "rogue")

	assert.Equal(t, "fine", roundTrip[string](t, codec.MsgPack{}, "fine"), "afterwards")
}

func TestMsgPackErrorsNameTheField(t *testing.T) {
	err := decodeInto[struct{ Outer struct{ Inner int8 } }](t, map[string]any{"Outer": map[string]any{"Inner": 300}})

	assert.ErrorContains(t, err, "Inner")
	assert.ErrorContains(t, err, "Outer")
	assert.NotContains(t, err.Error(), "300", "errors must not quote values")
}

// randomValue makes a value of the types that an any is to keep.
func randomValue(r *rand.Rand, depth int) any {
	n := 10
	if depth == 0 {
		n = 8
	}
	switch r.IntN(n) {
	case 0:
		return int(r.Uint64()) >> r.IntN(64)
	case 1:
		return math.Float64frombits(r.Uint64() &^ (1 << 62)) // never NaN, which equals nothing
	case 2:
		return strings.Repeat("s", r.IntN(300))
	case 3:
		return make([]byte, r.IntN(300))
	case 4:
		return r.IntN(2) == 0
	case 5:
		return time.Unix(r.Int64N(1<<36)-1<<35, r.Int64N(1e9)).UTC()
	case 6:
		return nil
	case 7:
		return math.MaxInt64 + 1 + r.Uint64()>>1
	case 8:
		s := make([]any, r.IntN(20))
		for i := range s {
			s[i] = randomValue(r, depth-1)
		}
		return s
	default:
		m := map[string]any{}
		for i := range r.IntN(20) {
			m[fmt.Sprint(i)] = randomValue(r, depth-1)
		}
		return m
	}
}

func TestMsgPackRandomValuesComeBackEqual(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		want := randomValue(r, 4)

		require.Equal(t, want, roundTrip[any](t, codec.MsgPack{}, want))
	}
}

func TestMsgPackIsReadByOtherImplementations(t *testing.T) {
	data, err := codec.MsgPack{}.Marshal(map[string]any{"n": 300, "s": "x", "f": 1.5, "l": []any{true, nil}})
	require.NoError(t, err)
	var got map[string]any

	require.NoError(t, msgpack.Unmarshal(data, &got))

	assert.EqualValues(t, map[string]any{"n": uint16(300), "s": "x", "f": 1.5, "l": []any{true, nil}}, got)
}

func TestMsgPackServesManyGoroutines(t *testing.T) {
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 200 {
				want := profile{Name: fmt.Sprint(g, i), Any: map[string]any{"g": g, "i": i}, Pair: [2]int16{int16(g), int16(i)}}
				data, err := codec.MsgPack{}.Marshal(want)
				assert.NoError(t, err)
				var got profile
				assert.NoError(t, codec.MsgPack{}.Unmarshal(data, &got))
				assert.Equal(t, want.Name, got.Name)
				assert.Equal(t, want.Any, got.Any)
			}
		})
	}
	all.Wait()
}

// UnmarshalCommon does not know these types.
type (
	text   string
	number int
	flag   bool
)

// commonIsReflected checks that a Common, which UnmarshalCommon may store, is read from data as a Named, of
// the same kind, which only reflection stores: either both are refused, or their values are the same.
func commonIsReflected[Common, Named any](t *testing.T, data []byte) {
	var direct, common Common
	var named Named
	stored := wire.UnmarshalCommon(data, &direct)
	err := codec.MsgPack{}.Unmarshal(data, &common)
	namedErr := codec.MsgPack{}.Unmarshal(data, &named)
	require.Equal(t, namedErr == nil, err == nil, "%v, by reflection %v", err, namedErr)
	if err == nil {
		require.EqualValues(t, named, common)
	}
	if stored {
		require.NoError(t, namedErr)
		require.EqualValues(t, named, direct)
	} else {
		require.Zero(t, direct)
	}
}

func FuzzMsgPackUnmarshal(f *testing.F) {
	for _, v := range []any{nil, 1, -300, "s", []byte("b"), 1.5, time.Now(), []any{1, nil}, map[string]any{"a": map[int]int{1: 2}}, fullProfile()} {
		data, err := codec.MsgPack{}.Marshal(v)
		require.NoError(f, err)
		f.Add(data)
	}
	f.Add([]byte("\xdd\xff\xff\xff\xff"))
	f.Add([]byte("\x81\x91\x01\x01"))
	f.Add([]byte("\x81\xc0\x81\x91\xc0\xd4"))
	f.Add([]byte("\xa1s\x01"))
	f.Add([]byte("\xc3"))
	f.Add([]byte("\xcf\xff\xff\xff\xff\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		commonIsReflected[string, text](t, data)
		commonIsReflected[int, number](t, data)
		commonIsReflected[bool, flag](t, data)
		for _, into := range []any{new(profile), new([]string), new(map[any]any), new(map[string]int8), new(int16), new(float32), new([]celsius), new([]price), new(*big.Int), new(time.Time)} {
			if err := (codec.MsgPack{}).Unmarshal(data, into); err != nil {
				assert.NotContains(t, err.Error(), "panic")
			}
		}
		var v any
		if (codec.MsgPack{}).Unmarshal(data, &v) != nil {
			return
		}
		again, err := codec.MsgPack{}.Marshal(v)
		require.NoError(t, err, "what was read can be written")
		var w any
		require.NoError(t, codec.MsgPack{}.Unmarshal(again, &w))
		// Text, because NaN equals nothing, not even itself; maps print sorted.
		require.Equal(t, fmt.Sprintf("%#v", v), fmt.Sprintf("%#v", w))
	})
}
